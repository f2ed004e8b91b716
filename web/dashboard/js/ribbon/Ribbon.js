/**
 * The ribbon: one time axis with a lane for each task worked on, lanes of CI runs, probes and alerts, CPU and memory beneath.
 *
 * Pointing at a bar tells what it is, a click opens it. By keyboard: arrows walk from bar to bar and from lane to lane, Enter opens.
 *
 * @import { Bar, Lane } from './lanes.js'
 * @import { Scene, Track } from './paint.js'
 */
import { count, exactTime, format, since, span } from '../format.js'
import { useFeeds } from '../hooks.js'
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js'
import { attach } from '../chart/gestures.js'
import { valueAt } from '../points.js'
import { alerts, endedAlerts } from '../stores/alerts.js'
import { board } from '../stores/boards.js'
import { ci } from '../stores/ci.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { events } from '../stores/events.js'
import { address, go, historyOf, period, utc } from '../stores/place.js'
import { status } from '../stores/status.js'
import { repaint } from '../stores/theme.js'
import { Panel } from '../components/Panel.js'
import { alertLanes, barAt, probeLanes, runLanes, taskLanes } from './lanes.js'
import { heightOf, LANE_H, paint, timeAt, xOf } from './paint.js'

const CPU = 'system_cpu_utilization_ratio'
const MEMORY = 'system_memory_utilization_ratio'
/** Lanes of tasks that find a place. */
const MOST_TASKS = 6
/** Where bars begin: names stand before. */
const NAMES_W = 168
const NARROW_NAMES_W = 76
/** How near a pointer must come to a bar. */
const ROOM_PX = 5

export function Ribbon() {
  const { start, end, words, live } = period.value
  const [cpu, memory] = useFeeds([CPU, MEMORY])
  const { lanes: tasks, left } = taskLanes(events.value ?? [], board.value, start, end, MOST_TASKS)
  const lanes = [
    ...tasks, ...runLanes(ci.value.runs?.repositories ?? [], start, end), ...probeLanes(events.value ?? [], status.value?.targets ?? [], start, end),
    ...alertLanes([...(alerts.value ?? []), ...endedAlerts.value], start, end),
  ]
  /** @type {Track[]} */
  const tracks = [
    { name: 'CPU', lines: [...cpu.lines.values()], top: 1, unit: 'ratio' },
    { name: 'memory', lines: [...memory.lines.values()], top: 1, unit: 'ratio' },
  ]
  const known = events.value !== null && status.value !== null
  return html`
    <${Panel} title="What went on" note=${[words, left > 0 && `${count(left, 'more task')} in Tasks`].filter(Boolean).join(' · ')} kind="ribbon-panel" name="ribbon" face=${known ? 'data' : 'loading'}>
      <${Strip} lanes=${lanes} tracks=${tracks} start=${start} end=${end} live=${live} />
    <//>`
}

/** @param {{ lanes: Lane[], tracks: Track[], start: number, end: number, live: boolean }} props */
export function Strip({ lanes, tracks, start, end, live }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const sheet = useRef(/** @type {HTMLCanvasElement|null} */ (null))
  const [width, setWidth] = useState(0)
  const [marked, mark] = useState(/** @type {{ lane: number, bar: Bar }|null} */ (null))
  const [pull, setPull] = useState(/** @type {[number, number]|null} */ (null))
  const left = width > 0 && width < 560 ? NARROW_NAMES_W : NAMES_W
  const clock = live ? Math.max(end, now.peek()) : now.peek()
  /** @type {Scene} */
  const scene = { start, end, now: Math.min(clock, end), left, width, lanes, tracks, marked: marked?.bar ?? null, cursor: cursor.value, utc: utc.value }
  const height = heightOf(scene)

  useLayoutEffect(() => {
    const into = box.current
    if (!into) return undefined
    const resize = new ResizeObserver(() => setWidth(into.clientWidth))
    resize.observe(into)
    setWidth(into.clientWidth)
    return () => resize.disconnect()
  }, [])
  repaint.value // read: a change of theme paints anew
  useLayoutEffect(() => {
    const canvas = sheet.current
    const pen = canvas?.getContext('2d')
    if (!canvas || !pen || width === 0) return
    const ratio = devicePixelRatio || 1
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio)
      canvas.height = Math.round(height * ratio)
      canvas.style.height = `${height}px`
    }
    paint(pen, scene, ratio)
  })

  /** @param {PointerEvent} event @returns {{ x: number, y: number, time: number }} */
  const at = (event) => {
    const edge = /** @type {HTMLElement} */ (box.current).getBoundingClientRect()
    const x = event.clientX - edge.left
    return { x, y: event.clientY - edge.top, time: timeAt(scene, x) }
  }
  /** @param {PointerEvent} event */
  const onMove = (event) => {
    const { x, y, time } = at(event)
    cursor.value = x >= left ? time : null
    const lane = Math.floor(y / LANE_H)
    const bar = lanes[lane] && x >= left ? barAt(lanes[lane], time, (ROOM_PX / (width - left)) * (end - start), scene.now) : null
    if (bar !== (marked?.bar ?? null)) mark(bar ? { lane, bar } : null)
  }
  const leave = () => {
    cursor.value = null
    mark(null)
  }
  // What the gestures read is what was drawn last.
  const latest = useRef({ scene, marked })
  latest.current = { scene, marked }
  useEffect(() => {
    const into = box.current
    if (!into) return undefined
    const edge = () => into.getBoundingClientRect().left
    const plane = {
      left: () => edge() + latest.current.scene.left,
      width: () => latest.current.scene.width - latest.current.scene.left,
      timeAt: (/** @type {number} */ x) => timeAt(latest.current.scene, x - edge()),
    }
    return attach(into, plane, (pulled) => setPull(pulled && [pulled[0] - edge(), pulled[1] - edge()]), () => { if (latest.current.marked) open(latest.current.marked.bar) })
  }, [])
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === 'Enter' && marked) open(marked.bar)
    else if (event.key === 'Escape') leave()
    else {
      const next = walk(event.key, lanes, marked)
      if (!next) return
      mark(next)
      cursor.value = next.bar.start
    }
    event.preventDefault()
  }
  return html`
    <div class="ribbon" ref=${box} tabindex="0" role="group" aria-label=${`What went on: ${count(lanes.length, 'lane')}. Arrow keys walk from bar to bar, Enter opens one.`}
      onPointerMove=${onMove} onPointerLeave=${leave} onKeyDown=${onKeyDown} onBlur=${leave}>
      <canvas ref=${sheet} aria-hidden="true"></canvas>
      <ul class="ribbon-names">
        ${lanes.map((lane) => html`<${Name} key=${lane.key} lane=${lane} clock=${scene.now} />`)}
        ${tracks.map((track) => html`<${TrackName} key=${track.name} track=${track} at=${cursor.value ?? end} />`)}
      </ul>
      ${pull && html`<${Pull} from=${pull[0]} to=${pull[1]} />`}
      <${Tip} scene=${scene} marked=${marked} />
    </div>`
}

/** @param {Bar} bar */
function open(bar) {
  if (bar.url) window.open(bar.url, '_blank', 'noopener,noreferrer')
  else go(address(bar.page, bar.item))
}

/** The next bar on a key; null for keys that are not ours. @param {string} key @param {Lane[]} lanes @param {{ lane: number, bar: Bar }|null} marked */
function walk(key, lanes, marked) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key]
  if (!step) return null
  const filled = lanes.map((lane, i) => ({ lane, i })).filter(({ lane }) => lane.bars.length > 0)
  if (filled.length === 0) return null
  if (!marked) return { lane: filled[0].i, bar: filled[0].lane.bars[filled[0].lane.bars.length - 1] }
  const row = Math.max(0, filled.findIndex(({ i }) => i === marked.lane))
  if (step[1] !== 0) {
    const { lane, i } = filled[Math.min(filled.length - 1, Math.max(0, row + step[1]))]
    const nearest = [...lane.bars].sort((a, b) => Math.abs(a.start - marked.bar.start) - Math.abs(b.start - marked.bar.start))[0]
    return { lane: i, bar: nearest }
  }
  const { bars } = filled[row].lane
  const here = bars.findIndex((b) => b.start === marked.bar.start && b.title === marked.bar.title)
  return { lane: filled[row].i, bar: bars[Math.min(bars.length - 1, Math.max(0, here + step[0]))] }
}

/** @param {{ lane: Lane, clock: number }} props */
function Name({ lane, clock }) {
  if (lane.group !== 'task') return html`<li class="ribbon-name"><a href=${address(lane.group === 'ci' ? 'ci' : lane.group === 'probe' ? 'application' : 'alerts')}>${lane.name}</a></li>`
  const worked = lane.bars.reduce((sum, b) => sum + ((b.end ?? clock) - b.start), 0)
  return html`
    <li class="ribbon-name" title=${lane.title}>
      <a href=${address('tasks', lane.name)}><span class="task-id">${lane.name}</span><span class="ribbon-title">${lane.title}</span></a><span class="quiet">${span(Math.round(worked))}</span>
    </li>`
}

/** @param {{ track: Track, at: number }} props */
function TrackName({ track, at }) {
  const line = track.lines[0]
  const value = line ? valueAt(line, at, 0) : null
  return html`<li class="ribbon-name ribbon-track"><a href=${historyOf(track.name === 'CPU' ? CPU : MEMORY)}>${track.name}</a><b>${format(value, track.unit)}</b></li>`
}

/** @param {{ from: number, to: number }} props */
function Pull({ from, to }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!box.current) return
    box.current.style.left = `${from}px`
    box.current.style.width = `${to - from}px`
  })
  return html`<i class="ribbon-pull" ref=${box}></i>`
}

/** What the marked bar is. @param {{ scene: Scene, marked: { lane: number, bar: Bar }|null }} props */
function Tip({ scene, marked }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!box.current || !marked) return
    const x = Math.min(Math.max(xOf(scene, scene.cursor ?? marked.bar.start) + 12, scene.left), Math.max(scene.left, scene.width - box.current.offsetWidth - 4))
    box.current.style.left = `${x}px`
    box.current.style.top = `${(marked.lane + 1) * LANE_H + 4}px`
  })
  if (!marked) return html`<div class="unseen" role="status"></div>`
  const { bar } = marked
  const length = (bar.end ?? scene.now) - bar.start
  const usual = scene.lanes[marked.lane]?.usual
  return html`
    <div class="tip" ref=${box} role="status">
      <b>${bar.title}</b>
      <span>${bar.words}</span>
      <span class="quiet">${since(bar.start, scene.now)}${bar.end === null ? ', goes on' : ` to ${exactTime(bar.end)}`} · ${span(Math.round(length))}${usual ? ` · usual ${span(Math.round(usual))}` : ''}</span>
    </div>`
}
