/**
 * The colour of a line or a status, beside its name.
 */
import { html, useLayoutEffect, useRef } from '../lib.js'

/** @param {{ colour: string }} props a custom property's name */
export function Swatch({ colour }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => { if (box.current) box.current.style.background = `var(${colour})` }, [colour])
  return html`<i class="swatch" ref=${box}></i>`
}
