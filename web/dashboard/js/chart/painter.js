/**
 * The worker that draws all charts of the page, so that drawing takes no time of the page itself.
 *
 * A message brings canvases of new charts and legends, names those that have gone, and has what is drawn on them at one moment, with the tape of the sheets.
 *
 * @import { Sheet } from './sheet.js'
 * @import { Figures } from './written.js'
 * @typedef {{ come: Array<{ id: number, kind: 'chart'|'figures', canvas: OffscreenCanvas }>, gone: number[], drawn: Array<{ id: number, sheet: Sheet|Figures }>, tape: Float64Array }} Work
 */
import { painterOf } from './paint.js'
import { writerOf } from './written.js'

/** @type {Map<number, (sheet: any, tape: Float64Array) => unknown>} */
const painters = new Map()

addEventListener('message', (/** @type {MessageEvent<Work>} */ { data: { come, gone, drawn, tape } }) => {
  for (const id of gone) painters.delete(id)
  for (const { id, kind, canvas } of come) painters.set(id, kind === 'chart' ? painterOf(canvas) : writerOf(canvas))
  for (const { id, sheet } of drawn) painters.get(id)?.(sheet, tape)
  // Said once the picture is on the screen.
  if (come.length > 0) requestAnimationFrame(() => postMessage(come.map(({ id }) => id)))
})
