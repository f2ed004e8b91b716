/**
 * The ribbon's canvas with the names before it and the figures behind it, and what pointer and keys do on it.
 *
 * Painted once a frame at the most, when the view, the data, the cursor or the theme has changed; a pan renders no component.
 *
 * @import { Lane } from './lanes.js'
 * @import { Scene, Track } from './paint.js'
 */
import { penOf } from '../canvas.js'
import { count } from '../format.js'
import { useWidth } from '../hooks.js'
import { effect, html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js'
import { attach } from '../chart/gestures.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { param, period, utc } from '../stores/place.js'
import { repaint } from '../stores/theme.js'
import { barAt } from './lanes.js'
import { Figures, Marks, Names } from './Labels.js'
import { firstMark, markKey, marked, markOf } from './model.js'
import { heightOf, LANE_H, paint, palette } from './paint.js'
import { timeAt, viewStart } from './scale.js'
import { Tip } from './Tip.js'
import { walk } from './walk.js'

/** Width of the names, and of the figures; a narrow ribbon has no figures. */
const NAMES_W = 208
const FIGURES_W = 152
const NARROW_NAMES_W = 104
const NARROW_PX = 600
const WIDE_PX = 860
/** How near a pointer must come to a bar. */
const ROOM_PX = 5

/** @param {{ lanes: Lane[], tracks: Track[], onOpen?: (bar: import('./lanes.js').Bar) => void }} props `onOpen`: what opening a mark does; else it is kept in the address */
export function Strip({ lanes: all, tracks: allTracks, onOpen }) {
  const [box, width] = useWidth()
  const sheet = useRef(/** @type {HTMLCanvasElement|null} */ (null))
  const [pull, setPull] = useState(/** @type {[number, number]|null} */ (null))
  const opened = param('mark')
  const narrow = width < NARROW_PX
  const lanes = narrow ? all.filter((lane) => lane.group === 'task') : all
  const tracks = narrow ? [] : allTracks
  const left = narrow ? NARROW_NAMES_W : NAMES_W
  const right = width >= WIDE_PX ? width - FIGURES_W : width - 8
  const latest = useRef({ lanes, tracks, left, right, width, opened: opened.value })
  latest.current = { lanes, tracks, left, right, width, opened: opened.value }
  const draw = useRef(() => {})

  useLayoutEffect(() => {
    let asked = 0
    let inks = palette()
    let theme = repaint.peek()
    const frame = () => {
      asked = 0
      const canvas = sheet.current
      if (!canvas || latest.current.width === 0) return
      if (theme !== repaint.peek()) inks = palette()
      theme = repaint.peek()
      const scene = sceneOf()
      const pen = penOf(canvas, scene.width, heightOf(scene.lanes.length, scene.tracks.length))
      if (pen) paint(pen, scene, inks)
    }
    draw.current = () => { asked ||= requestAnimationFrame(frame) }
    const stop = effect(() => {
      period.value
      cursor.value
      marked.value
      repaint.value
      utc.value
      draw.current()
    })
    return () => {
      stop()
      cancelAnimationFrame(asked)
    }
  }, [])
  useLayoutEffect(() => draw.current())

  /** @returns {Scene} */
  function sceneOf() {
    const { end } = period.peek()
    const { opened: key, ...rest } = latest.current
    const start = viewStart(period.peek(), Math.min(firstMark.peek(), ...rest.tracks.map(({ line }) => line?.t[0] ?? Infinity)))
    return { ...rest, start, end, now: Math.min(end, now.peek()), marked: marked.peek()?.bar ?? null, chosen: key ? markOf(key, rest.lanes)?.bar ?? null : null, cursor: cursor.peek(), utc: utc.peek() }
  }

  /** What lies below a pointer. @param {PointerEvent} event */
  const at = (event) => {
    const edge = /** @type {HTMLElement} */ (box.current).getBoundingClientRect()
    const scene = sceneOf()
    const x = event.clientX - edge.left
    const inside = x >= scene.left && x <= scene.right
    const lane = Math.floor((event.clientY - edge.top) / LANE_H)
    const time = timeAt(scene, x)
    const bar = inside && scene.lanes[lane] ? barAt(scene.lanes[lane], time, (ROOM_PX / (scene.right - scene.left)) * (scene.end - scene.start), scene.now) : null
    return { time: inside ? time : null, mark: bar ? { lane, bar } : null }
  }
  /** @param {PointerEvent} event */
  const onMove = (event) => {
    const { time, mark } = at(event)
    cursor.value = time
    if (mark?.bar !== marked.peek()?.bar) marked.value = mark
    if (box.current) box.current.style.cursor = mark ? 'pointer' : ''
  }
  const leave = () => {
    cursor.value = null
    marked.value = null
  }
  /** @param {import('./walk.js').Marked|null} mark */
  const open = (mark) => {
    if (!mark) return
    if (onOpen) onOpen(mark.bar)
    else opened.value = markKey(latest.current.lanes[mark.lane], mark.bar)
  }

  useEffect(() => {
    const into = box.current
    if (!into) return undefined
    const edge = () => into.getBoundingClientRect().left
    const plane = {
      left: () => edge() + latest.current.left,
      width: () => latest.current.right - latest.current.left,
      timeAt: (/** @type {number} */ x) => timeAt(sceneOf(), x - edge()),
    }
    return attach(into, plane, (pulled) => setPull(pulled && [pulled[0] - edge(), Math.min(pulled[1] - edge(), latest.current.right)]), (event) => open(at(event).mark))
  }, [])
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.target !== box.current) return
    if (event.key === 'Enter' && marked.peek()) open(marked.peek())
    else if (event.key === 'Escape' && marked.peek()) leave()
    else {
      const { start, end, now: clock } = sceneOf()
      const next = walk(event.key, lanes, marked.peek(), start, end, clock)
      if (!next) return
      marked.value = next
      cursor.value = Math.min(end, Math.max(start, next.bar.start))
    }
    event.preventDefault()
  }
  return html`
    <div class="ribbon" ref=${box} tabindex="0" role="group" aria-label=${`What went on, ${count(lanes.length, 'lane')}. Arrow keys walk over the marks, Enter opens one.`}
      onPointerMove=${onMove} onPointerLeave=${leave} onKeyDown=${onKeyDown} onBlur=${leave}>
      <canvas ref=${sheet} aria-hidden="true"></canvas>
      <${Names} lanes=${lanes} tracks=${tracks} />
      ${width >= WIDE_PX && html`<${Figures} lanes=${lanes} tracks=${tracks} />`}
      ${pull && html`<${Pull} from=${pull[0]} to=${pull[1]} />`}
      <${Tip} lanes=${lanes} sceneOf=${sceneOf} />
      <${Marks} lanes=${lanes} />
    </div>`
}

/** The stretch that is marked to zoom into. @param {{ from: number, to: number }} props */
function Pull({ from, to }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!box.current) return
    box.current.style.left = `${from}px`
    box.current.style.width = `${Math.max(0, to - from)}px`
  })
  return html`<i class="ribbon-pull" ref=${box}></i>`
}
