/**
 * Moving through time with pointer, wheel and fingers, the same on every chart and on the ribbon.
 *
 * A pull marks a stretch and zooms into it. A wheel that turns sideways (or with Shift) and a finger pan; a wheel with Ctrl, as touchpads send
 * it for a pinch, and two fingers zoom around where they are. A double click goes back. A wheel that turns up or down scrolls the page.
 *
 * @typedef {{ timeAt: (clientX: number) => number, left: () => number, width: () => number }} Plane  where the chart's times are, in CSS pixels of the window
 */
import { back, commit, move, period, zoom } from '../stores/place.js'

/** A pull shorter than this is a click. */
const LEAST_PULL_PX = 6
/** How long after the last turn of a wheel the address follows. */
const SETTLED_MS = 250

/**
 * @param {HTMLElement} element @param {Plane} plane @param {(pull: [number, number]|null) => void} onPull what is marked, from and to in pixels of the window
 * @param {(event: PointerEvent) => void} [onClick]
 * @returns {() => void} ends it
 */
export function attach(element, plane, onPull, onClick) {
  /** @type {Map<number, number>} where each finger is */
  const fingers = new Map()
  /** @type {{ x: number, at: 'pull'|'pan' }|null} */
  let begun = null
  /** @type {{ start: number, end: number, times: [number, number] }|null} */
  let pinch = null
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let settle

  /** @param {number} by seconds */
  const pan = (by) => {
    const { start, end } = period.peek()
    move(start + by, end + by)
  }
  /** The axis of charts may begin later than the period. */
  const perPixel = () => {
    const [left, width] = [plane.left(), Math.max(1, plane.width())]
    return (plane.timeAt(left + width) - plane.timeAt(left)) / width
  }
  /** @param {PointerEvent} event */
  const down = (event) => {
    if (event.button !== 0 || event.clientX < plane.left()) return
    fingers.set(event.pointerId, event.clientX)
    if (fingers.size === 2) {
      const { start, end } = period.peek()
      const [a, b] = [...fingers.values()].sort((x, y) => x - y)
      pinch = { start, end, times: [plane.timeAt(a), plane.timeAt(b)] }
      begun = null
      onPull(null)
      return
    }
    begun = { x: event.clientX, at: event.pointerType === 'touch' ? 'pan' : 'pull' }
  }
  /** @param {PointerEvent} event */
  const moved = (event) => {
    const before = fingers.get(event.pointerId)
    if (before === undefined) return
    fingers.set(event.pointerId, event.clientX)
    if (pinch) {
      const [a, b] = [...fingers.values()].sort((x, y) => x - y)
      const [from, to] = pinch.times
      const perPx = (to - from) / Math.max(24, b - a)
      const start = from - (a - plane.left()) * perPx
      move(start, start + plane.width() * perPx)
    } else if (begun?.at === 'pan') {
      pan(-(event.clientX - before) * perPixel())
    } else if (begun && Math.abs(event.clientX - begun.x) >= LEAST_PULL_PX) {
      if (!element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId)
      onPull([Math.max(plane.left(), Math.min(begun.x, event.clientX)), Math.max(begun.x, event.clientX)])
    }
  }
  /** @param {PointerEvent} event */
  const up = (event) => {
    if (!fingers.delete(event.pointerId)) return
    const started = begun
    begun = null
    onPull(null)
    if (pinch) {
      if (fingers.size === 0) {
        pinch = null
        commit()
      }
      return
    }
    if (!started || event.type === 'pointercancel') return
    const pulled = Math.abs(event.clientX - started.x)
    if (started.at === 'pan') {
      if (pulled >= LEAST_PULL_PX) commit()
      else onClick?.(event)
    } else if (pulled >= LEAST_PULL_PX) {
      const times = [plane.timeAt(Math.max(plane.left(), started.x)), plane.timeAt(Math.max(plane.left(), event.clientX))].sort((a, b) => a - b)
      zoom(times[0], times[1])
    } else onClick?.(event)
  }
  /** @param {WheelEvent} event */
  const wheel = (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0
    if (event.ctrlKey) {
      const { start, end } = period.peek()
      const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200)))
      const at = plane.timeAt(Math.max(plane.left(), event.clientX))
      move(at - (at - start) * factor, at + (end - at) * factor)
    } else if (sideways !== 0) pan(sideways * perPixel())
    else return
    event.preventDefault()
    clearTimeout(settle)
    settle = setTimeout(commit, SETTLED_MS)
  }
  /** @param {MouseEvent} event */
  const twice = (event) => { if (event.clientX >= plane.left()) back() }
  const ends = /** @type {Array<[string, any, AddEventListenerOptions?]>} */ ([
    ['pointerdown', down], ['pointermove', moved], ['pointerup', up], ['pointercancel', up], ['dblclick', twice], ['wheel', wheel, { passive: false }],
  ])
  for (const [name, handler, options] of ends) element.addEventListener(name, handler, options)
  return () => {
    clearTimeout(settle)
    for (const [name, handler] of ends) element.removeEventListener(name, handler)
  }
}
