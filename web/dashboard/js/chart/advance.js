/**
 * A live picture moves on: what is drawn already is moved by whole pixels, and only what is new is drawn.
 *
 * Strokes of hundreds of points are what a chart costs. A live one shows the same as a moment ago, some pixels further left, so the canvas is
 * copied onto itself. Whatever else changed (scale, size, theme, events, an older value) makes the caller draw the whole picture; both ways
 * lead to the same pixels.
 *
 * @import { Shown } from './paint.js'
 * @import { Fixed } from './sheet.js'
 */
import { lowerBound } from '../points.js'
import { same } from '../share.js'
import { drawTimes, LABEL_TOP } from './draw.js'
import { NEARLY } from './shape.js'

/** Added to a time, so that the bucket that ends exactly there does not count as changed since. */
const A_MOMENT = 1e-6
/** So many CSS pixels around a point may change with it: half of a stroke or of a dot, and its soft edge. */
const AROUND_PX = 4

/**
 * Moves the picture on. False where it has to be drawn as a whole.
 * @param {CanvasRenderingContext2D} pen @param {Fixed} fixed @param {Shown} before @param {Shown} next
 * @param {Array<{ t: Float64Array, from: number, dashed: boolean }>} lines times of each, and the first that changed
 * @param {(from: number) => void} paint draws what happened after `from`, within the part of the canvas that is clipped
 */
export function advance(pen, { box, ratio, ink, axis: { low, high } }, before, next, lines, paint) {
  const { left, top, width, height } = box
  const { start, end } = next
  const perPixel = (end - start) / width
  const by = (start - before.start) / perPixel
  const pixels = Math.round(by)
  if (Math.abs(by - pixels) > NEARLY || Math.abs(end - start - before.end + before.start) > perPixel * NEARLY || pixels < 0 || pixels > width / 2) return false
  // What is compared with is shifted in time and has dashes that do not keep their places.
  if (lines.some(({ dashed }) => dashed)) return false

  const around = AROUND_PX * ratio
  let from = width - pixels - around
  for (const { t, from: changed } of lines) {
    const first = Math.min(next.until > before.until ? before.until + A_MOMENT : Infinity, changed)
    // What is still open is not drawn.
    if (first > next.until) continue
    // The line to a point changes with it.
    const neighbour = t[lowerBound(t, first) - 1] ?? -Infinity
    from = Math.min(from, (Math.min(neighbour, first) - start) / perPixel - around)
  }
  from = Math.floor(from)
  if (from <= 0) return false
  const laneBottom = Math.ceil(top + height + LABEL_TOP * ratio)
  const above = Math.max(0, Math.floor(top - 2 * ratio))
  if (pixels > 0) move(pen, left, above, pixels)
  if (!same(next.times, before.times)) {
    pen.clearRect(0, laneBottom, pen.canvas.width, pen.canvas.height - laneBottom)
    drawTimes(pen, { ...box, scale: ratio, start, end, from: start, until: next.until, low, high }, next.times, ink)
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
  return true
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
