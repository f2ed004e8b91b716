/**
 * One chart on its canvas: uPlot keeps the frame, the value axis, the scales and the cursor; `draw.js` draws what stands inside.
 *
 * uPlot is given no points: lines differ in their times and carry bands, so they are drawn from the series themselves, which costs no copy.
 * A live picture is moved on by `advance.js` where it can be, without uPlot. Styles are set through the DOM only, as the page's content
 * security policy asks.
 *
 * @import { Drawn } from './advance.js'
 * @import { Band, DrawnLine, View } from './draw.js'
 * @import { Threshold } from '../stores/alerts.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import uPlot from '../../vendor/uplot.js'
import { colour } from '../colour.js'
import { advance, drawnOf } from './advance.js'
import { labels, splits } from './axis.js'
import { drawBand, drawEvents, drawGrid, drawLine, drawStack, drawThresholds, LANE } from './draw.js'
import { boundsOf } from './series.js'
import { steadyScale } from './scale.js'
import { onPixels } from './shape.js'
import { boxOf, drawTimes, FONT, TIMES_HEIGHT, timesOf, widthOf } from './times.js'

/**
 * @typedef {{
 *   lines: DrawnLine[], stack: { data: [number[], ...Array<Array<number|null|undefined>>], colours: string[] }|null,
 *   bands: Band[], thresholds: Threshold[], events: TimelineEvent[], marked: TimelineEvent|null, span: [number, number], live: boolean, utc: boolean
 * }} Picture  all that is drawn; `live`: its time goes on, and it ends with the end of a bucket
 * @typedef {{ unit: Unit, top?: number, stacked?: boolean, width: number, height: number, picture: Picture }} PlotOptions
 * @typedef {{ plot: uPlot, show: (picture: Picture) => void, redraw: () => void }} Plot  `show`: draws what differs; `redraw`: draws all of it
 */

const AXIS_WIDTH = 46
/** Lines of the value axis are at least so far apart. */
const LINE_SPACE = 34
/** Labels of the time axis are at least so far apart. */
const TIME_SPACE = 72

/** @param {PlotOptions} options @param {HTMLElement} into @returns {Plot} */
export function makePlot(options, into) {
  let { picture } = options
  /** What stands on the canvas; null while a whole picture is under way. @type {Drawn|null} */
  let drawn = null
  const steady = steadyScale(options.unit, { top: options.top, zero: options.stacked })
  const scaleOf = (/** @type {[number, number]} */ span) => steady(boundsOfPicture(picture, span))
  /** @param {uPlot} u */
  const spanOf = (u) => (picture.live ? onPixels(picture.span, boxOf(u).width) : picture.span)
  /** @type {uPlot.Options} */
  const config = {
    width: options.width,
    height: options.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    tzDate: (t) => (picture.utc ? uPlot.tzDate(new Date(t * 1000), 'Etc/UTC') : new Date(t * 1000)),
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, bind: { dblclick: () => null, mousedown: () => null, mouseup: () => null } },
    scales: {
      x: { time: true, range: (u) => spanOf(u) },
      y: { range: (u) => scaleOf(spanOf(u)) },
    },
    axes: [
      // `times.js` draws its labels, the same way whether the picture is moved or drawn as a whole.
      { font: FONT, size: TIMES_HEIGHT, gap: 0, space: TIME_SPACE, grid: { show: false }, ticks: { show: false }, values: (_, times) => times.map(() => '') },
      {
        stroke: () => colour('--ink-3'), font: FONT, size: (u, values) => axisWidth(u.ctx, values ?? []), gap: 6, space: LINE_SPACE,
        grid: { show: false }, ticks: { show: false },
        splits: (u, _, min, max) => splits(min, max, Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / LINE_SPACE)), options.unit),
        values: (_, lines) => labels(lines, options.unit),
      },
    ],
    // One series that draws nothing, since uPlot works out scales for series only.
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: {
      draw: [(u) => {
        const times = timesOf(u, picture.utc)
        drawTimes(u, times)
        draw(u, picture, -Infinity)
        drawn = drawnOf(u, picture, times)
      }],
    },
  }
  const plot = new uPlot(config, [picture.span, [0, 0]], into)
  const redraw = () => {
    drawn = null
    plot.setData([picture.span, [0, 0]])
  }
  return {
    plot,
    redraw,
    show(next) {
      picture = next
      drawn = drawn && advance(plot, drawn, next, scaleOf, (from) => draw(plot, next, from))
      if (!drawn) redraw()
    },
  }
}

/** @param {Picture} picture @param {[number, number]} span @returns {[number, number]|null} */
function boundsOfPicture({ lines, stack, bands }, [start, end]) {
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

/** As wide as its labels, in steps, so that charts beside each other keep one width. @param {CanvasRenderingContext2D} pen @param {string[]} values */
function axisWidth(pen, values) {
  let widest = 0
  for (const text of values) widest = Math.max(widest, widthOf(pen, text))
  return Math.max(AXIS_WIDTH, Math.ceil((widest + 14) / 8) * 8)
}

/** Where things are on the canvas. @param {uPlot} u @param {number} from @param {number} until @returns {View} */
function viewOf(u, from, until) {
  const { x, y } = u.scales
  return {
    ...boxOf(u), scale: devicePixelRatio, start: x.min ?? 0, end: x.max ?? 1, from: Math.max(from, x.min ?? 0), until, low: y.min ?? 0, high: y.max ?? 1,
  }
}

/** @param {uPlot} u @param {Picture} picture @param {number} from what ends before is not drawn */
function draw(u, { lines, stack, bands, thresholds, events, marked, span, live }, from) {
  const { ctx: pen } = u
  const view = viewOf(u, from, live ? span[1] : Infinity)
  pen.save()
  pen.beginPath()
  pen.rect(view.left, view.top - 2 * view.scale, view.width, view.height + 4 * view.scale)
  pen.clip()
  drawGrid(pen, view, /** @type {any} */ (u.axes[1])._splits ?? [])
  // Round corners of so many points take five times as long to draw, and nobody sees them.
  pen.lineJoin = 'bevel'
  for (const band of bands) drawBand(pen, view, band)
  if (stack) drawStack(pen, view, stack.data, stack.colours)
  for (const line of lines) drawLine(pen, view, line)
  drawThresholds(pen, view, thresholds)
  pen.restore()
  pen.save()
  pen.beginPath()
  pen.rect(view.left, view.top + view.height, view.width, (LANE + 3) * view.scale)
  pen.clip()
  drawEvents(pen, view, events, marked)
  pen.restore()
}

/** The event whose tick is nearest to a place of the lane, in CSS pixels of the plot's own area. @param {uPlot} u @param {TimelineEvent[]} events @param {number} x @param {number} room */
export function eventsAt(u, events, x, room) {
  const near = events.filter((e) => Math.abs(u.valToPos(e.time, 'x') - x) <= room)
  return near.sort((a, b) => Math.abs(u.valToPos(a.time, 'x') - x) - Math.abs(u.valToPos(b.time, 'x') - x))
}
