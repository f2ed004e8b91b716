/**
 * The frame of a chart: where its plot lies, which stretch of time and of values it shows, and what its axes are called.
 *
 * Pure but for the width of a text, which is an argument.
 *
 * @import { Unit } from '../format.js'
 * @import { TimeLabel } from './times.js'
 * @typedef {{ left: number, top: number, width: number, height: number }} Box
 * @typedef {{ low: number, high: number, values: number[], names: string[], left: number }} Values  lines of the value axis and their names; `left`: where the plot begins
 * @typedef {{
 *   width: number, height: number, ratio: number, css: Box, box: Box, start: number, end: number, axis: Values, times: TimeLabel[]
 * }} Frame  `width`, `height`: of the canvas, in its own pixels; `css`, `box`: the plot in CSS pixels and in those of the canvas
 * @typedef {{ width: number, height: number, ratio: number }} Size  CSS pixels, and pixels of the canvas for each
 */
import { labels, splits } from './axis.js'
import { LANE, onPixels } from './shape.js'
import { timeLabels } from './times.js'

const AXIS_WIDTH = 46
/** Lines of the value axis are at least so far apart. */
const LINE_SPACE = 34
/** Room above the plot and to its right. */
const EDGE = 8
/** Room of the time axis in all. */
const TIMES_HEIGHT = 20 + LANE
/** Between the labels of the value axis and what is left and right of them. */
const LABEL_ROOM = 14

/**
 * The value axis between two values, and where the plot then begins.
 * @param {number} height of the chart @param {[number, number]} scale @param {Unit} unit @param {(text: string) => number} widthOf CSS pixels @returns {Values}
 */
export function valuesOf(height, [low, high], unit, widthOf) {
  const values = splits(low, high, Math.max(2, Math.floor(downOf(height) / LINE_SPACE)), unit)
  const names = labels(values, unit)
  // As wide as its labels, in steps, so that charts beside each other keep one width.
  return { low, high, values, names, left: Math.max(AXIS_WIDTH, Math.ceil((Math.max(0, ...names.map(widthOf)) + LABEL_ROOM) / 8) * 8) }
}

/** @param {number} height */
const downOf = (height) => Math.max(1, height - EDGE - TIMES_HEIGHT)

/** The labels that were found last: charts beside each other have the same. @type {{ key: string, times: TimeLabel[] }} */
let last = { key: '', times: [] }

/** @param {Size} size @param {{ span: [number, number], live: boolean, utc: boolean }} time @param {Values} axis @param {(text: string) => number} widthOf CSS pixels @returns {Frame} */
export function frameOf({ width, height, ratio }, { span, live, utc }, axis, widthOf) {
  const css = { left: axis.left, top: EDGE, width: Math.max(1, width - axis.left - EDGE), height: downOf(height) }
  const box = boxOf(css, ratio)
  const [start, end] = live ? onPixels(span, box.width) : span
  const key = [start, end, css.width, utc].join()
  if (last.key !== key) last = { key, times: timeLabels(start, end, css.width, EDGE, utc, widthOf) }
  return { width: Math.round(width * ratio), height: Math.round(height * ratio), ratio, css, box, start, end, axis, times: last.times }
}

/** In whole pixels: a part that ends within a pixel could not be moved without a seam. @param {Box} css @param {number} ratio @returns {Box} */
function boxOf(css, ratio) {
  const [left, top] = [Math.ceil(css.left * ratio), Math.round(css.top * ratio)]
  return { left, top, width: Math.max(1, Math.floor((css.left + css.width) * ratio) - left), height: Math.max(1, Math.round(css.height * ratio)) }
}
