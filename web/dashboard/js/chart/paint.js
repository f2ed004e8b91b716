/**
 * Draws the sheets of one chart onto its canvas: what differs where that can be, else the whole picture.
 *
 * The only code that draws charts. It knows no page, so that it can run beside it.
 *
 * @import { Columns, Ends } from './columns.js'
 * @import { View } from './draw.js'
 * @import { Fixed, Sheet } from './sheet.js'
 * @import { TimeLabel } from './times.js'
 * @typedef {{ start: number, end: number, until: number, times: TimeLabel[] }} Shown  the stretch that stands on a canvas
 */
import { advance } from './advance.js'
import { addEnds, addTail, emptyColumns, emptyEnds } from './columns.js'
import { drawBand, drawEvents, drawGrid, drawLine, drawNames, drawStack, drawThresholds, drawTimes } from './draw.js'
import { LANE } from './shape.js'

/** @param {OffscreenCanvas|HTMLCanvasElement} canvas @returns {(sheet: Sheet, tape: Float64Array) => boolean} draws; false where the picture was moved on */
export function painterOf(canvas) {
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  /** @type {Fixed|null} */
  let fixed = null
  /** @type {Columns[]} */
  let lines = []
  /** @type {Ends[]} */
  let bands = []
  /** @type {Shown|null} */
  let shown = null
  return (sheet, tape) => {
    const before = shown
    lines = sheet.tails.map((tail, i) => {
      const columns = lines[i] ?? emptyColumns()
      addTail(columns, tail, tape)
      return columns
    })
    bands = sheet.bands.map((tail, i) => {
      const ends = bands[i] ?? emptyEnds()
      addEnds(ends, tail, tape)
      return ends
    })
    shown = sheet
    if (sheet.fixed) fixed = sheet.fixed
    if (!fixed) return false
    if (before && !sheet.fixed && !sheet.stack && [...sheet.tails, ...sheet.bands].every(({ from }) => from === Infinity) && ['start', 'end', 'until'].every((name) => before[/** @type {'end'} */ (name)] === sheet[/** @type {'end'} */ (name)])) return false
    const { live } = fixed
    const paint = (/** @type {number} */ from) => drawInside(pen, viewOf(/** @type {Fixed} */ (fixed), sheet, from), /** @type {Fixed} */ (fixed), lines, bands, sheet.stack)
    const moves = before && !sheet.fixed && live && !sheet.stack
    const changed = [
      ...lines.map(({ t }, i) => ({ t, from: sheet.tails[i].from, dashed: /** @type {Fixed} */ (fixed).lines[i].dashed })),
      ...bands.map(({ t }, i) => ({ t, from: sheet.bands[i].from, dashed: false })),
    ]
    if (moves && advance(pen, fixed, before, sheet, changed, paint)) return false
    if (canvas.width !== fixed.width || canvas.height !== fixed.height) Object.assign(canvas, { width: fixed.width, height: fixed.height })
    else pen.clearRect(0, 0, canvas.width, canvas.height)
    const view = viewOf(fixed, sheet, -Infinity)
    drawNames(pen, view, fixed.axis, fixed.ink)
    drawTimes(pen, view, sheet.times, fixed.ink)
    paint(-Infinity)
    return true
  }
}

/** @param {Fixed} fixed @param {Shown} shown @param {number} from what ends before is not drawn @returns {View} */
export const viewOf = ({ box, ratio, axis: { low, high } }, { start, end, until }, from) => ({ ...box, scale: ratio, start, end, from: Math.max(from, start), until, low, high })

/** @param {CanvasRenderingContext2D} pen @param {View} view @param {Fixed} fixed @param {Columns[]} lines @param {Ends[]} bands @param {Sheet['stack']} stack */
function drawInside(pen, view, { axis, grid, edge, lines: styles, bands: inks, limits, ticks }, lines, bands, stack) {
  pen.save()
  pen.beginPath()
  pen.rect(view.left, view.top - 2 * view.scale, view.width, view.height + 4 * view.scale)
  pen.clip()
  drawGrid(pen, view, axis.values, grid)
  // Round corners of so many points take five times as long to draw, and nobody sees them.
  pen.lineJoin = 'bevel'
  bands.forEach((band, i) => drawBand(pen, view, band, inks[i]))
  if (stack) drawStack(pen, view, stack.data, stack.inks)
  styles.forEach((style, i) => drawLine(pen, view, lines[i], style))
  drawThresholds(pen, view, limits)
  pen.restore()
  pen.save()
  pen.beginPath()
  pen.rect(view.left, view.top + view.height, view.width, (LANE + 3) * view.scale)
  pen.clip()
  drawEvents(pen, view, ticks, edge)
  pen.restore()
}
