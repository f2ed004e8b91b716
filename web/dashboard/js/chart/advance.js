/**
 * A live picture moves on: what is drawn already is moved by whole pixels, and only what is new is drawn.
 *
 * Strokes of hundreds of points are what a chart costs. A live one shows the same as a moment ago, some pixels further left, so the canvas is
 * copied onto itself. Whatever else changed (scale, size, theme, events, an older value) makes the caller draw the whole picture; both ways
 * lead to the same pixels.
 *
 * @import uPlot from '../../vendor/uplot.js'
 * @import { Picture } from './plot.js'
 * @import { TimeLabel } from './times.js'
 * @typedef {{ picture: Picture, start: number, end: number, low: number, high: number, place: string, labels: TimeLabel[], versions: number[], theme: number }} Drawn  what stands on a canvas
 */
import { lowerBound } from '../points.js'
import { same } from '../share.js'
import { repaint } from '../stores/theme.js'
import { NEARLY, onPixels } from './shape.js'
import { boxOf, drawTimes, LABEL_TOP, timesOf } from './times.js'

/** Added to a time, so that the bucket that ends exactly there does not count as changed since. */
const A_MOMENT = 1e-6
/** So many CSS pixels around a point may change with it: half of a stroke or of a dot, and its soft edge. */
const AROUND_PX = 4

/** Changes with size, resolution and the labels of the value axis. @param {uPlot} u */
const placeOf = ({ bbox, ctx }) => [bbox.left, bbox.top, bbox.width, bbox.height, ctx.canvas.width, ctx.canvas.height, devicePixelRatio].join()

/** What has just been drawn as a whole. @param {uPlot} u @param {Picture} picture @param {TimeLabel[]} labels @returns {Drawn} */
export function drawnOf(u, picture, labels) {
  const { x, y } = u.scales
  return {
    picture, labels, place: placeOf(u), theme: repaint.peek(), versions: picture.lines.map((line) => line.changes.version),
    start: x.min ?? 0, end: x.max ?? 1, low: y.min ?? 0, high: y.max ?? 1,
  }
}

/** Whether two pictures differ in nothing but time and values. @param {Picture} a @param {Picture} b */
function alike(a, b) {
  return a.live && b.live && !b.stack && b.bands.length === 0 && a.utc === b.utc && a.events === b.events && a.marked === b.marked
    && same(a.thresholds, b.thresholds)
    && a.lines.length === b.lines.length && a.lines.every((line, i) => {
      const other = b.lines[i]
      return line.series === other.series && line.colour === other.colour && line.step === other.step && line.gap === other.gap && !line.dashed && !other.dashed
    })
}

/**
 * Moves the picture on. Null where it has to be drawn as a whole.
 * @param {uPlot} u @param {Drawn} drawn @param {Picture} next @param {(span: [number, number]) => [number, number]} scaleOf the ends of the value axis for a time
 * @param {(from: number) => void} paint draws what happened after `from`, within the part of the canvas that is clipped
 * @returns {Drawn|null}
 */
export function advance(u, drawn, next, scaleOf, paint) {
  if (drawn.theme !== repaint.peek() || drawn.place !== placeOf(u) || !alike(drawn.picture, next)) return null
  const { ctx: pen } = u
  const { left, top, width, height } = boxOf(u)
  const [start, end] = onPixels(next.span, width)
  const perPixel = (end - start) / width
  const by = (start - drawn.start) / perPixel
  const pixels = Math.round(by)
  if (Math.abs(by - pixels) > NEARLY || Math.abs(end - start - drawn.end + drawn.start) > perPixel * NEARLY || pixels < 0 || pixels > width / 2) return null
  const [low, high] = scaleOf([start, end])
  if (low !== drawn.low || high !== drawn.high) return null

  const around = AROUND_PX * devicePixelRatio
  let from = width - pixels - around
  next.lines.forEach(({ series: { t }, changes }, i) => {
    const closed = next.span[1] > drawn.picture.span[1] ? drawn.picture.span[1] + A_MOMENT : Infinity
    const first = Math.min(closed, changes.since(drawn.versions[i]))
    // What is still open is not drawn.
    if (first > next.span[1]) return
    // The line to a point changes with it.
    const before = t[lowerBound(t, first) - 1] ?? -Infinity
    from = Math.min(from, (Math.min(before, first) - start) / perPixel - around)
  })
  from = Math.floor(from)
  if (from <= 0) return null
  // uPlot has no way to set a scale without drawing all of it. It works out positions from the two that begin with an underscore.
  Object.assign(u.scales.x, { min: start, max: end, _min: start, _max: end })
  const labels = timesOf(u, next.utc)
  const laneBottom = Math.ceil(top + height + LABEL_TOP * devicePixelRatio)
  const above = Math.max(0, Math.floor(top - 2 * devicePixelRatio))
  if (pixels > 0) move(pen, left, above, pixels)
  if (!same(labels, drawn.labels)) {
    pen.clearRect(0, laneBottom, pen.canvas.width, pen.canvas.height - laneBottom)
    drawTimes(u, labels)
  }
  if (pixels > 0 || from < width - around) {
    pen.save()
    pen.beginPath()
    pen.rect(left + from, above, width - from, laneBottom - above)
    pen.clip()
    pen.clearRect(left + from, above, width - from, laneBottom - above)
    paint(start + (from - around) * perPixel)
    pen.restore()
  }
  return { ...drawn, picture: next, start, end, labels, versions: next.lines.map((line) => line.changes.version) }
}

/**
 * Moves what lies right of and below a place to the left, plot and labels at once: a canvas that is read after it has been drawn on is copied
 * as a whole, and more than one rectangle to keep to takes three times as long.
 * @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} by
 */
function move(pen, x, y, by) {
  const [width, height] = [pen.canvas.width - x, pen.canvas.height - y]
  pen.save()
  pen.beginPath()
  pen.rect(x, y, width, height)
  pen.clip()
  pen.globalCompositeOperation = 'copy'
  pen.drawImage(pen.canvas, x + by, y, width - by, height, x, y, width - by, height)
  pen.restore()
}
