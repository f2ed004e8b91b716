/**
 * Faces of one page, of which one is in view: the address says which, by `tab`. Arrow keys go from one to the next.
 */
import { html } from '../lib.js'
import { param, setParams } from '../stores/place.js'

/** The tab in view; the first where the address says none, or one that is not there. @param {Array<[string, string]>} tabs names and titles */
export function tabOf(tabs) {
  const { value } = param('tab')
  return tabs.some(([name]) => name === value) ? value : tabs[0][0]
}

/** @param {{ tabs: Array<[string, string]>, label: string, face: string, drop?: string[] }} props `face`: the id of what is in view; `drop`: parameters that go when another is shown */
export function Tabs({ tabs, label, face, drop = [] }) {
  const shown = tabOf(tabs)
  /** @param {string} name */
  const show = (name) => setParams({ tab: name === tabs[0][0] ? '' : name, ...Object.fromEntries(drop.map((key) => [key, ''])) })
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const at = tabs.findIndex(([name]) => name === shown)
    show(tabs[(at + step + tabs.length) % tabs.length][0])
    requestAnimationFrame(() => /** @type {HTMLElement|null} */ (document.querySelector('.page-tabs [aria-selected="true"]'))?.focus())
  }
  return html`
    <div class="tabs page-tabs" role="tablist" aria-label=${label} onKeyDown=${onKeyDown}>
      ${tabs.map(([name, title]) => html`<button type="button" role="tab" key=${name} id=${`tab-${name}`} aria-selected=${name === shown} aria-controls=${face} tabindex=${name === shown ? 0 : -1} onClick=${() => show(name)}>${title}</button>`)}
    </div>`
}
