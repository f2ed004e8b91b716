/**
 * A row that opens. Which one is open is in the address, so that a link leads to it.
 */
import { html, useEffect, useRef } from '../lib.js'
import { param } from '../stores/place.js'

/** @param {{ name: string, title: any, aside?: any, below?: any, by?: string, children: () => any }} props `by`: the parameter that says which is open, another where rows stand within one; `below`: seen whether it is open or not; what is inside is made when it is open only */
export function Fold({ name, title, aside, below, by = 'open', children }) {
  const shown = param(by)
  const open = shown.value === name
  const row = useRef(/** @type {HTMLElement|null} */ (null))
  // Who follows a link to it sees it.
  useEffect(() => { if (open) row.current?.scrollIntoView({ block: 'nearest' }) }, [])
  return html`
    <li class="fold" ref=${row} data-open=${open} data-row=${name}>
      <div class="fold-head">
        <button type="button" class="fold-button" aria-expanded=${open} onClick=${() => { shown.value = open ? '' : name }}>
          <svg class="fold-sign" viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3l5 5l-5 5z" /></svg>${title}
        </button>
        ${aside}
      </div>
      ${below && html`<div class="fold-below">${below}</div>`}
      ${open && html`<div class="fold-body">${children()}</div>`}
    </li>`
}
