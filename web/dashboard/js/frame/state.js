/**
 * The state of things in the tab: in its title and in its icon, so that a tab in the background tells it too.
 *
 * @import { State } from '../stores/verdict.js'
 */

/** @type {Record<State, string>} */
const SHAPES = {
  ok: '<circle cx="16" cy="16" r="12" fill="#16785f"/><circle cx="16" cy="16" r="4.5" fill="#fff"/>',
  warning: '<path d="M16 3l14 26H2z" fill="#c47a00"/>',
  error: '<rect x="4" y="4" width="24" height="24" fill="#c4451c"/>',
  critical: '<path d="M16 1l15 15l-15 15l-15-15z" fill="#a3195b"/>',
  unknown: '<circle cx="16" cy="16" r="10.5" fill="none" stroke="#6c727a" stroke-width="4" stroke-dasharray="7 4"/>',
}
const WORDS = { ok: '', warning: '▲ ', error: '■ ', critical: '◆ ', unknown: '? ' }

/** @param {string} title @param {State} state @param {string} lost why what is shown is old, in few words; empty while it is not */
export function showState(title, state, lost) {
  document.title = `${WORDS[state]}${lost && `${lost} · `}${title} · Taskpulse`
  const icon = /** @type {HTMLLinkElement|null} */ (document.querySelector('link[rel="icon"]'))
  const address = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${SHAPES[state]}</svg>`)}`
  if (icon && icon.href !== address) icon.href = address
}
