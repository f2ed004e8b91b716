/**
 * The times that are named on a chart's time axis: which, where, and in what words.
 *
 * Pure but for the width of a text, which is an argument.
 *
 * @typedef {{ t: number, text: string }} TimeLabel
 */
import { timeLabel } from './axis.js'

/** Labels are at least so far apart, in CSS pixels. */
const SPACE = 72
const DAY = 86_400
/** Steps between labels, in seconds: what divides minutes, hours and days. */
const STEPS = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200, DAY, 2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY, 14 * DAY]
/** Steps in months, where days are too near. */
const MONTHS = [1, 2, 3, 6, 12]
const MONTH = 30.4 * DAY

/** Seconds that clocks are ahead of UTC. @param {number} t @param {boolean} utc */
const ahead = (t, utc) => (utc ? 0 : -60 * new Date(t * 1000).getTimezoneOffset())

/** The time at which clocks show a wall time, written as seconds as if it were UTC. @param {number} wall @param {boolean} utc */
const timeOf = (wall, utc) => wall - ahead(wall - ahead(wall, utc), utc)

/** Round times of the zone within a stretch, at least `SPACE` apart. @param {number} start @param {number} end @param {number} width CSS pixels @param {boolean} utc */
export function roundTimes(start, end, width, utc) {
  const least = ((end - start) / width) * SPACE
  const step = STEPS.find((s) => s >= least)
  const wall = start + ahead(start, utc)
  /** @type {number[]} */
  const found = []
  const add = (/** @type {number} */ at) => {
    const t = timeOf(at, utc)
    // Where clocks are put back, an hour has two times.
    if (t >= start && t <= end && !(t <= found[found.length - 1])) found.push(t)
    return t <= end
  }
  if (step !== undefined) {
    let at = Math.ceil(wall / step) * step
    while (add(at)) at += step
    return found
  }
  const months = MONTHS.find((m) => m * MONTH >= least) ?? 12 * Math.ceil(least / (12 * MONTH))
  const from = new Date(wall * 1000)
  let month = Math.ceil((from.getUTCFullYear() * 12 + from.getUTCMonth()) / months) * months
  while (add(Date.UTC(1970, month - 1970 * 12) / 1000)) month += months
  return found
}

/**
 * The labels of a stretch. One that would be cut off at the right is left out, and one that would reach out of the plot at the left, since a live picture is moved within it.
 * @param {number} start @param {number} end @param {number} width of the plot, CSS pixels @param {number} spare what a label may reach out at the right @param {boolean} utc @param {(text: string) => number} widthOf @returns {TimeLabel[]}
 */
export function timeLabels(start, end, width, spare, utc, widthOf) {
  const times = roundTimes(start, end, width, utc)
  const short = times.length > 1 && times[1] - times[0] < 60
  return times.map((t, i) => ({ t, text: timeLabel(t, times[i - 1], utc, short) })).filter(({ t, text }) => {
    const half = widthOf(text) / 2
    const x = ((t - start) / (end - start)) * width
    return x + half <= width + spare && x - half >= 1
  })
}
