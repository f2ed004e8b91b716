/**
 * The worker that draws all charts of the page, so that drawing takes no time of the page itself.
 *
 * A message brings canvases of new charts and legends, names those that have gone, and has what is drawn on them at one moment, with the tape of the sheets.
 *
 * @import { Sheet } from './sheet.js'
 * @import { Figures } from './written.js'
 * @typedef {{ come: Array<{ id: number, kind: 'chart'|'figures', canvas: OffscreenCanvas }>, gone: number[], drawn: Array<{ id: number, sheet: Sheet|Figures }>, tape: Float64Array }} Work
 */
import { FONT_FACE } from '../fonts.js'
import { FONT_PX } from './draw.js'
import { painterOf } from './paint.js'
import { writerOf } from './written.js'

// The first text makes the browser look for its font, which takes longer than a whole picture: done while data is on its way.
const pen = new OffscreenCanvas(1, 1).getContext('2d')
if (pen) {
  pen.font = `${FONT_PX}px ${FONT_FACE}`
  pen.fillText('0', 0, 0)
}

/** @type {Map<number, (sheet: any, tape: Float64Array) => unknown>} */
const painters = new Map()

addEventListener('message', (/** @type {MessageEvent<Work>} */ { data: { come, gone, drawn, tape } }) => {
  for (const id of gone) painters.delete(id)
  for (const { id, kind, canvas } of come) painters.set(id, kind === 'chart' ? painterOf(canvas) : writerOf(canvas))
  for (const { id, sheet } of drawn) painters.get(id)?.(sheet, tape)
  // Said once the pictures are handed to the screen, which is at the end of this task: they are there in the page's next frame.
  if (come.length > 0) setTimeout(() => postMessage(come.map(({ id }) => id)))
})
