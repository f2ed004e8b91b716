/**
 * What stands on the axes of a chart: where they end, where their lines are, and how times are labelled.
 *
 * Pure; drawing them is `plot.js`.
 */
import { clockTime, day } from './format.js'

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
const BINARY_STEPS = [1, 1.5, 2]

/** The end of the axis: the next round number, kept while the data needs more than half of it. @param {boolean} binary */
export function steadyTop(binary) {
  let held = 0
  /** @param {number} max @param {number} least */
  return (max, least) => {
    const needed = Math.max(max * 1.05, least)
    if (needed > held || needed < held * 0.45) held = roundUp(needed, binary)
    return held
  }
}

/** @param {number} n @param {boolean} binary round for bytes: a power of two, or one and a half of it */
export function roundUp(n, binary) {
  const base = binary ? 2 : 10
  const power = base ** Math.floor(Math.log(n) / Math.log(base) + 1e-9)
  return ((binary ? BINARY_STEPS : STEPS).find((s) => s * power >= n * 0.999) ?? base) * power
}

/** Five lines at most, and for bytes at powers of two so that labels stay round. @param {number} min @param {number} max @param {number} increment @param {boolean} binary */
export function splitsOf(min, max, increment, binary) {
  const step = binary ? max / 4 : Math.max(increment, 1e-12)
  const splits = []
  for (let v = Math.ceil(min / step) * step; v <= max * 1.0001; v += step) splits.push(Number(v.toPrecision(10)))
  return splits
}

/** The time, and the date where the day changes. @param {number} t @param {number|undefined} before */
export function timeLabel(t, before) {
  const midnight = clockTime(t) === '00:00'
  return midnight || (before !== undefined && day(before) !== day(t)) ? day(t) : clockTime(t)
}
