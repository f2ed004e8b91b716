/**
 * Keeps the focus on what the reader acted on, when that goes to another list.
 */

/** An answer that comes later than this finds the reader elsewhere. */
const PATIENCE_MS = 5000

/** Which button takes the focus when it appears, by the id of what it is about: the first that does. @type {string[]} */
let wanted = []
let until = 0

/** @param {string[]} ids where it may turn up */
export function follow(...ids) {
  wanted = ids
  until = performance.now() + PATIENCE_MS
}

/** For the `ref` of the button that undoes, or does again. @param {string} id @returns {(button: HTMLElement|null) => void} */
export const takesFocus = (id) => (button) => {
  // The button that was pressed is still there until the answer comes.
  if (!button || !wanted.includes(id) || button === document.activeElement) return
  wanted = []
  if (performance.now() < until) button.focus()
}
