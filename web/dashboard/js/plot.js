/**
 * Drawing one chart with uPlot: axes, colours, thresholds, event ticks.
 *
 * Colours come from CSS custom properties and are read anew whenever the theme changes. Styles are set through
 * the DOM only, as the page's content security policy asks.
 *
 * @import { Threshold } from './stores/alerts.js'
 * @import { Event as TimelineEvent } from './types.js'
 * @import { Unit } from './format.js'
 */
import uPlot from '../vendor/uplot.js'
import { roundUp, splitsOf, steadyTop, timeLabel } from './axis.js'
import { format } from './format.js'
import { isolated } from './points.js'
import { markOf } from './statuses.js'

/** @typedef {{ name: string, colour: string }} DrawnLine */
/**
 * @typedef {{
 *   unit: Unit, top?: number, stacked?: boolean, lines: DrawnLine[], width: number, height: number,
 *   span: () => [number, number], thresholds: () => Threshold[], events: () => TimelineEvent[],
 *   onPoint: (time: number|null) => void
 * }} PlotOptions
 */

const AXIS_WIDTH = 46
/** “512 KiB/s” needs more room than “100 %”. */
const WIDE_AXIS = 62
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
/** Height of the lane of event ticks between the plot and its time axis. */
const LANE = 7
const LABEL_HALF = 8

/** @type {HTMLElement|undefined} */
let probe

/** A custom property's colour as the theme in force has it. @param {string} property */
export function colour(property) {
  if (!probe) {
    probe = document.createElement('i')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  return getComputedStyle(probe).color
}

/** The colour of line `index`: ink for a single line, one of the eight otherwise. @param {number} index @param {number} lines */
export const lineColour = (index, lines) => (lines === 1 ? '--data' : `--series-${(index % 8) + 1}`)

/** @param {PlotOptions} options @param {uPlot.AlignedData} data @param {HTMLElement} into */
export function makePlot(options, data, into) {
  const binary = options.unit === 'bytes' || options.unit === 'bytes_per_second'
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
        stroke: () => colour('--ink-3'), font: FONT, size: binary || options.unit === 'seconds' ? WIDE_AXIS : AXIS_WIDTH, gap: 6, space: 30,
        grid: { stroke: () => colour('--line'), width: 1 }, ticks: { show: false },
        splits: (_, __, min, max, increment) => splitsOf(min, max, increment, binary),
        values: (_, splits) => splits.map((v) => format(v, options.unit)),
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
  return plot
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
    const mark = markOf(event.severity)
    ctx.fillStyle = colour(mark === 'info' ? '--ink-3' : `--${mark}`)
    ctx.fillRect(x - scale / 2, top, Math.max(1, 1.5 * scale), LANE * scale)
  }
  ctx.restore()
}
