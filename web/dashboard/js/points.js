/**
 * Points of series and what charts need of them: merging, gaps, rates, sums, one time axis.
 *
 * Pure. A line's times rise strictly; a value is null where nothing was measured.
 *
 * @import { Metric } from './types.js'
 * @typedef {{ key: string, metric: Metric, t: number[], v: Array<number|null> }} Line
 * @typedef {[number[], ...Array<Array<number|null|undefined>>]} Aligned
 */

/** How many missing samples in a row make a gap. */
const MISSING = 3

/** Fetched points replace what was held for their span; older and newer ones stay. @param {Line} line @param {number[]} t @param {Array<number|null>} v */
export function merge(line, t, v) {
  if (t.length === 0) return
  const before = lowerBound(line.t, t[0])
  const after = upperBound(line.t, t[t.length - 1])
  line.t = [...line.t.slice(0, before), ...t, ...line.t.slice(after)]
  line.v = [...line.v.slice(0, before), ...v, ...line.v.slice(after)]
}

/**
 * Adds a live point. With a step, points of the same step replace each other, so that a week's line stays as
 * long as its chart is wide, whatever the sampling interval.
 * @param {Line} line @param {number} t @param {number|null} v @param {number} step seconds, 0 for every point
 */
export function append(line, t, v, step) {
  const last = line.t.length - 1
  if (last < 0 || t > line.t[last]) {
    const same = step > 0 && last >= 0 && Math.ceil(line.t[last] / step) === Math.ceil(t / step)
    if (same) line.t[last] = t
    else line.t.push(t)
    line.v[line.t.length - 1] = v
  } else if (step === 0) {
    merge(line, [t], [v])
  }
}

/** Forgets points before `start`, but keeps the one that the line enters the chart with. @param {Line} line @param {number} start */
export function trim(line, start) {
  const keep = lowerBound(line.t, start) - 1
  if (keep <= 0) return
  line.t.splice(0, keep)
  line.v.splice(0, keep)
}

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

/** A null in the middle of every hole, so that no line is drawn across it. @param {Line} line @param {number} step @returns {Line} */
export function withGaps(line, step) {
  const limit = gapLimit(line.t, step)
  /** @type {number[]} */
  const t = []
  /** @type {Array<number|null>} */
  const v = []
  for (let i = 0; i < line.t.length; i += 1) {
    if (i > 0 && line.t[i] - line.t[i - 1] > limit) {
      t.push((line.t[i] + line.t[i - 1]) / 2)
      v.push(null)
    }
    t.push(line.t[i])
    v.push(line.v[i])
  }
  return { ...line, t, v }
}

/** Growth per second of a counter. Where it fell it was reset, and by how much it had grown is not known. @param {Line} line @param {number} step @returns {Line} */
export function rate(line, step) {
  const limit = gapLimit(line.t, step)
  /** @type {number[]} */
  const t = []
  /** @type {Array<number|null>} */
  const v = []
  for (let i = 1; i < line.t.length; i += 1) {
    const seconds = line.t[i] - line.t[i - 1]
    const now = line.v[i]
    const before = line.v[i - 1]
    t.push(line.t[i])
    // Across a hole the growth is known but not when it happened: nothing is drawn there.
    v.push(now === null || before === null || now < before || seconds > limit ? null : (now - before) / seconds)
  }
  return { ...line, t, v }
}

/** Adds up lines that were measured together, by a key of their labels. @param {Line[]} lines @param {(m: Metric) => string} by @returns {Line[]} */
export function sumBy(lines, by) {
  /** @type {Map<string, { metric: Metric, sums: Map<number, number> }>} */
  const groups = new Map()
  for (const line of lines) {
    const key = by(line.metric)
    const group = groups.get(key) ?? { metric: line.metric, sums: new Map() }
    groups.set(key, group)
    line.t.forEach((t, i) => {
      const v = line.v[i]
      if (v !== null) group.sums.set(t, (group.sums.get(t) ?? 0) + v)
    })
  }
  return [...groups].map(([key, { metric, sums }]) => {
    const t = [...sums.keys()].sort((a, b) => a - b)
    return { key, metric, t, v: t.map((at) => sums.get(at) ?? null) }
  })
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

/** Where a value stands between gaps: no line would show it. @param {Array<number|null|undefined>} column */
export function isolated(column) {
  /** @type {number[]} */
  const found = []
  let before = /** @type {number|null} */ (null)
  let candidate = -1
  column.forEach((value, i) => {
    if (value === undefined) return
    if (value === null && candidate >= 0) found.push(candidate)
    candidate = value !== null && before === null ? i : -1
    before = value
  })
  if (candidate >= 0) found.push(candidate)
  return found
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

/** Index of the first element that is not less. @param {number[]} t @param {number} x */
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
