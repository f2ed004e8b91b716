/**
 * One chart in the page: its canvas, which the worker draws on, and above it the cursor and what is marked by a pull.
 *
 * Styles are set through the DOM only, as the page's content security policy asks.
 *
 * @import { Picture } from './sheet.js'
 * @import { Unit } from '../format.js'
 * @typedef {{ unit: Unit, top?: number, stacked?: boolean, width: number, height: number }} PlotOptions
 * @typedef {{
 *   over: HTMLElement, show: (picture: Picture) => void, resize: (width: number, height: number) => boolean, xOf: (t: number) => number, timeAt: (x: number) => number,
 *   plane: () => import('./exemplars.js').Plane|null, point: (t: number|null) => void, mark: (left: number, width: number) => void, destroy: () => void
 * }} Plot  `over`: lies over the plot, whose pixels `xOf`, `timeAt` and `mark` go by; `resize`: whether the size is another; `plane`: what it shows, none before the first picture
 */
import { colour } from '../colour.js'
import { FONT_FACE } from '../fonts.js'
import { markOf } from '../statuses.js'
import { weightOf } from '../timeline.js'
import { handOver } from './canvases.js'
import { FONT_PX } from './draw.js'
import { steadyScale } from './scale.js'
import { sheets } from './sheet.js'

/** @type {Map<string, number>} */
const widths = new Map()
const MOST_WIDTHS = 2000
/** @type {OffscreenCanvasRenderingContext2D|null} */
let ruler = null

/** How wide a label is, in CSS pixels: the same few are measured again and again. @param {string} text */
function widthOf(text) {
  const held = widths.get(text)
  if (held !== undefined) return held
  if (widths.size > MOST_WIDTHS) widths.clear()
  ruler ??= /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(1, 1).getContext('2d'))
  ruler.font = `${FONT_PX}px ${FONT_FACE}`
  const { width } = ruler.measureText(text)
  widths.set(text, width)
  return width
}

/** How sheets are written in this page. */
export const WORDS = { widthOf, colour, markOf, weightOf }

/** @param {PlotOptions} options @param {HTMLElement} into @returns {Plot} */
export function makePlot({ unit, top, stacked, width, height }, into) {
  const frame = part('plot-frame')
  const over = part('plot-over')
  const pull = part('plot-pull')
  const cursor = part('plot-cursor')
  const canvas = document.createElement('canvas')
  over.append(pull, cursor)
  // The canvas last: what is painted after it and touches it would be a layer of its own, for each chart.
  frame.append(over, canvas)
  into.append(frame)
  const next = sheets(unit, steadyScale(unit, { top, zero: stacked }), WORDS)
  const drawing = handOver(canvas, () => { into.dataset.drawn = '' })
  let size = { width, height }
  /** @type {import('./frame.js').Frame|null} */
  let held = null
  let placed = ''
  const place = () => {
    if (!held) return
    const { left, top: above, width: across, height: down } = held.css
    const text = [size.width, size.height, left, above, across, down].join()
    if (text === placed) return
    placed = text
    for (const element of [frame, canvas]) Object.assign(element.style, { width: `${size.width}px`, height: `${size.height}px` })
    Object.assign(over.style, { left: `${left}px`, top: `${above}px`, width: `${across}px`, height: `${down}px` })
  }
  const across = () => held?.css.width ?? 1
  const xOf = (/** @type {number} */ t) => (held ? ((t - held.start) / (held.end - held.start)) * across() : 0)
  return {
    over,
    show(picture) {
      drawing.send((tape) => {
        const made = next(picture, { ...size, ratio: devicePixelRatio }, tape)
        held = made.frame
        return made.sheet
      })
      place()
    },
    resize(w, h) {
      const differs = size.width !== w || size.height !== h
      size = { width: w, height: h }
      return differs
    },
    xOf,
    plane: () => held && { start: held.start, end: held.end, low: held.axis.low, high: held.axis.high, width: held.css.width, height: held.css.height },
    timeAt: (x) => (held ? held.start + (x / across()) * (held.end - held.start) : 0),
    point(t) {
      const x = t === null ? -1 : xOf(t)
      const hidden = x < 0 || x > across()
      // Each time that it is set, styles are worked out anew.
      if (cursor.hidden !== hidden) cursor.hidden = hidden
      if (!hidden) cursor.style.transform = `translateX(${x}px)`
    },
    mark(left, wide) {
      pull.hidden = wide <= 0
      Object.assign(pull.style, { left: `${left}px`, width: `${Math.max(0, wide)}px` })
    },
    destroy() {
      drawing.end()
      frame.remove()
    },
  }
}

/** @param {string} name */
function part(name) {
  const element = document.createElement('div')
  element.className = name
  element.hidden = name === 'plot-pull' || name === 'plot-cursor'
  return element
}
