/**
 * Keeps the focus where the reader acted, when what they acted on goes to another list.
 */
import { signal } from '../lib.js'

/** Which button takes the focus when it appears: the id of what it is about. */
const wanted = signal('')

/** @param {string} id */
export const follow = (id) => { wanted.value = id }

/** For the `ref` of the button that undoes, or does again. @param {string} id @returns {(button: HTMLButtonElement|null) => void} */
export const takesFocus = (id) => (button) => {
  if (!button || wanted.peek() !== id) return
  wanted.value = ''
  // Where the reader has gone elsewhere meanwhile, the focus stays there.
  if (document.activeElement === document.body || document.activeElement === null) button.focus()
}
