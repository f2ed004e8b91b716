/**
 * The labels of a chart's time axis: which times have one, where they stand, and how they are drawn.
 *
 * @import uPlot from '../../vendor/uplot.js'
 * @typedef {{ t: number, text: string }} TimeLabel
 */
import { colour } from '../colour.js'
import { timeLabel } from './axis.js'
import { LANE, xOf } from './draw.js'
import { pixelOf } from './shape.js'

export const FONT_FACE = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
const FONT_PX = 11
export const FONT = `${FONT_PX}px ${FONT_FACE}`
/** How far below the plot the labels begin, in CSS pixels: the lane of events lies between. */
export const LABEL_TOP = LANE + 3
/** Room of the time axis in all. */
export const TIMES_HEIGHT = 20 + LANE

/** @type {Map<string, number>} */
const widths = new Map()
const MOST_WIDTHS = 2000

/** How wide a label is, in CSS pixels: the same few are measured again and again. @param {CanvasRenderingContext2D} pen @param {string} text */
export function widthOf(pen, text) {
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

/** Where the plot lies on its canvas, in whole pixels: a part that ends within a pixel could not be moved without a seam. @param {Pick<uPlot, 'bbox'>} u */
export function boxOf({ bbox }) {
  const [left, top] = [Math.ceil(bbox.left), Math.round(bbox.top)]
  return { left, top, width: Math.floor(bbox.left + bbox.width) - left, height: Math.round(bbox.height) }
}

/** The labels of the time that the scale has now. One that would be cut off at the right is left out, and one that would reach out of the plot at the left, since a live picture is moved within it. @param {uPlot} u @param {boolean} utc @returns {TimeLabel[]} */
export function timesOf(u, utc) {
  const axis = /** @type {any} */ (u.axes[0])
  const { min, max } = u.scales.x
  // Steps that were found for this length of time still hold: the length is the same.
  const [increment, space] = axis._found
  /** @type {number[]} */
  const times = axis.splits(u, 0, min, max, increment, space)
  const short = times.length > 1 && times[1] - times[0] < 60
  const right = u.bbox.width / devicePixelRatio + 8
  return times.map((t, i) => ({ t, text: timeLabel(t, times[i - 1], utc, short) })).filter(({ t, text }) => {
    const half = widthOf(u.ctx, text) / 2
    const x = u.valToPos(t, 'x')
    return x + half <= right && x - half >= 1
  })
}

/** @param {uPlot} u @param {TimeLabel[]} labels */
export function drawTimes(u, labels) {
  const { ctx: pen, scales } = u
  const box = boxOf(u)
  const x = xOf({ ...box, start: scales.x.min ?? 0, end: scales.x.max ?? 1 })
  pen.font = `${FONT_PX * devicePixelRatio}px ${FONT_FACE}`
  pen.textAlign = 'center'
  pen.textBaseline = 'top'
  pen.fillStyle = colour('--ink-3')
  const y = Math.ceil(box.top + box.height + (LABEL_TOP + 1) * devicePixelRatio)
  for (const { t, text } of labels) pen.fillText(text, pixelOf(x(t)), y)
}
