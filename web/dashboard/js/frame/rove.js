/**
 * Where the keyboard goes within lists and cards, as pure decisions: which item a key leads to, and which of them the Tab key stops at.
 *
 * A list of forty links is one stop for Tab; arrows, Home and End walk within. `frame/focus.js` does what is decided here.
 */

/** @type {Record<string, (at: number, many: number) => number>} */
const MOVES = {
  ArrowDown: (at, many) => Math.min(many - 1, at + 1),
  ArrowRight: (at, many) => Math.min(many - 1, at + 1),
  ArrowUp: (at) => Math.max(0, at - 1),
  ArrowLeft: (at) => Math.max(0, at - 1),
  Home: () => 0,
  End: (_, many) => many - 1,
}

/** Where a key leads from item `at` of `many`; -1 for keys that lead nowhere here. @param {string} key @param {number} at @param {number} many */
export const moved = (key, at, many) => (many > 0 ? MOVES[key]?.(at, many) ?? -1 : -1)

/** The item that Tab stops at: the one it stopped at before, or the first. @param {boolean[]} held which of the items has the stop now */
export const stopAt = (held) => Math.max(0, held.indexOf(true))

/** The first item of each row, in their order. @template T, R @param {T[]} items @param {(item: T) => R} rowOf @returns {T[]} */
export function firsts(items, rowOf) {
  const seen = new Set()
  return items.filter((item) => !seen.has(rowOf(item)) && seen.add(rowOf(item)))
}

/** Where `j` (1) and `k` (-1) lead from item `at` of `many`; `at` is -1 where none has the focus. @param {number} at @param {1|-1} step @param {number} many */
export const stepped = (at, step, many) => (many === 0 ? -1 : at < 0 ? (step > 0 ? 0 : many - 1) : Math.min(many - 1, Math.max(0, at + step)))

/** What takes the focus when item `at` has gone and `many` are left: the one that stands there now, else the last; -1 where none is left. @param {number} at @param {number} many */
export const heir = (at, many) => (many === 0 ? -1 : Math.min(Math.max(0, at), many - 1))
