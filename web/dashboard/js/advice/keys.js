/**
 * Keys of the page: what they do, they do to the row that has the focus, or to the first one.
 */
import { bind } from '../keys.js'

/** Presses a button of the row that has the focus, or else of the first row that has it. @param {string} act as the button names what it does */
function press(act) {
  const button = `[data-act="${act}"]`
  const row = document.activeElement?.closest('[data-row]')
  const found = row ? row.querySelector(button) : document.querySelector(`[data-page="advice"] ${button}`)
  if (found instanceof HTMLElement) found.click()
}

/** Begins; returns what ends it. */
export const followKeys = () => bind([
  { keys: 'a', words: 'Accept the advice', group: 'Advice', run: () => press('accept') },
  { keys: 'd', words: 'It is done: applied', group: 'Advice', run: () => press('applied') },
  { keys: 'x', words: 'Dismiss the advice', group: 'Advice', run: () => press('dismiss') },
  { keys: 'u', words: 'Undo what was decided', group: 'Advice', run: () => press('undo') },
])
