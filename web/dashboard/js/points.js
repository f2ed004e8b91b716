/**
 * Points of series and what pictures need of them: gaps, stacks, the value at a time.
 *
 * Pure. A line's times rise strictly; a value is null where nothing was measured.
 *
 * @import { Metric } from './types.js'
 * @typedef {{ key: string, metric: Metric, t: number[], v: Array<number|null> }} Line
 * @typedef {[number[], ...Array<Array<number|null|undefined>>]} Aligned
 */

/** How many missing samples in a row make a gap. */
const MISSING = 3

/** The usual distance of neighbouring points: the median of the newest fifty. @param {number[]} t */
export function interval(t) {
  const steps = []
  for (let i = Math.max(1, t.length - 50); i < t.length; i += 1) steps.push(t[i] - t[i - 1])
  steps.sort((a, b) => a - b)
  return steps.length ? steps[steps.length >> 1] : 0
}

/** The longest distance that still counts as unbroken. @param {number[]} t @param {number} step */
export function gapLimit(t, step) {
  // A stepped answer already covers short holes by its lookback: a step without a point is a hole.
  return step > 0 ? step * 1.6 : Math.max(interval(t) * (MISSING + 0.5), 2)
}

/** All lines on one time axis. `undefined` says “no point here”, null says “a gap”. @param {Line[]} lines @returns {Aligned} */
export function align(lines) {
  if (lines.length === 1) return [lines[0].t, lines[0].v]
  const xs = [...new Set(lines.flatMap((l) => l.t))].sort((a, b) => a - b)
  return [xs, ...lines.map((line) => {
    let i = 0
    return xs.map((x) => (line.t[i] === x ? line.v[i++] : undefined))
  })]
}

/**
 * Each line on top of those before it; a line without a point at a time keeps its last one until its gap.
 * @param {Line[]} lines @param {number} step @param {(index: number) => number} [limitOf] the longest distance of points that still counts as unbroken @returns {Aligned}
 */
export function stack(lines, step, limitOf = (index) => gapLimit(lines[index].t, step)) {
  const [xs, ...columns] = align(lines)
  const total = xs.map(() => 0)
  return [xs, ...columns.map((column, c) => {
    const limit = limitOf(c)
    let held = /** @type {number|null} */ (null)
    let at = -Infinity
    return xs.map((x, i) => {
      const value = column[i]
      if (value !== undefined) {
        held = value
        at = x
      }
      if (held === null || x - at > limit) return null
      total[i] += held
      return total[i]
    })
  })]
}

/** The newest value at or before `time`, null when that is a gap or too long ago. @param {Line} line @param {number} time @param {number} step */
export function valueAt(line, time, step) {
  const i = upperBound(line.t, time) - 1
  if (i < 0 || time - line.t[i] > gapLimit(line.t, step)) return null
  return line.v[i]
}

/** Index of the first element that is not less. @param {ArrayLike<number>} t @param {number} x */
export function lowerBound(t, x) {
  let low = 0
  let high = t.length
  while (low < high) {
    const mid = (low + high) >> 1
    if (t[mid] < x) low = mid + 1
    else high = mid
  }
  return low
}

/** Index of the first element that is greater. @param {number[]} t @param {number} x */
function upperBound(t, x) {
  const i = lowerBound(t, x)
  return t[i] === x ? i + 1 : i
}
