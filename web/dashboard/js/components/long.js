/**
 * Which rows of a long list are in view.
 *
 * Pure.
 */

/** @param {number} top how far it is scrolled @param {number} height of what is seen @param {number} rowHeight @param {number} length rows @param {number} spare rows drawn beyond what is in view */
export function inView(top, height, rowHeight, length, spare) {
  const first = Math.floor(Math.max(0, top) / rowHeight)
  const last = Math.ceil((Math.max(0, top) + height) / rowHeight)
  const to = Math.min(length, last + spare)
  return { from: Math.max(0, Math.min(first - spare, to)), to }
}
