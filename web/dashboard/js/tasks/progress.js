/**
 * The picture of a burn-up: tasks done and tasks wanted over time, and until when the rest will be done.
 *
 * Pure: times and counts in, places on the sheet out.
 *
 * @import { Line } from '../points.js'
 * @import { Forecast } from '../types.js'
 * @typedef {{ x: (t: number) => number, y: (v: number) => number, start: number, end: number, top: number }} Sheet
 * @typedef {{ width: number, height: number, left: number, right: number, above: number, below: number }} Size
 */
import { roundUp } from '../chart/axis.js'

/** History of these lengths is shown, the shortest that holds all there is. */
const LENGTHS = [3600, 6 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400]
/** The future never takes more of the sheet than this, however far off the end is. */
const MOST_FUTURE = 0.55

/** How much history to show of a board that was first seen at `first`. @param {number|null} first null: nothing is known yet @param {number} now */
export function lengthFor(first, now) {
  const age = first === null ? 0 : now - first
  return LENGTHS.find((length) => length >= age * 1.02) ?? LENGTHS[LENGTHS.length - 1]
}

/** However young a board is, the sheet shows as much as this. */
const SHORTEST_S = 60

/** How much of the history to draw: the sheet begins with what is known. @param {Line[]} lines @param {number} at the newest point @param {number} length that was asked for */
export function drawnLength(lines, at, length) {
  const first = firstOf(lines)
  return first === null ? length : Math.min(length, Math.max(SHORTEST_S, at - first))
}

/** When the board was first seen, of an answer. @param {Line[]} lines @returns {number|null} */
export function firstOf(lines) {
  const starts = lines.flatMap((line) => line.t.slice(0, 1))
  return starts.length ? Math.min(...starts) : null
}

/** The quantiles of a forecast that have a time, the nearest first. @param {Forecast|null} forecast @param {number} now @returns {Array<{ share: number, at: number }>} */
export function quantiles(forecast, now) {
  if (!forecast || 'missing' in forecast) return []
  const list = [{ share: 0.05, at: forecast.p5 }, { share: 0.5, at: forecast.p50 }, { share: 0.85, at: forecast.p85 }, { share: 0.95, at: forecast.p95 }]
  return /** @type {Array<{ share: number, at: number }>} */ (list.filter((q) => q.at !== null && q.at > now))
}

/** @param {Size} size @param {number} length of the history @param {number} now @param {number|null} last where the forecast ends @param {number} most tasks */
export function sheetOf(size, length, now, last, most) {
  const start = now - length
  const future = last === null ? 0 : Math.min(last - now, (length * MOST_FUTURE) / (1 - MOST_FUTURE))
  const end = now + Math.max(future * 1.06, length * 0.02)
  const top = roundUp(Math.max(1, most) * 1.04, false)
  const [w, h] = [size.width - size.left - size.right, size.height - size.above - size.below]
  return { start, end, top, x: (/** @type {number} */ t) => size.left + ((t - start) / (end - start)) * w, y: (/** @type {number} */ v) => size.above + h - (v / top) * h }
}

/** A line in steps: a count holds until the next one is seen; it breaks where nothing was seen for longer than `gap`. @param {Sheet} sheet @param {Line|undefined} line @param {number} gap */
export function steps(sheet, line, gap) {
  if (!line) return ''
  let path = ''
  let before = -Infinity
  line.t.forEach((t, i) => {
    const v = line.v[i]
    if (v === null) return
    const [x, y] = [sheet.x(t).toFixed(1), sheet.y(v).toFixed(1)]
    path += t - before > gap ? `M${x} ${y}` : `H${x}V${y}`
    before = t
  })
  return path
}

/** Where the lines of the time axis stand. @param {number} start @param {number} end @param {number} most how many find room @param {number} ahead seconds that the clock is ahead of UTC @returns {number[]} */
export function ticks(start, end, most, ahead) {
  const step = [30, 60, 120, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400].find((s) => (end - start) / s <= most) ?? 90 * 86_400
  const out = []
  for (let t = Math.ceil((start + ahead) / step) * step - ahead; t <= end; t += step) out.push(t)
  return out
}
