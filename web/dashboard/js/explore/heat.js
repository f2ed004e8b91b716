/**
 * The grid of a heat map: how many observations fell into each bucket of a histogram in each step.
 *
 * Pure. Classic buckets count up (`le`): what fell into one is what it has more than the one below it. A step in which a bucket was not
 * measured stays empty; nothing is made up for it.
 *
 * @import { Line } from '../points.js'
 * @typedef {{ from: number, to: number }} Bucket  greater than `from`, at most `to`
 * @typedef {{ t: number[], step: number, buckets: Bucket[], cells: Array<number|null>, most: number, groups: number }} Heat
 *   `t`: the end of each column; `cells`: column by column, in each from the lowest bucket up; `groups`: label sets that were added up
 */
import { floatOf } from '../chart/series.js'

/** Shares of an observation, which sums of floats leave over. */
const NEARLY_NONE = 1e-9

/** Whether all of these are buckets. @param {Line[]} lines */
export const areBuckets = (lines) => lines.length > 1 && lines.every((line) => Number.isFinite(boundOf(line)) || boundOf(line) === Infinity)

/** @param {Line} line */
const boundOf = ({ metric: { le } }) => (le === undefined || le === '' ? NaN : floatOf(le))

/** @param {Line[]} lines with a label `le` each @param {number} step seconds @returns {Heat} */
export function heatOf(lines, step) {
  /** @type {Map<number, Line[]>} */
  const byBound = new Map()
  for (const line of lines) byBound.set(boundOf(line), [...byBound.get(boundOf(line)) ?? [], line])
  const bounds = [...byBound.keys()].sort((a, b) => a - b)
  const groups = Math.max(0, ...[...byBound.values()].map((of) => of.length))
  const t = [...new Set(lines.flatMap((line) => line.t))].sort((a, b) => a - b)
  const column = new Map(t.map((time, i) => [time, i]))
  const counted = bounds.map((bound) => total(byBound.get(bound) ?? [], column, t.length))
  const buckets = bounds.map((to, i) => ({ from: i === 0 ? (to > 0 ? 0 : -Infinity) : bounds[i - 1], to }))
  /** @type {Array<number|null>} */
  const cells = []
  let most = 0
  for (let c = 0; c < t.length; c += 1) {
    for (let b = 0; b < bounds.length; b += 1) {
      const cell = difference(counted[b][c], b === 0 ? 0 : counted[b - 1][c])
      cells.push(cell)
      if (cell !== null && cell > most) most = cell
    }
  }
  return { t, step, buckets, cells, most, groups }
}

/** What a bucket counted at each time, over all label sets that have it. @param {Line[]} lines @param {Map<number, number>} column @param {number} columns */
function total(lines, column, columns) {
  /** @type {Array<number|null>} */
  const sums = Array.from({ length: columns }, () => null)
  for (const line of lines) {
    line.t.forEach((time, i) => {
      const at = column.get(time)
      const value = line.v[i]
      if (at !== undefined && value !== null) sums[at] = (sums[at] ?? 0) + value
    })
  }
  return sums
}

/** @param {number|null} upper @param {number|null} lower */
function difference(upper, lower) {
  if (upper === null || lower === null) return null
  const more = upper - lower
  if (Math.abs(more) < NEARLY_NONE * Math.max(1, Math.abs(upper))) return 0
  // A bucket that counts less than the one below it is wrong: what fell into it is not known.
  return more < 0 ? null : more
}

/** How many colours a heat map has, besides none. */
export const CLASSES = 6

/** The upper end of each class, rising with the square, so that few observations are seen beside many. @param {number} most */
export function classesOf(most) {
  const whole = most >= CLASSES * CLASSES
  return Array.from({ length: CLASSES }, (_, i) => {
    const end = most * ((i + 1) / CLASSES) ** 2
    return i === CLASSES - 1 ? most : whole ? Math.round(end) : end
  })
}

/** The class of a count; -1 for none. @param {number|null} count @param {number[]} classes */
export function classOf(count, classes) {
  if (count === null || count <= 0) return -1
  const found = classes.findIndex((end) => count <= end)
  return found < 0 ? classes.length - 1 : found
}

/** The column whose step holds a time; -1 where none does. @param {Heat} heat @param {number} time */
export function columnAt({ t, step }, time) {
  for (let low = 0, high = t.length; low < high;) {
    const mid = (low + high) >> 1
    if (time > t[mid]) low = mid + 1
    else if (time > t[mid] - step) return mid
    else high = mid
  }
  return -1
}

const TICKS = [1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000]

/** Round times, at least so far apart. @param {number} start @param {number} end @param {number} most how many find room @param {number} offset of the clock from UTC, seconds */
export function ticksOf(start, end, most, offset) {
  const step = TICKS.find((s) => (end - start) / s <= Math.max(1, most)) ?? TICKS[TICKS.length - 1]
  const out = []
  for (let t = Math.ceil((start + offset) / step) * step - offset; t <= end; t += step) out.push(t)
  return out
}
