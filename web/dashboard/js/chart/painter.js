/**
 * The worker that draws all charts of the page, so that drawing takes no time of the page itself.
 *
 * A message brings canvases of new charts, names those that have gone, and has the sheets of one moment with their tape.
 *
 * @import { Sheet } from './sheet.js'
 * @typedef {{ come: Array<{ id: number, canvas: OffscreenCanvas }>, gone: number[], drawn: Array<{ id: number, sheet: Sheet }>, tape: Float64Array }} Work
 */
import { painterOf } from './paint.js'

/** @type {Map<number, ReturnType<typeof painterOf>>} */
const painters = new Map()

addEventListener('message', (/** @type {MessageEvent<Work>} */ { data: { come, gone, drawn, tape } }) => {
  for (const id of gone) painters.delete(id)
  for (const { id, canvas } of come) painters.set(id, painterOf(canvas))
  for (const { id, sheet } of drawn) painters.get(id)?.(sheet, tape)
  // Said once the picture is on the screen.
  if (come.length > 0) requestAnimationFrame(() => postMessage(come.map(({ id }) => id)))
})
