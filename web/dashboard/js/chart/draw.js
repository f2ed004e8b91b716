/**
 * What stands inside a chart's frame: lines with their bands, stacks, expected ranges, thresholds, the lane of events.
 *
 * Drawn on the canvas in its pixels; where things are comes from a `View`, how they look from CSS custom properties.
 *
 * @import { Series } from './series.js'
 * @import { Threshold } from '../stores/alerts.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @typedef {{ left: number, top: number, width: number, height: number, start: number, end: number, low: number, high: number, scale: number }} View
 *   the plot in device pixels, its times and values; `scale`: device pixels a CSS pixel
 * @typedef {{ series: Series, colour: string, step: number, gap: number, dashed: boolean, stepped: boolean }} DrawnLine
 * @typedef {{ name: string, t: number[], low: Array<number|null>, high: Array<number|null>, colour?: string }} Band  a range of values over time: what is expected, or a forecast
 */
import { colour } from '../colour.js'
import { lowerBound } from '../points.js'
import { markOf } from '../statuses.js'
import { weightOf } from '../timeline.js'

/** Height of the lane of event ticks between the plot and its time axis, in CSS pixels. */
export const LANE = 7
const BAND_ALPHA = 0.26
const EDGE_ALPHA = 0.55
const STACK_ALPHA = 0.34
/** Of what is drawn to compare with. */
const PALE = 0.6
/** A line with more points than this is drawn one pixel wide: it looks as heavy as one with few, and takes a third of the time. */
const DENSE = 200

/** @param {View} view */
const xOf = ({ left, width, start, end }) => {
  const per = width / (end - start)
  return (/** @type {number} */ t) => left + (t - start) * per
}
/** @param {View} view */
const yOf = ({ top, height, low, high }) => {
  const per = height / (high - low)
  return (/** @type {number} */ v) => top + height - (v - low) * per
}

/** Stretches without a gap, as from and to (both within) of the buckets in view. @param {Series} series @param {number} gap @param {View} view @returns {Array<[number, number]>} */
export function stretches({ t, v }, gap, { start, end }) {
  /** @type {Array<[number, number]>} */
  const found = []
  let from = -1
  let i = Math.max(0, lowerBound(t, start) - 1)
  for (; i < t.length; i += 1) {
    const drawn = v[i] !== null && Number.isFinite(v[i])
    const broken = from >= 0 && t[i] - t[i - 1] > gap
    if (from >= 0 && (!drawn || broken)) {
      found.push([from, i - 1])
      from = -1
    }
    if (t[i] > end && (i === 0 || t[i - 1] > end)) break
    if (drawn && from < 0) from = i
  }
  if (from >= 0) found.push([from, i - 1])
  return found
}

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {DrawnLine} line */
export function drawLine(pen, view, { series, colour: property, gap, dashed, stepped }) {
  const x = xOf(view)
  const y = yOf(view)
  const { t, v, min, max, count } = series
  const mean = /** @type {number[]} */ (v)
  const bottom = view.top + view.height
  const within = (/** @type {number} */ at) => Math.min(bottom + 9, Math.max(view.top - 9, at))
  const ink = colour(property)
  pen.strokeStyle = ink
  pen.fillStyle = ink
  for (const [from, to] of stretches(series, gap, view)) {
    let banded = false
    for (let i = from; i <= to && !banded; i += 1) banded = count[i] > 1 && max[i] > min[i]
    if (banded && !dashed) {
      pen.beginPath()
      for (let i = from; i <= to; i += 1) pen.lineTo(x(t[i]), within(y(max[i])))
      for (let i = to; i >= from; i -= 1) pen.lineTo(x(t[i]), within(y(min[i])))
      pen.closePath()
      pen.globalAlpha = BAND_ALPHA
      pen.fill()
      // A short spike is a narrow band: its edge is what is seen of it.
      pen.globalAlpha = EDGE_ALPHA
      pen.lineWidth = view.scale
      pen.stroke()
    }
    pen.globalAlpha = dashed ? PALE : 1
    if (from === to && !stepped) {
      // No line would show a value that stands alone.
      pen.beginPath()
      pen.arc(x(t[from]), within(y(mean[from])), 1.75 * view.scale, 0, 2 * Math.PI)
      pen.fill()
      continue
    }
    pen.beginPath()
    for (let i = from; i <= to; i += 1) {
      const at = within(y(mean[i]))
      if (stepped && i > from) pen.lineTo(x(t[i]), within(y(mean[i - 1])))
      pen.lineTo(x(t[i]), at)
    }
    pen.setLineDash(dashed ? [4 * view.scale, 3 * view.scale] : [])
    pen.lineWidth = (to - from > DENSE ? 1 : dashed ? 1.25 : 1.5) * view.scale
    pen.stroke()
  }
  pen.setLineDash([])
  pen.globalAlpha = 1
}

/** Areas on top of each other. @param {CanvasRenderingContext2D} pen @param {View} view @param {[number[], ...Array<Array<number|null|undefined>>]} stacked sums from below @param {string[]} colours */
export function drawStack(pen, view, [times, ...sums], colours) {
  const x = xOf(view)
  const y = yOf(view)
  const first = Math.max(0, lowerBound(times, view.start) - 1)
  const last = Math.min(times.length - 1, lowerBound(times, view.end))
  const below = (/** @type {number} */ line, /** @type {number} */ i) => (line === 0 ? 0 : sums[line - 1][i] ?? 0)
  sums.forEach((sum, line) => {
    const ink = colour(colours[line])
    pen.fillStyle = ink
    pen.strokeStyle = ink
    pen.lineWidth = 1.5 * view.scale
    for (let from = first; from <= last; from += 1) {
      if (sum[from] === null || sum[from] === undefined) continue
      let to = from
      while (to < last && sum[to + 1] !== null && sum[to + 1] !== undefined) to += 1
      pen.beginPath()
      outline(pen, x, times, (i) => y(/** @type {number} */ (sum[i])), from, to)
      pen.globalAlpha = 1
      pen.stroke()
      for (let i = to; i >= from; i -= 1) {
        if (i < to) pen.lineTo(x(times[i + 1]), y(below(line, i)))
        pen.lineTo(x(times[i]), y(below(line, i)))
      }
      pen.closePath()
      pen.globalAlpha = STACK_ALPHA
      pen.fill()
      from = to
    }
  })
  pen.globalAlpha = 1
}

/** A line of steps: a count holds until the next. @param {CanvasRenderingContext2D} pen @param {(t: number) => number} x @param {number[]} times @param {(i: number) => number} y @param {number} from @param {number} to */
function outline(pen, x, times, y, from, to) {
  for (let i = from; i <= to; i += 1) {
    pen.lineTo(x(times[i]), y(i))
    if (i < to) pen.lineTo(x(times[i + 1]), y(i))
  }
}

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Band} band */
export function drawBand(pen, view, { t, low, high, colour: property = '--accent' }) {
  const x = xOf(view)
  const y = yOf(view)
  pen.fillStyle = colour(property)
  pen.globalAlpha = 0.14
  for (let from = 0; from < t.length; from += 1) {
    if (low[from] === null || high[from] === null) continue
    let to = from
    while (to + 1 < t.length && low[to + 1] !== null && high[to + 1] !== null) to += 1
    pen.beginPath()
    for (let i = from; i <= to; i += 1) pen.lineTo(x(t[i]), y(/** @type {number} */ (high[i])))
    for (let i = to; i >= from; i -= 1) pen.lineTo(x(t[i]), y(/** @type {number} */ (low[i])))
    pen.fill()
    from = to
  }
  pen.globalAlpha = 1
}

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Threshold[]} thresholds */
export function drawThresholds(pen, view, thresholds) {
  const y = yOf(view)
  pen.lineWidth = view.scale
  pen.setLineDash([4 * view.scale, 3 * view.scale])
  for (const threshold of thresholds) {
    const at = Math.round(y(threshold.value)) + 0.5
    if (at < view.top || at > view.top + view.height) continue
    pen.strokeStyle = colour(`--${markOf(threshold.severity)}`)
    pen.beginPath()
    pen.moveTo(view.left, at)
    pen.lineTo(view.left + view.width, at)
    pen.stroke()
  }
  pen.setLineDash([])
}

/** Ticks below the plot, on its time axis to the pixel. @param {CanvasRenderingContext2D} pen @param {View} view @param {TimelineEvent[]} events @param {TimelineEvent|null} marked */
export function drawEvents(pen, view, events, marked) {
  const x = xOf(view)
  const { scale } = view
  const top = view.top + view.height
  pen.fillStyle = colour('--line-2')
  pen.fillRect(view.left, top, view.width, scale)
  for (const event of events) {
    if (event.time < view.start || event.time > view.end) continue
    const mark = weightOf(event)
    const wide = event === marked ? 3 * scale : Math.max(1, 1.5 * scale)
    pen.fillStyle = colour(event === marked ? '--accent' : mark === 'info' ? '--ink-3' : `--${mark}`)
    pen.fillRect(Math.round(x(event.time) - wide / 2), top + 2 * scale, wide, LANE * scale)
  }
}
