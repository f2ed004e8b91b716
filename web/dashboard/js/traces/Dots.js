/**
 * Traces over time, as dots: higher is longer, a square has errors. A click opens the nearest; a pull marks a time and goes there.
 *
 * For the pointer: the list below says the same.
 *
 * @import { TraceRow } from '../types.js'
 * @import { Dot } from './scatter.js'
 */
import { timeLabels } from '../chart/times.js'
import { count, exactTime, span } from '../format.js'
import { useWidth } from '../hooks.js'
import { html, useMemo, useState } from '../lib.js'
import { go, utc, zoom } from '../stores/place.js'
import { openedAddress } from './addresses.js'
import { momentOf, unix } from './moments.js'
import { dotsOf, nearest } from './scatter.js'
import { length, nameOf } from './words.js'

const LEFT = 56
const TOP = 8
const BELOW = 20
const HEIGHT = 120
const REACH = 24
const LEAST_PULL_PX = 6
const LETTER_PX = 6

/** @param {{ traces: TraceRow[], start: number, end: number }} props */
export function Dots({ traces, start, end }) {
  const [box, width] = useWidth()
  const room = Math.max(1, width - LEFT - TOP)
  const { dots, ticks } = useMemo(() => dotsOf(traces, start, end, room, HEIGHT - TOP - BELOW), [traces, start, end, room])
  const [over, setOver] = useState(/** @type {Dot|undefined} */ (undefined))
  const [pull, setPull] = useState(/** @type {[number, number]|null} */ (null))
  /** @param {PointerEvent} event */
  const placeOf = (event) => {
    const edge = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect()
    return [event.clientX - edge.left - LEFT, event.clientY - edge.top - TOP]
  }
  /** @param {PointerEvent} event */
  const down = (event) => {
    if (event.button !== 0 || event.pointerType === 'touch') return
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId)
    const [x] = placeOf(event)
    setPull([x, x])
  }
  /** @param {PointerEvent} event */
  const move = (event) => {
    const [x, y] = placeOf(event)
    if (pull) setPull([pull[0], Math.max(0, Math.min(room, x))])
    setOver(nearest(dots, x, y, REACH))
  }
  /** @param {PointerEvent} event */
  const up = (event) => {
    const [x, y] = placeOf(event)
    setPull(null)
    if (pull && Math.abs(pull[1] - pull[0]) >= LEAST_PULL_PX) {
      const [from, to] = [...pull].sort((a, b) => a - b).map((at) => start + (Math.max(0, at) / room) * (end - start))
      zoom(from, to)
      return
    }
    const hit = nearest(dots, x, y, REACH)
    if (hit) go(openedAddress(hit.trace.trace_id))
  }
  const labels = width > 0 ? timeLabels(start, end, room, TOP, utc.value, (text) => text.length * LETTER_PX) : []
  return html`
    <div class="dots" ref=${box}>
      <svg width=${Math.max(1, width)} height=${HEIGHT} role="img" aria-label=${`${count(traces.length, 'trace')} over time by duration; the list below says the same`}
        onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerLeave=${() => setOver(undefined)} onPointerCancel=${() => setPull(null)}>
        ${ticks.map(({ y, seconds }) => html`<g key=${seconds}><path class="grid" d=${`M${LEFT} ${TOP + y}H${LEFT + room}`} /><text x=${LEFT - 6} y=${TOP + y + 4} text-anchor="end">${span(seconds)}</text></g>`)}
        ${labels.map(({ t, text }) => html`<text key=${t} x=${LEFT + ((t - start) / (end - start)) * room} y=${HEIGHT - 4} text-anchor="middle">${text}</text>`)}
        ${dots.map((dot) => html`<path key=${dot.trace.trace_id} class=${`dot${dot.trace.errors > 0 ? ' dot-error' : ''}${over?.trace === dot.trace ? ' dot-over' : ''}`} d=${shape(LEFT + dot.x, TOP + dot.y, dot.trace.errors > 0)} />`)}
        ${pull && html`<rect class="dots-pull" x=${LEFT + Math.min(...pull)} y="0" width=${Math.abs(pull[1] - pull[0])} height=${HEIGHT - BELOW} />`}
      </svg>
      ${over && html`<${Tip} dot=${over} room=${room} />`}
    </div>`
}

/** A circle, or a square for what has errors. @param {number} x @param {number} y @param {boolean} square */
const shape = (x, y, square) => (square ? `M${x - 4} ${y - 4}h8v8h-8z` : `M${x - 3.5} ${y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z`)

/** @param {{ dot: Dot, room: number }} props */
function Tip({ dot, room }) {
  const { trace } = dot
  const at = momentOf(trace.start)
  const side = dot.x > room / 2 ? { right: `${room - dot.x + 20}px` } : { left: `${LEFT + dot.x + 12}px` }
  return html`
    <div class="tip" style=${{ ...side, top: `${Math.max(0, Math.min(HEIGHT - 64, dot.y - 8))}px` }}>
      <b><bdi>${trace.service}</bdi> <bdi>${nameOf(trace.name)}</bdi></b>
      <span>${length(trace.duration_seconds)} · ${count(trace.spans, 'span')}${trace.errors > 0 && ` · ${count(trace.errors, 'error')}`}</span>
      <span class="quiet">${at && exactTime(unix(at))} · click to open</span>
    </div>`
}
