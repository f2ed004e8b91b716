/**
 * One chart on its canvas: uPlot keeps the frame, the axes, the scales and the cursor; `draw.js` draws what stands inside.
 *
 * uPlot is given no points: lines differ in their times and carry bands, so they are drawn from the series themselves, which costs no copy.
 * Styles are set through the DOM only, as the page's content security policy asks.
 *
 * @import { Band, DrawnLine, View } from './draw.js'
 * @import { Threshold } from '../stores/alerts.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import uPlot from '../../vendor/uplot.js'
import { colour } from '../colour.js'
import { labels, splits, timeLabel } from './axis.js'
import { drawBand, drawEvents, drawLine, drawStack, drawThresholds, LANE } from './draw.js'
import { boundsOf } from './series.js'
import { steadyScale } from './scale.js'

/**
 * @typedef {{
 *   lines: DrawnLine[], stack: { data: [number[], ...Array<Array<number|null|undefined>>], colours: string[] }|null,
 *   bands: Band[], thresholds: Threshold[], events: TimelineEvent[], marked: TimelineEvent|null, span: [number, number], utc: boolean
 * }} Picture  all that is drawn
 * @typedef {{ unit: Unit, top?: number, stacked?: boolean, width: number, height: number, picture: () => Picture }} PlotOptions
 */

const AXIS_WIDTH = 46
/** Lines of the value axis are at least so far apart. */
const LINE_SPACE = 34
/** Labels of the time axis are at least so far apart. */
const TIME_SPACE = 72
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'

/** @type {Map<string, number>} */
const widths = new Map()
const MOST_WIDTHS = 2000

/** How wide a label is: the same few are measured again and again. @param {CanvasRenderingContext2D} pen @param {string} text */
function widthOf(pen, text) {
  const held = widths.get(text)
  if (held !== undefined) return held
  if (widths.size > MOST_WIDTHS) widths.clear()
  pen.save()
  pen.font = FONT
  const width = pen.measureText(text).width
  pen.restore()
  widths.set(text, width)
  return width
}

/** @param {PlotOptions} options @param {HTMLElement} into */
export function makePlot(options, into) {
  const scaleOf = steadyScale(options.unit, { top: options.top, zero: options.stacked })
  const utcDate = (/** @type {number} */ t) => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC')
  const localDate = (/** @type {number} */ t) => new Date(t * 1000)
  /** @type {uPlot.Options} */
  const config = {
    width: options.width,
    height: options.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    tzDate: (t) => (options.picture().utc ? utcDate(t) : localDate(t)),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, bind: { dblclick: () => null, mousedown: () => null, mouseup: () => null } },
    scales: {
      x: { time: true, range: () => options.picture().span },
      y: { range: () => scaleOf(boundsOfPicture(options.picture())) },
    },
    axes: [
      {
        stroke: () => colour('--ink-3'), font: FONT, size: 20 + LANE, gap: 4 + LANE, space: TIME_SPACE,
        grid: { show: false }, ticks: { show: false },
        values: (u, times) => timeLabels(u, times, options.picture().utc),
      },
      {
        stroke: () => colour('--ink-3'), font: FONT, size: (u, values) => axisWidth(u.ctx, values ?? []), gap: 6, space: LINE_SPACE,
        grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false },
        splits: (u, _, min, max) => splits(min, max, Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / LINE_SPACE)), options.unit),
        values: (_, lines) => labels(lines, options.unit),
      },
    ],
    // One series that draws nothing, since uPlot works out scales for series only.
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: { draw: [(u) => draw(u, options.picture())] },
  }
  return new uPlot(config, [options.picture().span, [0, 0]], into)
}

/** @param {Picture} picture @returns {[number, number]|null} */
function boundsOfPicture({ lines, stack, bands, span: [start, end] }) {
  const found = stack ? boundsOfStack(stack.data, start, end) : boundsOf(lines.map((l) => l.series), start, end)
  const [low, high] = [bands.flatMap((b) => b.low), bands.flatMap((b) => b.high)].map((list) => list.filter((v) => v !== null))
  if (low.length === 0 || high.length === 0) return found
  return [Math.min(found?.[0] ?? Infinity, ...low), Math.max(found?.[1] ?? -Infinity, ...high)]
}

/** @param {[number[], ...Array<Array<number|null|undefined>>]} data @param {number} start @param {number} end @returns {[number, number]} */
function boundsOfStack([times, ...sums], start, end) {
  let high = 0
  const top = sums[sums.length - 1] ?? []
  times.forEach((t, i) => {
    if (t < start || t > end) return
    for (const sum of [top, ...sums]) high = Math.max(high, sum[i] ?? 0)
  })
  return [0, high]
}

/** A label that would be cut off at an edge is left out. @param {uPlot} u @param {number[]} times @param {boolean} utc */
function timeLabels(u, times, utc) {
  const right = u.bbox.width / devicePixelRatio + 8
  const left = -u.bbox.left / devicePixelRatio
  const short = times.length > 1 && times[1] - times[0] < 60
  return times.map((t, i) => {
    const text = timeLabel(t, times[i - 1], utc, short)
    const half = widthOf(u.ctx, text) / 2
    const x = u.valToPos(t, 'x')
    return x + half > right || x - half < left ? '' : text
  })
}

/** As wide as its labels, in steps, so that charts beside each other keep one width. @param {CanvasRenderingContext2D} pen @param {string[]} values */
function axisWidth(pen, values) {
  let widest = 0
  for (const text of values) widest = Math.max(widest, widthOf(pen, text))
  return Math.max(AXIS_WIDTH, Math.ceil((widest + 14) / 8) * 8)
}

/** Where things are on the canvas. @param {uPlot} u @returns {View} */
export function viewOf({ bbox, scales }) {
  return {
    left: bbox.left, top: bbox.top, width: bbox.width, height: bbox.height, scale: devicePixelRatio,
    start: scales.x.min ?? 0, end: scales.x.max ?? 1, low: scales.y.min ?? 0, high: scales.y.max ?? 1,
  }
}

/** @param {uPlot} u @param {Picture} picture */
function draw(u, { lines, stack, bands, thresholds, events, marked }) {
  const { ctx: pen } = u
  const view = viewOf(u)
  pen.save()
  pen.beginPath()
  pen.rect(view.left, view.top - 2 * view.scale, view.width, view.height + 4 * view.scale)
  pen.clip()
  // Round corners of so many points take five times as long to draw, and nobody sees them.
  pen.lineJoin = 'bevel'
  for (const band of bands) drawBand(pen, view, band)
  if (stack) drawStack(pen, view, stack.data, stack.colours)
  for (const line of lines) drawLine(pen, view, line)
  drawThresholds(pen, view, thresholds)
  pen.restore()
  drawEvents(pen, view, events, marked)
}

/** The event whose tick is nearest to a place of the lane, in CSS pixels of the plot's own area. @param {uPlot} u @param {TimelineEvent[]} events @param {number} x @param {number} room */
export function eventsAt(u, events, x, room) {
  const near = events.filter((e) => Math.abs(u.valToPos(e.time, 'x') - x) <= room)
  return near.sort((a, b) => Math.abs(u.valToPos(a.time, 'x') - x) - Math.abs(u.valToPos(b.time, 'x') - x))
}
