/**
 * The list of what can be written at the caret, beneath the place where it would be written.
 */
import { html, useLayoutEffect, useRef } from '../lib.js'

/** @param {{ id: string, open: import('./QueryField.js').Open, under: { current: HTMLElement|null }, accept: (offer: import('./complete.js').Offer) => void }} props */
export function Offers({ id, open, under, accept }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!box.current || !under.current) return
    const field = under.current.getBoundingClientRect()
    const at = placeOf(under.current, open.context.from)
    const room = Math.max(0, Math.min(field.width, document.documentElement.clientWidth - field.left) - box.current.offsetWidth)
    box.current.style.left = `${Math.max(0, Math.min(room, at.left - field.left))}px`
    box.current.style.top = `${at.bottom - field.top + 4}px`
    box.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  })
  const chosen = open.list[open.chosen]
  return html`
    <div class="offers" ref=${box} onMouseDown=${(/** @type {Event} */ e) => e.preventDefault()}>
      <ul id=${`${id}-offers`} role="listbox" aria-label="What can be written here">
        ${open.list.map((offer, i) => html`
          <li key=${`${offer.kind} ${offer.text}`} id=${`${id}-offer-${i}`} role="option" aria-selected=${i === open.chosen} onClick=${() => accept(offer)}>
            <bdi>${offer.text}</bdi><span class="quiet">${offer.kind}</span>
          </li>`)}
      </ul>
      ${chosen.detail && html`<p class="offers-help">${chosen.detail}</p>`}
    </div>`
}

/** Where a letter of the field stands. @param {HTMLElement} under @param {number} at */
function placeOf(under, at) {
  const range = document.createRange()
  const walker = document.createTreeWalker(under, NodeFilter.SHOW_TEXT)
  let left = at
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const length = node.textContent?.length ?? 0
    if (left > length) {
      left -= length
      continue
    }
    range.setStart(node, left)
    range.setEnd(node, left)
    return range.getClientRects()[0] ?? under.getBoundingClientRect()
  }
  return under.getBoundingClientRect()
}
