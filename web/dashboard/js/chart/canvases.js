/**
 * The page's side of the worker that draws charts: canvases are handed to it, sheets are gathered and sent once a frame.
 *
 * @import { Sheet } from './sheet.js'
 * @import { Figures } from './written.js'
 */
import { signal } from '../lib.js'
import { Tape } from './columns.js'

/** A worker that could not be loaded is started again after this. */
const AGAIN_MS = 5000

/** Rises when the worker is started anew: canvases that it had are lost with it. */
export const painterRun = signal(0)
/** @type {Worker|null} */
let worker = null
let newest = 0
/** Who waits for its first picture. @type {Map<number, () => void>} */
const waiting = new Map()
const tape = new Tape()
/** @type {Omit<import('./painter.js').Work, 'tape'>} */
let work = nothing()
let queued = false

function nothing() {
  return { come: [], gone: [], drawn: [] }
}

/** Loads the worker early: the first chart need not wait for it. */
export function startPainter() {
  if (worker) return
  const address = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="painter"]')).content
  const started = new Worker(address, { type: 'module' })
  worker = started
  started.addEventListener('message', (/** @type {MessageEvent<number[]>} */ { data }) => {
    for (const id of data) {
      waiting.get(id)?.()
      waiting.delete(id)
    }
  })
  started.addEventListener('error', () => {
    started.terminate()
    worker = null
    setTimeout(() => { painterRun.value += 1 }, AGAIN_MS)
  }, { once: true })
}

/**
 * @param {HTMLCanvasElement} canvas a chart is drawn on it by the worker from now on @param {() => void} onFirst its first picture is there
 * @returns {{ send: (draw: (tape: Tape) => Sheet) => void, end: () => void }}
 */
export const handOver = (canvas, onFirst) => hand(canvas, 'chart', onFirst)

/**
 * @param {HTMLCanvasElement} canvas the figures of a legend are written on it from now on @param {() => void} onFirst its first picture is there
 * @returns {{ send: (draw: () => Figures) => void, end: () => void }}
 */
export const handWriting = (canvas, onFirst) => hand(canvas, 'figures', onFirst)

/** @template {Sheet|Figures} Drawn @param {HTMLCanvasElement} canvas @param {'chart'|'figures'} kind @param {() => void} onFirst @returns {{ send: (draw: (tape: Tape) => Drawn) => void, end: () => void }} */
function hand(canvas, kind, onFirst) {
  startPainter()
  const id = newest += 1
  waiting.set(id, onFirst)
  work.come.push({ id, kind, canvas: canvas.transferControlToOffscreen() })
  return {
    send: (draw) => {
      work.drawn.push({ id, sheet: draw(tape) })
      post()
    },
    end: () => {
      waiting.delete(id)
      work.gone.push(id)
      post()
    },
  }
}

function post() {
  if (queued) return
  queued = true
  queueMicrotask(() => {
    queued = false
    const sent = { ...work, tape: tape.take() }
    work = nothing()
    worker?.postMessage(sent, [sent.tape.buffer, ...sent.come.map(({ canvas }) => canvas)])
  })
}
