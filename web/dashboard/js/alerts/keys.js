/**
 * Keys of the page: what they do, they do to the row that has the focus, or to the first one.
 */
import { bind } from '../keys.js'
import { openEditor } from './editing.js'

/** Presses a button of the row that has the focus. @param {string} act as the button names what it does */
function press(act) {
  const button = `[data-act="${act}"]`
  // A row within a row may leave the button to that.
  for (let at = document.activeElement; at; at = at.parentElement?.closest('[data-alert], [data-row]') ?? null) {
    const found = /** @type {HTMLElement|null} */ (at.matches('[data-alert], [data-row]') ? at.querySelector(button) : null)
    if (found) return found.click()
  }
  return /** @type {HTMLElement|null} */ (document.querySelector(`[data-panel="firing"] ${button}`))?.click()
}

/** Begins; returns what ends it. */
export const followKeys = () => bind([
  { keys: 's', words: 'Silence the alert, or end its silence', group: 'Alerts', run: () => press('silence') },
  { keys: 'x', words: 'Acknowledge the alert, or undo that', group: 'Alerts', run: () => press('acknowledge') },
  { keys: 'n', words: 'Write a rule', group: 'Alerts', run: () => openEditor('new') },
])
