/**
 * What stands inside a chart's frame: lines with their bands, stacks, expected ranges, thresholds, the lane of events.
 *
 * Drawn on the canvas in its pixels; where things are comes from a `View`, colours come along with what is drawn.
 *
 * @import { Columns, Ends } from './columns.js'
 * @import { TimeLabel } from './times.js'
 * @typedef {{ left: number, top: number, width: number, height: number, start: number, end: number, from: number, until: number, low: number, high: number, scale: number }} View
 *   the plot in device pixels, its times and values; `from`: what ends before need not be drawn; `until`: what ends later is not drawn; `scale`: device pixels a CSS pixel
 * @typedef {{ ink: string, step: number, gap: number, dashed: boolean }} LineStyle
 * @typedef {{ value: number, ink: string }} Limit
 * @typedef {{ time: number, ink: string, marked: boolean }} Tick
 */
import { FONT_FACE } from '../fonts.js'
import { lowerBound } from '../points.js'
import { LANE, pixelOf, ranges, stretches } from './shape.js'

export const FONT_PX = 11
/** How far below the plot the labels of times begin, in CSS pixels: the lane of events lies between. */
export const LABEL_TOP = LANE + 3
/** Between the labels of the value axis and the plot. */
const LABEL_GAP = 6
/** What lies between the least and the greatest sample of a bucket is covered by the line where it is not wider than this many CSS pixels. */
const RANGE_LEAST_PX = 0.75
const RANGE_ALPHA = 0.26
const BAND_ALPHA = 0.14
const EDGE_ALPHA = 0.55
const STACK_ALPHA = 0.34
/** Of what is drawn to compare with. */
const PALE = 0.6
/** Half the width of a value that stands alone. */
const ALONE_PX = 1.75
/** A line whose points are nearer than this many CSS pixels is drawn one pixel wide: it looks as heavy as one with few, and takes a third of the time. */
const DENSE_PX = 3.7

/** Where a time is. @param {Pick<View, 'left'|'width'|'start'|'end'>} view */
export const xOf = ({ left, width, start, end }) => {
  const per = width / (end - start)
  return (/** @type {number} */ t) => left + (t - start) * per
}
/** Where a value is. @param {Pick<View, 'top'|'height'|'low'|'high'>} view */
export const yOf = ({ top, height, low, high }) => {
  const per = height / (high - low)
  return (/** @type {number} */ v) => top + height - (v - low) * per
}

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Columns} series @param {LineStyle} style */
export function drawLine(pen, view, series, { ink, step, gap, dashed }) {
  const x = xOf(view)
  const y = yOf(view)
  const { t, v, min, max } = series
  const bottom = view.top + view.height
  const within = (/** @type {number} */ at) => Math.min(bottom + 9, Math.max(view.top - 9, at))
  const dense = (step * view.width) / (view.end - view.start) < DENSE_PX * view.scale
  // The line itself covers what is no wider than it.
  const hair = (RANGE_LEAST_PX * view.scale * (view.high - view.low)) / view.height
  pen.strokeStyle = ink
  pen.fillStyle = ink
  for (const [from, to] of stretches(series, gap, view)) {
    for (const [first, last] of dashed ? [] : ranges(series, from, to, hair)) {
      pen.beginPath()
      for (let i = first; i <= last; i += 1) pen.lineTo(x(t[i]), within(y(max[i])))
      for (let i = last; i >= first; i -= 1) pen.lineTo(x(t[i]), within(y(min[i])))
      pen.closePath()
      pen.globalAlpha = RANGE_ALPHA
      pen.fill()
      // A short spike is a narrow band: its edge is what is seen of it.
      pen.globalAlpha = EDGE_ALPHA
      pen.lineWidth = view.scale
      pen.stroke()
    }
    pen.globalAlpha = dashed ? PALE : 1
    if (from === to) {
      // No line would show a value that stands alone.
      pen.beginPath()
      pen.arc(x(t[from]), within(y(v[from])), ALONE_PX * view.scale, 0, 2 * Math.PI)
      pen.fill()
      continue
    }
    pen.beginPath()
    for (let i = from; i <= to; i += 1) pen.lineTo(x(t[i]), within(y(v[i])))
    pen.setLineDash(dashed ? [4 * view.scale, 3 * view.scale] : [])
    pen.lineWidth = (dense ? 1 : dashed ? 1.25 : 1.5) * view.scale
    pen.stroke()
  }
  pen.setLineDash([])
  pen.globalAlpha = 1
}

/** Areas on top of each other. @param {CanvasRenderingContext2D} pen @param {View} view @param {[number[], ...Array<Array<number|null|undefined>>]} stacked sums from below @param {string[]} inks */
export function drawStack(pen, view, [times, ...sums], inks) {
  const x = xOf(view)
  const y = yOf(view)
  const first = Math.max(0, lowerBound(times, view.start) - 1)
  const last = Math.min(times.length - 1, lowerBound(times, view.end))
  const below = (/** @type {number} */ line, /** @type {number} */ i) => (line === 0 ? 0 : sums[line - 1][i] ?? 0)
  sums.forEach((sum, line) => {
    pen.fillStyle = inks[line]
    pen.strokeStyle = inks[line]
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

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Ends} band @param {string} ink */
export function drawBand(pen, view, { t, low, high }, ink) {
  const x = xOf(view)
  const y = yOf(view)
  pen.fillStyle = ink
  pen.globalAlpha = BAND_ALPHA
  // As with a line, the time before: the band enters with it.
  for (let from = Math.max(0, lowerBound(t, view.from) - 1); from < t.length && t[from] <= view.until; from += 1) {
    if (Number.isNaN(low[from]) || Number.isNaN(high[from])) continue
    let to = from
    while (to + 1 < t.length && t[to + 1] <= view.until && !Number.isNaN(low[to + 1]) && !Number.isNaN(high[to + 1])) to += 1
    pen.beginPath()
    for (let i = from; i <= to; i += 1) pen.lineTo(x(t[i]), y(high[i]))
    for (let i = to; i >= from; i -= 1) pen.lineTo(x(t[i]), y(low[i]))
    pen.fill()
    from = to
  }
  pen.globalAlpha = 1
}

/** Dashes keep their place in time, so that a picture that moves on takes them along. @param {CanvasRenderingContext2D} pen @param {View} view @param {Limit[]} limits */
export function drawThresholds(pen, view, limits) {
  const y = yOf(view)
  const dash = [Math.round(4 * view.scale), Math.round(3 * view.scale)]
  pen.lineWidth = view.scale
  pen.setLineDash(dash)
  pen.lineDashOffset = Math.round((view.start * view.width) / (view.end - view.start)) % (dash[0] + dash[1])
  for (const { value, ink } of limits) {
    const at = Math.round(y(value)) + 0.5
    if (at < view.top || at > view.top + view.height) continue
    pen.strokeStyle = ink
    pen.beginPath()
    pen.moveTo(view.left, at)
    pen.lineTo(view.left + view.width, at)
    pen.stroke()
  }
  pen.setLineDash([])
}

/** Ticks below the plot, on its time axis to the pixel. @param {CanvasRenderingContext2D} pen @param {View} view @param {Tick[]} ticks @param {string} edge the colour of the lane's own line */
export function drawEvents(pen, view, ticks, edge) {
  const x = xOf(view)
  const { scale } = view
  const top = view.top + view.height
  pen.fillStyle = edge
  pen.fillRect(view.left, top, view.width, scale)
  for (const { time, ink, marked } of ticks) {
    const wide = marked ? 3 * scale : Math.max(1, 1.5 * scale)
    const left = pixelOf(x(time) - wide / 2)
    if (left + wide <= view.left || left >= view.left + view.width) continue
    pen.fillStyle = ink
    pen.fillRect(left, top + 2 * scale, wide, LANE * scale)
  }
}

/** Lines of the value axis. @param {CanvasRenderingContext2D} pen @param {View} view @param {number[]} values @param {string} ink */
export function drawGrid(pen, view, values, ink) {
  const y = yOf(view)
  const thick = Math.max(1, Math.round(view.scale))
  pen.fillStyle = ink
  for (const value of values) pen.fillRect(view.left, Math.round(y(value)) - Math.floor(thick / 2), view.width, thick)
}

/** Labels of the value axis. @param {CanvasRenderingContext2D} pen @param {View} view @param {{ values: number[], names: string[] }} axis @param {string} ink */
export function drawNames(pen, view, { values, names }, ink) {
  const y = yOf(view)
  pen.font = `${FONT_PX * view.scale}px ${FONT_FACE}`
  pen.textAlign = 'right'
  pen.textBaseline = 'middle'
  pen.fillStyle = ink
  values.forEach((value, i) => pen.fillText(names[i], view.left - Math.round(LABEL_GAP * view.scale), Math.round(y(value))))
}

/** Labels of the time axis. @param {CanvasRenderingContext2D} pen @param {View} view @param {TimeLabel[]} labels @param {string} ink */
export function drawTimes(pen, view, labels, ink) {
  const x = xOf(view)
  pen.font = `${FONT_PX * view.scale}px ${FONT_FACE}`
  pen.textAlign = 'center'
  pen.textBaseline = 'top'
  pen.fillStyle = ink
  const y = Math.ceil(view.top + view.height + (LABEL_TOP + 1) * view.scale)
  for (const { t, text } of labels) pen.fillText(text, pixelOf(x(t)), y)
}
