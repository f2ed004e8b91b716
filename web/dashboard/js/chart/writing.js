/**
 * Figures of a live legend are written by the worker that draws the charts: as text, the page would be laid out and painted at each beat.
 *
 * They are text again as soon as somebody has to do with them: while the pointer is on the legend, so that they can be selected; while charts
 * point at a time; where colours are the reader's own; and on paper. What is written is said to assistive technology as it changes.
 *
 * @import { ReadonlySignal, Signal } from '../../vendor/signals-core.js'
 * @import { Place } from './written.js'
 * @typedef {{ row: HTMLElement, texts: ReadonlySignal<string>[] }} Row
 * @typedef {{ drawn: Signal<boolean>, rows: Set<Row>, version: Signal<number> }} Writing  `drawn`: whether the figures are a picture now; `version` rises when rows come, go or move
 */
import { computed, effect, signal, untracked, useEffect, useMemo } from '../lib.js'
import { cursor } from '../stores/cursor.js'
import { follows } from '../stores/place.js'
import { repaint } from '../stores/theme.js'
import { handWriting, painterRun } from './canvases.js'

/** The picture is in the place of the text once it is sure to be on the screen. */
const SETTLED_MS = 150
/** Figures are text for so long at first, and after a change of the layout: a page that is being filled has other work. */
const QUIET_MS = 1000
/** Where figures have to be text. */
const PLAIN = ['print', '(forced-colors: active)'].map((query) => matchMedia(query))
const plain = signal(false)
const looked = () => { plain.value = PLAIN.some(({ matches }) => matches) }
for (const media of PLAIN) media.addEventListener('change', looked)
looked()

/**
 * @param {{ current: HTMLElement|null }} box holds the table, and a place for the picture behind it @param {boolean} shown @returns {Writing}
 */
export function useWriting(box, shown) {
  const writing = useMemo(() => ({ drawn: signal(false), rows: new Set(), version: signal(0) }), [])
  const run = painterRun.value
  useEffect(() => (box.current && shown ? write(box.current, writing) : undefined), [shown, run])
  // Rows may stand in another order, and columns be wider.
  useEffect(() => { writing.version.value += 1 })
  return writing
}

/** @param {HTMLElement} box @param {Writing} writing @returns {() => void} */
function write(box, { drawn, rows, version }) {
  const [table, holder] = /** @type {HTMLElement[]} */ ([...box.children])
  const touched = signal(false)
  const enter = () => { touched.value = true }
  const leave = () => { touched.value = false }
  const still = computed(() => follows.value && cursor.value === null && !touched.value && !plain.value)
  /** Which layout the picture is for; 0 while it may change again. */
  const laidOut = signal(0)
  let layouts = 0
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let quiet
  const sizes = new ResizeObserver(() => {
    clearTimeout(quiet)
    quiet = setTimeout(() => { laidOut.value = layouts += 1 }, QUIET_MS)
    laidOut.value = 0
  })
  const paper = picture(holder, () => { if (still.peek() && laidOut.peek() > 0) drawn.value = true })
  let sent = ''
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let settled
  const stop = effect(() => {
    const key = [laidOut.value, version.value, repaint.value].join()
    if (laidOut.value === 0 || !still.value) {
      clearTimeout(settled)
      drawn.value = false
      return
    }
    const all = [...rows]
    const texts = all.flatMap((row) => row.texts.map((text) => text.value))
    untracked(() => {
      const place = key === sent ? null : placeOf(box, all)
      sent = key
      paper.write(place, texts)
      if (drawn.peek() || !paper.begun()) return
      clearTimeout(settled)
      settled = setTimeout(() => { drawn.value = true }, SETTLED_MS)
    })
  })
  const stopShowing = effect(() => paper.show(drawn.value))
  sizes.observe(table)
  box.addEventListener('pointerenter', enter)
  box.addEventListener('pointerleave', leave)
  return () => {
    stop()
    stopShowing()
    clearTimeout(settled)
    clearTimeout(quiet)
    sizes.disconnect()
    box.removeEventListener('pointerenter', enter)
    box.removeEventListener('pointerleave', leave)
    drawn.value = false
    paper.remove()
  }
}

/** The canvas, made when there is something to write. @param {HTMLElement} holder @param {() => void} onFirst its first picture is there */
function picture(holder, onFirst) {
  /** @type {HTMLCanvasElement|null} */
  let canvas = null
  /** @type {ReturnType<typeof handWriting>|null} */
  let drawing = null
  let begun = false
  let before = ''
  return {
    begun: () => begun,
    /** @param {(Place & { left: number, top: number })|null} place @param {string[]} texts */
    write(place, texts) {
      const text = texts.join('\n')
      if (!place && text === before) return
      before = text
      if (!canvas || !drawing) {
        canvas = document.createElement('canvas')
        canvas.setAttribute('aria-hidden', 'true')
        canvas.style.visibility = 'hidden'
        holder.append(canvas)
        drawing = handWriting(canvas, () => {
          begun = true
          onFirst()
        })
      }
      if (place) Object.assign(canvas.style, { left: `${place.left}px`, top: `${place.top}px`, width: `${place.width}px`, height: `${place.height}px` })
      drawing.send(() => ({ place, texts }))
    },
    /** @param {boolean} drawn */
    show(drawn) { if (canvas) canvas.style.visibility = drawn ? 'visible' : 'hidden' },
    remove() {
      drawing?.end()
      canvas?.remove()
    },
  }
}

/** Where the figures of the rows are. @param {HTMLElement} box @param {Row[]} rows @returns {Place & { left: number, top: number }} */
function placeOf(box, rows) {
  const outer = box.getBoundingClientRect()
  const figures = rows.flatMap(({ row }) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll('.legend-figure')]))
  const boxes = figures.map((figure) => figure.getBoundingClientRect())
  const [x, y] = [outer.left - box.scrollLeft, outer.top - box.scrollTop]
  const left = Math.floor(Math.min(...boxes.map((b) => b.left)) - x)
  const top = Math.floor(Math.min(...boxes.map((b) => b.top)) - y)
  /** How figures of one kind look. @type {Map<string, { font: string, ink: string }>} */
  const looks = new Map()
  const lookOf = (/** @type {HTMLElement} */ figure) => {
    const kind = `${figure.closest('tr')?.className} ${figure.parentElement?.className}`
    const held = looks.get(kind)
    if (held) return held
    const { fontWeight, fontSize, fontFamily, color } = getComputedStyle(figure)
    const look = { font: `${fontWeight} ${fontSize} ${fontFamily}`, ink: color }
    looks.set(kind, look)
    return look
  }
  const cells = boxes.map((b, i) => ({ right: b.right - x - left, top: b.top - y - top, height: b.height, ...lookOf(figures[i]) }))
  return { left, top, width: Math.ceil(Math.max(...cells.map((c) => c.right))), height: Math.ceil(Math.max(...cells.map((c) => c.top + c.height))), ratio: devicePixelRatio, cells }
}
