/**
 * Series as charts draw them: buckets of one step, each with the smallest, mean, largest and newest of its samples.
 *
 * Pure. A bucket is named by its end `t` and covers (t − step, t], as `max_over_time(x[step])` at `t` does. An empty bucket is absent.
 *
 * @import { Line } from '../points.js'
 * @import { Metric } from '../types.js'
 * @typedef {Line & { min: number[], max: number[], last: number[], count: number[] }} Series  `v`: the means
 * @typedef {{ metric: Metric, t: number[], min: Text[], mean: Text[], max: Text[], last: Text[], count: number[] }} BucketRow  a series as `/api/v1/buckets` answers it
 * @typedef {number|string} Text
 * @typedef {{ last: number|null, min: number|null, max: number|null, mean: number|null }} Figures
 */
import { interval, lowerBound } from '../points.js'
import { print } from '../selector.js'

/** How many lost samples in a row make a gap. */
const MISSING = 3
/** From so many of the newest buckets is judged how often a series is sampled. */
const LOOKED_AT = 50

/** @param {Text} text JSON has no infinities: they come as text */
export const floatOf = (text) => (typeof text === 'number' ? text : text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text))

/** What a column may have in the place of a number. */
const TEXTS = ['NaN', '+Inf', '-Inf']

/** A column as numbers, in a list of its own. A list that is copied as a whole takes a small part of the time of one that is read number by number. @param {Text[]} column @returns {number[]} */
const numbers = (column) => (TEXTS.some((text) => column.includes(text)) ? column.map(floatOf) : /** @type {number[]} */ (column.slice()))

/** The row stays as it is: others may have asked for the same. @param {BucketRow} row @param {number} [shift] seconds to move it by @returns {Series} */
export function fromRow({ metric, t, min, mean, max, last, count }, shift = 0) {
  const means = numbers(mean)
  return {
    key: print(metric), metric, t: shift === 0 ? t.slice() : t.map((at) => at + shift), v: mean.includes('NaN') ? means.map(known) : means,
    min: numbers(min), max: numbers(max), last: numbers(last), count: count.slice(),
  }
}

/** Points without buckets, as a query over a range gives them. @param {Line} line @returns {Series} */
export function fromPoints(line) {
  const column = line.v.map((v) => v ?? NaN)
  return { ...line, min: column, max: column, last: column, count: line.t.map(() => 1) }
}

/** What can be drawn; null for NaN. @param {number} v */
const known = (v) => (Number.isNaN(v) ? null : v)

/** @param {import('../types.js').Metric} metric @returns {Series} */
export const emptySeries = (metric) => ({ key: print(metric), metric, t: [], v: [], min: [], max: [], last: [], count: [] })

/** @type {Array<'t'|'v'|'min'|'max'|'last'|'count'>} */
const COLUMNS = ['t', 'v', 'min', 'max', 'last', 'count']

/** A sample that has just been stored goes into its bucket. False for one that changes nothing. @param {Series} series @param {number} t @param {number} v @param {number} step */
export function addSample(series, t, v, step) {
  // The end of a series is told with a NaN: it is no value.
  if (Number.isNaN(v)) return false
  const end = Math.ceil(t / step) * step
  const at = lowerBound(series.t, end)
  if (series.t[at] !== end) {
    const fresh = { t: end, v, min: v, max: v, last: v, count: 1 }
    for (const name of COLUMNS) /** @type {any[]} */ (series[name]).splice(at, 0, fresh[name])
    return true
  }
  const n = (series.count[at] += 1)
  const mean = series.v[at] ?? v
  series.v[at] = known(mean + (v - mean) / n)
  // `Math.min` would keep the NaN of a bucket that held nothing else.
  series.min[at] = v > series.min[at] ? series.min[at] : v
  series.max[at] = v < series.max[at] ? series.max[at] : v
  series.last[at] = v
  return true
}

/** Later buckets that were asked anew take the place of those held from `from` on. @param {Series} series @param {Series|undefined} later @param {number} from the first bucket that was asked for */
export function replaceTail(series, later, from) {
  const keep = lowerBound(series.t, from)
  for (const name of COLUMNS) {
    series[name].length = keep
    if (later) /** @type {any[]} */ (series[name]).push(.../** @type {any[]} */ (later[name]))
  }
}

/** Forgets buckets before `start`, but for the one that the line enters the chart with. @param {Series} series @param {number} start */
export function trimSeries(series, start) {
  const gone = lowerBound(series.t, start) - 1
  if (gone > 0) for (const name of COLUMNS) series[name].splice(0, gone)
}

/** How far apart the samples of a series usually are. @param {Series} series @param {number} step */
export function samplingOf({ t, count }, step) {
  const counts = count.slice(-LOOKED_AT).sort((a, b) => a - b)
  const usual = counts[counts.length >> 1] ?? 1
  return usual > 1 ? step / usual : interval(t)
}

/** A series that comes more rarely than this, compared with others of its query, is not sampled: it came and went. */
const RARE = 4

/**
 * The longest distance of neighbouring buckets that still counts as unbroken.
 * @param {Series} series @param {number} step @param {number} [usual] how often others of the same query are sampled, 0 where that is not known
 */
export function gapOf(series, step, usual = 0) {
  const own = samplingOf(series, step)
  return Math.max(step * 1.5, Math.min(own, usual > 0 ? usual * RARE : own) * (MISSING + 0.5))
}

/** Figures of what lies within a time. @param {Series} series @param {number} start @param {number} end @returns {Figures} */
export function figuresOf({ t, v, min, max, last, count }, start, end) {
  let [low, high, sum, n] = [Infinity, -Infinity, 0, 0]
  /** @type {number|null} */
  let newest = null
  for (let i = upper(t, start); i < t.length; i += 1) {
    // The bucket at the end reaches beyond it.
    if (i > 0 && t[i - 1] >= end) break
    const mean = v[i]
    if (mean === null) continue
    if (min[i] < low) low = min[i]
    if (max[i] > high) high = max[i]
    sum += mean * count[i]
    n += count[i]
    newest = last[i]
  }
  return n === 0 ? { last: null, min: null, max: null, mean: null } : { last: newest, min: low, max: high, mean: sum / n }
}

/** Which bucket holds what was known at a time; -1 within a gap. @param {Series} series @param {number} time @param {number} step @param {number} gap */
export function bucketAt(series, time, step, gap) {
  const { t } = series
  const at = lowerBound(t, time)
  if (at < t.length && t[at] - step < time) return at
  return at > 0 && time - t[at - 1] <= gap ? at - 1 : -1
}

/** @param {number[]} t @param {number} x */
function upper(t, x) {
  const at = lowerBound(t, x)
  return t[at] === x ? at + 1 : at
}

/** The smallest and the largest finite value within a time; null where there is none. @param {Series[]} list @param {number} start @param {number} end @returns {[number, number]|null} */
export function boundsOf(list, start, end) {
  let [low, high] = [Infinity, -Infinity]
  for (const { t, min, max } of list) {
    for (let i = Math.max(0, lowerBound(t, start) - 1); i < t.length; i += 1) {
      if (i > 0 && t[i - 1] > end) break
      if (min[i] < low && min[i] > -Infinity) low = min[i]
      if (max[i] > high && max[i] < Infinity) high = max[i]
    }
  }
  return low <= high ? [low, high] : null
}

/** The first time of any of them. @param {Series[]} list */
export const firstOf = (list) => list.reduce((first, { t }) => (t.length > 0 && t[0] < first ? t[0] : first), Infinity)

/** The largest of values that may be NaN. @param {number[]} list */
function peakOf(list) {
  let top = -Infinity
  for (const v of list) if (v > top) top = v
  return top
}

/** Those with the highest values come first, those of equal height by name. @param {Series[]} list @returns {Series[]} */
export function highestFirst(list) {
  const peak = new Map(list.map((s) => [s, peakOf(s.max)]))
  return [...list].sort((a, b) => (/** @type {number} */ (peak.get(b)) - /** @type {number} */ (peak.get(a)) || (a.key < b.key ? -1 : 1)))
}
