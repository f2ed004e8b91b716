/**
 * A small picture of figures over a time of its own: its axis, its paths, what stands at its cursor.
 *
 * Pure. The charts of pages show the period that the reader chose; this one shows the time in which something was seen.
 *
 * @import { Series } from '../chart/series.js'
 * @import { Unit } from '../format.js'
 */
import { labels, roundUp, splits } from '../chart/axis.js'
import { coloursOf } from '../chart/colours.js'
import { highestFirst } from '../chart/series.js'
import { figure } from '../chart/words.js'
import { historyQuery } from '../selector.js'
import { stepFor } from '../period.js'
import { clockTime, day, since, unitOf } from '../format.js'

/** Buckets of a picture, about. */
const POINTS = 240
/** The shortest time that is shown: a moment has no course. */
const SHORTEST_S = 3600
/** More lines than this are only counted: the highest are drawn. */
export const MOST_LINES = 8
/** So many are asked for, to find the highest. */
const MOST_ASKED = 100
/** So many buckets in a row without a sample make a gap. */
const GAP = 3

/** @typedef {{ key: string, name: string, colour: string, series: Series }} StripLine */

/** What is asked for: on whole steps, so that the same time gives the same buckets. @param {string} query @param {number} start @param {number} end */
export function questionOf(query, start, end) {
  const from = Math.min(start, end - SHORTEST_S)
  const step = stepFor(end - from, POINTS)
  return { query: historyQuery(query), start: Math.floor(from / step) * step, end: Math.ceil(end / step) * step, step, limit: MOST_ASKED }
}

/** The unit of a query: that of its metric, where it is of one metric and says so itself. @param {string} query @returns {Unit} */
export function unitOfQuery(query) {
  const name = /^\s*([a-zA-Z_:][\w:]*)\s*(\{[^]*\})?\s*$/.exec(query)?.[1] ?? ''
  if (!name.endsWith('_total')) return unitOf(name)
  const unit = unitOf(name)
  return unit === 'bytes' ? 'bytes_per_second' : unit === 'seconds' ? 'ratio' : 'plain'
}

/** What tells lines apart: the values of labels that differ. One line needs no name. @param {Series[]} list @returns {string[]} */
export function namesOf(list) {
  const all = [...new Set(list.flatMap(({ metric }) => Object.keys(metric)))]
  const differ = all.filter((label) => new Set(list.map(({ metric }) => metric[label] ?? '')).size > 1)
  return list.map(({ metric, key }) => differ.map((label) => metric[label] ?? '–').join(' · ') || key)
}

/** @param {Series[]} list @returns {StripLine[]} */
export function linesOf(list) {
  const some = list.length > MOST_LINES ? highestFirst(list).slice(0, MOST_LINES) : list
  const names = namesOf(some)
  const colours = coloursOf(some.map(({ key }) => key))
  return some.map((series, i) => ({ series, key: series.key, name: names[i], colour: colours.get(series.key) ?? '--data' }))
}

/** From zero to a round number above all that is drawn; below zero where something is. @param {StripLine[]} lines @param {Unit} unit @returns {{ low: number, high: number, ticks: Array<{ at: number, words: string }> }} */
export function axisOf(lines, unit) {
  const finite = (/** @type {number[]} */ column) => column.filter(Number.isFinite)
  const most = lines.reduce((max, { series }) => finite(series.max).reduce((a, b) => Math.max(a, b), max), 0)
  const least = lines.reduce((min, { series }) => finite(series.min).reduce((a, b) => Math.min(a, b), min), 0)
  const binary = unit === 'bytes' || unit === 'bytes_per_second'
  const top = most > 0 ? roundUp(most, binary) : least < 0 ? 0 : 1
  const high = unit === 'ratio' && most <= 1 && most > 0.5 ? 1 : top
  const low = least < 0 ? -roundUp(-least, binary) : 0
  const values = splits(low, high, 3, unit)
  const words = labels(values, unit)
  return { low, high, ticks: values.map((v, i) => ({ at: (v - low) / (high - low), words: words[i] })) }
}

/** The line of means and the band from the smallest to the largest, as paths; a gap is a gap. @param {Series} series @param {{ start: number, end: number, step: number }} time @param {{ low: number, high: number }} axis @param {number} width @param {number} height */
export function pathsOf(series, { start, end, step }, { low, high }, width, height) {
  const x = (/** @type {number} */ t) => (((t - step / 2 - start) / (end - start)) * width).toFixed(1)
  const y = (/** @type {number} */ v) => ((1 - (Math.min(high, Math.max(low, v)) - low) / (high - low)) * height).toFixed(1)
  let line = ''
  let band = ''
  /** @type {number[]} */
  let part = []
  const close = () => {
    if (part.some((i) => series.max[i] > series.min[i])) {
      const up = part.map((i) => `${x(series.t[i])} ${y(series.max[i])}`)
      const down = [...part].reverse().map((i) => `${x(series.t[i])} ${y(series.min[i])}`)
      band += `M${[...up, ...down].join('L')}Z`
    }
    // A point alone is seen as a dot.
    if (part.length === 1) line += `M${x(series.t[part[0]])} ${y(/** @type {number} */ (series.v[part[0]]))}h0`
    else if (part.length > 1) line += `M${part.map((i) => `${x(series.t[i])} ${y(/** @type {number} */ (series.v[i]))}`).join('L')}`
    part = []
  }
  const usual = usualStep(series.t, step)
  series.t.forEach((t, i) => {
    if (series.v[i] === null || !Number.isFinite(series.v[i])) return close()
    if (part.length > 0 && t - series.t[part[part.length - 1]] > GAP * usual) close()
    part.push(i)
  })
  close()
  return { line, band }
}

/** How far apart most points are: a series may be sampled more rarely than a picture has buckets. @param {number[]} t @param {number} step */
function usualStep(t, step) {
  const apart = t.slice(1).map((at, i) => at - t[i]).sort((a, b) => a - b)
  return Math.max(step, apart[apart.length >> 1] ?? step)
}

/** What a line is at a time: that of the nearest bucket, none where that is further away than a gap. @param {Series} series @param {number} time @param {number} step @param {Unit} unit */
export function figureAt(series, time, step, unit) {
  const near = series.t.reduce((best, t, i) => (best < 0 || Math.abs(t - time) < Math.abs(series.t[best] - time) ? i : best), -1)
  if (near < 0 || Math.abs(series.t[near] - time) > GAP * usualStep(series.t, step)) return 'no sample'
  return figure(series.v[near], unit)
}

/** `91 %, between 12 % and 97 %`. @param {Series} series @param {Unit} unit */
export function summaryOf(series, unit) {
  const known = series.t.map((_, i) => i).filter((i) => Number.isFinite(series.last[i]))
  if (known.length === 0) return 'no sample'
  const min = known.reduce((a, i) => Math.min(a, series.min[i]), Infinity)
  const max = known.reduce((a, i) => Math.max(a, series.max[i]), -Infinity)
  return `${figure(series.last[known[known.length - 1]], unit)} at last, between ${figure(min, unit)} and ${figure(max, unit)}`
}

/** From here on days are named rather than times. */
const LONG_S = 3 * 86_400

/** Times to write below a picture, evenly apart, with the day where it begins or changes. @param {number} start @param {number} end @param {number} most @param {number} now @returns {Array<{ t: number, words: string }>} */
export function timesOf(start, end, most, now) {
  const many = Math.min(5, most)
  const all = Array.from({ length: many }, (_, i) => start + (i / (many - 1)) * (end - start))
  return all.map((t, i) => ({ t, words: end - start >= LONG_S ? day(t) : i === 0 || day(t) !== day(all[i - 1]) ? since(t, now) : clockTime(t) }))
}
