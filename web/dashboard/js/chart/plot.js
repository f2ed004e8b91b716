/**
 * Drawing one chart with uPlot: axes, colours, thresholds, event ticks.
 *
 * Colours come from CSS custom properties and are read anew whenever the theme changes. Styles are set through
 * the DOM only, as the page's content security policy asks.
 *
 * @import { Threshold } from '../stores/alerts.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import uPlot from '../../vendor/uplot.js'
import { colour } from '../colour.js'
import { isBinary, labels, roundUp, splits, steadyTop, timeLabel } from './axis.js'
import { isolated } from '../points.js'
import { markOf } from '../statuses.js'
import { weightOf } from '../timeline.js'

/** @typedef {{ name: string, colour: string }} DrawnLine */
/**
 * @typedef {{
 *   unit: Unit, top?: number, stacked?: boolean, lines: DrawnLine[], width: number, height: number,
 *   span: () => [number, number], thresholds: () => Threshold[], events: () => TimelineEvent[],
 *   onPoint: (time: number|null) => void, onEvent: (event: TimelineEvent|null, left: number) => void, onOpen: (event: TimelineEvent) => void
 * }} PlotOptions
 */

const AXIS_WIDTH = 46
/** Lines of the value axis are at least so far apart. */
const LINE_SPACE = 34
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
/** Height of the lane of event ticks between the plot and its time axis. */
const LANE = 7
const LABEL_HALF = 8
/** How near a pointer must come to a tick. */
const TICK_ROOM = 5

/** The colour of line `index`: ink for a single line, one of the eight otherwise. @param {number} index @param {number} lines */
export const lineColour = (index, lines) => (lines === 1 ? '--data' : `--series-${(index % 8) + 1}`)

/** @param {PlotOptions} options @param {uPlot.AlignedData} data @param {HTMLElement} into */
export function makePlot(options, data, into) {
  const binary = isBinary(options.unit)
  const topOf = steadyTop(binary)
  // A ratio cannot pass 1, and an axis that stays put is worth more than a few spare pixels.
  const whole = options.unit === 'ratio' && options.top === 1
  const stepped = options.stacked ? uPlot.paths.stepped?.({ align: 1 }) : undefined
  /** @type {uPlot.Options} */
  const config = {
    width: options.width,
    height: options.height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 6, width: 0, fill: (_, i) => colour(options.lines[i - 1]?.colour ?? '--data') },
    },
    scales: {
      x: { time: true, range: () => options.span() },
      y: {
        range: (_, min, max) => {
          const low = Number.isFinite(min) && min < 0 ? -roundUp(-min, binary) : 0
          if (whole && (max ?? 0) <= 1) return [low, 1]
          return [low, topOf(max ?? 0, options.top ?? 1e-9)]
        },
      },
    },
    axes: [
      {
        stroke: () => colour('--ink-3'), font: FONT, size: 20 + LANE, gap: 4 + LANE, space: 64,
        grid: { show: false }, ticks: { show: false },
        // A label that would be cut off at the edge is left out.
        values: (u, splits) => splits.map((t, i) => (u.valToPos(t, 'x') > u.bbox.width / devicePixelRatio - LABEL_HALF ? '' : timeLabel(t, splits[i - 1]))),
      },
      {
        stroke: () => colour('--ink-3'), font: FONT, size: (u, values) => axisWidth(u, values ?? []), gap: 6, space: LINE_SPACE,
        grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false },
        splits: (u, _, min, max) => splits(min, max, Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / LINE_SPACE)), options.unit),
        values: (_, lines) => labels(lines, options.unit),
      },
    ],
    series: [
      {},
      ...options.lines.map((line, i) => /** @type {uPlot.Series} */ ({
        label: line.name,
        stroke: () => colour(line.colour),
        width: 1.5,
        points: options.stacked
          ? { show: false }
          : { show: true, size: 3, fill: () => colour(line.colour), filter: (u, series) => isolated(/** @type {Array<number|null|undefined>} */ (u.data[series])) },
        paths: stepped,
        fill: options.stacked && i === 0 ? () => fade(colour(line.colour)) : undefined,
      })),
    ],
    bands: options.stacked
      ? options.lines.slice(1).map((line, i) => ({ series: /** @type {[number, number]} */ ([i + 2, i + 1]), fill: () => fade(colour(line.colour)) }))
      : undefined,
    hooks: { drawSeries: [], draw: [(u) => drawThresholds(u, options), (u) => drawEvents(u, options.events())] },
  }
  const plot = new uPlot(config, data, into)
  plot.over.addEventListener('mousemove', () => options.onPoint(plot.posToVal(plot.cursor.left ?? 0, 'x')))
  plot.over.addEventListener('mouseleave', () => options.onPoint(null))
  // The lane of ticks lies below the plot, where uPlot listens to nothing.
  const lane = plot.root
  /** @param {MouseEvent} event */
  const nearest = (event) => {
    const edge = plot.over.getBoundingClientRect()
    const below = event.clientY - edge.bottom
    if (below < 0 || below > LANE + 6) return null
    const x = event.clientX - edge.left
    const near = options.events().map((e) => ({ e, x: plot.valToPos(e.time, 'x') })).filter((found) => Math.abs(found.x - x) <= TICK_ROOM)
    return near.sort((a, b) => Math.abs(a.x - x) - Math.abs(b.x - x))[0] ?? null
  }
  lane.addEventListener('mousemove', (event) => {
    const found = nearest(event)
    lane.style.cursor = found ? 'pointer' : ''
    options.onEvent(found?.e ?? null, found ? found.x + plot.over.offsetLeft : 0)
  })
  lane.addEventListener('mouseleave', () => options.onEvent(null, 0))
  lane.addEventListener('click', (event) => {
    const found = nearest(event)
    if (found) options.onOpen(found.e)
  })
  return plot
}

/** As wide as its labels, in steps, so that charts beside each other keep one width. @param {uPlot} u @param {string[]} values */
function axisWidth(u, values) {
  u.ctx.save()
  u.ctx.font = FONT
  const widest = Math.max(0, ...values.map((v) => u.ctx.measureText(v).width))
  u.ctx.restore()
  return Math.max(AXIS_WIDTH, Math.ceil((widest + 14) / 8) * 8)
}

/** @param {string} rgb */
const fade = (rgb) => rgb.replace(/^rgba?\(([^,)]+),([^,)]+),([^,)]+).*$/, 'rgba($1,$2,$3,0.34)')

/** @param {uPlot} u @param {PlotOptions} options */
function drawThresholds(u, options) {
  const { ctx, bbox } = u
  const scale = devicePixelRatio
  ctx.save()
  ctx.lineWidth = scale
  ctx.setLineDash([4 * scale, 3 * scale])
  for (const threshold of options.thresholds()) {
    const y = Math.round(u.valToPos(threshold.value, 'y', true)) + 0.5
    if (y < bbox.top || y > bbox.top + bbox.height) continue
    ctx.strokeStyle = colour(`--${markOf(threshold.severity)}`)
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
  }
  ctx.restore()
}

/** @param {uPlot} u @param {TimelineEvent[]} events */
function drawEvents(u, events) {
  const { ctx, bbox } = u
  const scale = devicePixelRatio
  const top = bbox.top + bbox.height + 2 * scale
  ctx.save()
  ctx.fillStyle = colour('--line')
  ctx.fillRect(bbox.left, bbox.top + bbox.height, bbox.width, scale)
  for (const event of events) {
    const x = Math.round(u.valToPos(event.time, 'x', true))
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    const mark = weightOf(event)
    ctx.fillStyle = colour(mark === 'info' ? '--ink-3' : `--${mark}`)
    ctx.fillRect(x - scale / 2, top, Math.max(1, 1.5 * scale), LANE * scale)
  }
  ctx.restore()
}
