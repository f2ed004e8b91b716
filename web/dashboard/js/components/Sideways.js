/**
 * What may be wider than its place and then scrolls sideways: a sign stands at each edge behind which there is more.
 */
import { html, useLayoutEffect, useRef, useState } from '../lib.js'

/** Parts of a pixel are no more. */
const NEARLY_PX = 2

/** @param {{ kind: string, label: string, children?: any }} props `kind`: a class; `label`: how the region is called */
export function Sideways({ kind, label, children }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const [more, setMore] = useState('')
  const look = () => { if (box.current) setMore(edges(box.current)) }
  useLayoutEffect(look)
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(look)
    if (box.current) sizes.observe(box.current)
    return () => sizes.disconnect()
  }, [])
  return html`
    <div class="sideways" data-more=${more}>
      <div class=${kind} ref=${box} tabindex="0" role="region" aria-label=${label} onScroll=${look}>${children}</div>
    </div>`
}

/** At which edges there is more. @param {{ scrollLeft: number, scrollWidth: number, clientWidth: number }} box */
function edges({ scrollLeft, scrollWidth, clientWidth }) {
  return [scrollLeft > NEARLY_PX && 'left', scrollLeft + clientWidth < scrollWidth - NEARLY_PX && 'right'].filter(Boolean).join(' ')
}
