/**
 * Which columns a table has: a button that opens a list to tick. The last one stays.
 */
import { html, useLayoutEffect, useRef, useState } from '../lib.js'

/** @param {{ columns: Array<{ key: string, title: string, help?: string }>, chosen: string[], choose: (keys: string[]) => void, first: string[] }} props `first`: those of the first look */
export function ColumnChoice({ columns, chosen, choose, first }) {
  const [open, setOpen] = useState(false)
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!open) return undefined
    box.current?.querySelector('input')?.focus()
    const outside = (/** @type {Event} */ event) => { if (!box.current?.contains(/** @type {Node} */ (event.target))) setOpen(false) }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [open])
  /** @param {string} key @param {boolean} on */
  const turn = (key, on) => {
    const list = columns.map((c) => c.key).filter((k) => (k === key ? on : chosen.includes(k)))
    if (list.length > 0) choose(list)
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (!open || event.key !== 'Escape') return
    event.preventDefault()
    event.stopPropagation()
    setOpen(false)
    box.current?.querySelector('button')?.focus()
  }
  return html`
    <div class="menu column-choice" ref=${box} onKeyDown=${onKeyDown} onFocusOut=${(/** @type {FocusEvent} */ e) => { if (e.relatedTarget && !box.current?.contains(/** @type {Node} */ (e.relatedTarget))) setOpen(false) }}>
      <button type="button" class="button" aria-expanded=${open} onClick=${() => setOpen(!open)}>Columns</button>
      ${open && html`
        <div class="menu-items" role="group" aria-label="Columns">
          ${columns.map(({ key, title, help }) => html`
            <label key=${key} title=${help}><input type="checkbox" checked=${chosen.includes(key)} disabled=${chosen.length === 1 && chosen[0] === key} onChange=${(/** @type {any} */ e) => turn(key, e.target.checked)} /> ${title}</label>`)}
          ${chosen.join() !== first.join() && html`<button type="button" onClick=${() => { choose(first); box.current?.querySelector('input')?.focus() }}>As at first</button>`}
        </div>`}
    </div>`
}
