/**
 * Random cases that are the same in each run: a failure can be repeated.
 */

/** mulberry32. @param {number} seed @returns {() => number} 0 to 1 */
export function random(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** @template T @param {() => number} next @param {T[]} list @returns {T} */
export const pick = (next, list) => list[Math.floor(next() * list.length)]
