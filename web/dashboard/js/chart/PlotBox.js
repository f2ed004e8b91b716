/**
 * The picture of a chart, its cursor and its lane of events.
 *
 * Drawn when a bucket closes and when what is drawn changes, as far as it differs, and never out of sight. The cursor is one time for all
 * charts of a page.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { ChartLine } from './model.js'
 * @import { Picture } from './sheet.js'
 * @import { Plot } from './plot.js'
 * @import { Dot } from './exemplars.js'
 * @import { Exemplars } from './useExemplars.js'
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { html, computed, effect, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { liveEnd } from '../period.js'
import { stack } from '../points.js'
import { thresholds } from '../stores/alerts.js'
import { axis } from '../stores/buckets.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { placeOf } from '../stores/events.js'
import { follows, go, period, traceAddress, utc } from '../stores/place.js'
import { repaint } from '../stores/theme.js'
import { followTicks, ticks as events, ticksOfChart } from '../stores/ticks.js'
import { pointLabel } from './axis.js'
import { EventTip } from './EventTip.js'
import { painterRun } from './canvases.js'
import { makeDots } from './dots.js'
import { dotsOf, reachOf, saidOf } from './exemplars.js'
import { attach } from './gestures.js'
import { makePlot } from './plot.js'
import { gapOf } from './series.js'
import { LANE } from './shape.js'
import { beat, drawNever, drawSoon } from './stage.js'
import { atCursor, summary } from './words.js'

/** @type {TimelineEvent[]} */
const NO_EVENTS = []
/** How near a pointer must come to a tick. */
const TICK_ROOM = 5

/** @param {{ spec: ChartSpec, lines: ChartLine[], width: number, height: number, shown: boolean, words: string, exemplars?: Exemplars|null }} props */
export function PlotBox({ spec, lines, width, height, shown, words, exemplars = null }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const held = useRef(/** @type {Plot|null} */ (null))
  const dots = useRef(/** @type {ReturnType<typeof makeDots>|null} */ (null))
  const [tip, setTip] = useState(/** @type {{ events: TimelineEvent[], left: number }|null} */ (null))
  const [spoken, speak] = useState('')
  const latest = useRef(lines)
  latest.current = lines
  const step = Math.max(1, ...lines.filter((l) => !l.before).map((l) => l.buckets.step))
  const span = useMemo(() => {
    const newest = computed(() => (period.value.live ? liveEnd(axis.value.end, step) : axis.value.end))
    const start = computed(() => (period.value.live ? newest.value - (axis.value.end - axis.value.start) : axis.value.start))
    const end = computed(() => newest.value + (spec.ahead ?? 0))
    return { start, end }
  }, [step, spec.ahead])

  const texts = [...spec.selectors, spec.query ?? '', spec.metricName ?? ''].join(' ')
  const own = useMemo(() => ticksOfChart([texts]), [texts])
  const ownEvents = () => own(events.peek() ?? NO_EVENTS)

  /** @returns {Picture} */
  const picture = () => ({
    ...pictureOf(spec, latest.current), span: [span.start.peek(), span.end.peek()], live: period.peek().live && !spec.ahead, utc: utc.peek(), events: ownEvents(), marked: tip?.events[0] ?? null,
    reach: exemplars ? reachOf(exemplars.marks, exemplars.valued, [span.start.peek(), span.end.peek()]) : undefined,
    thresholds: [...(thresholds.peek().get(spec.metricName ?? spec.selectors[0])?.values() ?? [])],
  })
  /** @param {Plot} to */
  const drawDots = (to) => {
    const plane = exemplars && to.plane()
    if (!plane && !dots.current) return
    dots.current ??= makeDots(to.over, () => box.current?.focus())
    dots.current.show(plane ? dotsOf(exemplars.marks, plane, exemplars.valued) : [], saidAt, hrefOf)
  }
  const draw = () => {
    const to = held.current
    if (!to) return
    to.show(picture())
    to.point(cursor.peek())
    drawDots(to)
    const newest = latest.current.flatMap((l) => (l.before ? [] : l.series.t.slice(-1)))
    if (box.current && newest.length > 0) box.current.dataset.newest = String(Math.max(...newest))
  }
  const drawRef = useRef(draw)
  drawRef.current = draw

  useLayoutEffect(() => {
    const into = box.current
    if (!into || width === 0) return undefined
    const made = makePlot({ unit: spec.unit, top: spec.top, stacked: spec.stacked, height, width }, into)
    held.current = made
    const { over } = made
    const left = () => over.getBoundingClientRect().left
    const timeAt = (/** @type {number} */ x) => made.timeAt(x - left())
    over.addEventListener('mousemove', (event) => { cursor.value = timeAt(event.clientX) })
    over.addEventListener('mouseleave', () => { cursor.value = null })
    const still = attach(over, { left, width: () => over.clientWidth, timeAt }, (pull) => made.mark(pull ? pull[0] - left() : 0, pull ? pull[1] - pull[0] : 0))
    drawRef.current()
    return () => {
      still()
      made.destroy()
      held.current = null
      dots.current = null
    }
  }, [spec.id, spec.unit, width > 0, painterRun.value])
  useLayoutEffect(() => {
    if (held.current?.resize(width, height)) drawSoon(() => drawRef.current())
  }, [width, height])

  useEffect(followTicks, [])
  useEffect(() => {
    if (!shown) return undefined
    const redraw = () => drawRef.current()
    const stop = effect(() => {
      for (const signal of [beat, repaint, events, thresholds, utc]) signal.value
      if (!follows.value) for (const signal of [span.start, span.end, ...latest.current.map((line) => line.buckets.version)]) signal.value
      drawSoon(redraw)
    })
    const stopPointing = effect(() => {
      const time = cursor.value
      held.current?.point(time)
    })
    return () => {
      stop()
      stopPointing()
      drawNever(redraw)
    }
  }, [shown, lines, span, tip, spec, exemplars])

  /** @param {TimelineEvent[]} found */
  const show = (found) => setTip(found.length > 0 && held.current ? { events: found, left: held.current.xOf(found[0].time) + held.current.over.offsetLeft } : null)
  /** @param {MouseEvent} event */
  const onLane = (event) => {
    const plot = held.current
    if (!plot) return
    const edge = plot.over.getBoundingClientRect()
    const below = event.clientY - edge.bottom
    const found = below < 0 || below > LANE + 6 ? [] : eventsAt(plot, within(), event.clientX - edge.left, TICK_ROOM)
    if (found[0] !== tip?.events[0]) show(found)
  }
  const within = () => ownEvents().filter((e) => e.time >= span.start.peek() && e.time <= span.end.peek())
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === 'Enter' && tip) go(placeOf(tip.events[0]))
    else if (event.key === 'Escape') {
      cursor.value = null
      setTip(null)
    } else if (event.shiftKey && /^Arrow(Left|Right)$/.test(event.key)) {
      const next = nextEvent(within(), tip?.events[0] ?? null, event.key === 'ArrowRight' ? 1 : -1)
      if (!next) return
      show([next])
      cursor.value = next.time
    } else {
      const time = moved(event.key, cursor.peek(), [span.start.peek(), span.end.peek()], step)
      if (time === undefined) return
      cursor.value = time
      speak(`${pointLabel(time, now.peek(), utc.peek())}: ${atCursor(spec, lines, time)}`)
    }
    event.preventDefault()
  }
  const leaveAll = () => {
    cursor.value = null
    setTip(null)
  }
  return html`
    <div class="plot-box">
      <div class="plot" ref=${box} tabindex="0" role="group" aria-roledescription="chart" aria-label=${`${spec.title}, ${words}. ${summary(spec, lines, span.start.peek(), span.end.peek())} Arrow keys move the cursor, with Shift from event to event.`}
        onKeyDown=${onKeyDown} onBlur=${leaveAll} onMouseMove=${onLane} onMouseLeave=${() => setTip(null)} onClick=${() => tip && go(placeOf(tip.events[0]))}
        data-lines=${lines.length} data-step=${step} data-oldest=${Math.min(...lines.map((l) => l.series.t[0] ?? Infinity))} data-newest=${Math.max(...lines.map((l) => l.series.t[l.series.t.length - 1] ?? -Infinity))}></div>
      <span class="unseen" role="status">${spoken}</span>
      ${tip && html`<${EventTip} events=${tip.events} left=${tip.left} />`}
    </div>`
}

/** @param {Dot} dot */
const saidAt = (dot) => saidOf(dot, pointLabel(dot.time, now.peek(), utc.peek()))
/** @param {Dot} dot */
const hrefOf = (dot) => (dot.trace ? traceAddress(dot.trace) : '')

/** @param {ChartSpec} spec @param {ChartLine[]} lines @returns {Pick<Picture, 'lines'|'stack'|'bands'>} */
function pictureOf(spec, lines) {
  const bands = spec.bands?.() ?? []
  const own = lines.filter((l) => !l.before)
  if (!spec.stacked) {
    const of = (/** @type {ChartLine} */ l) => ({ series: l.series, changes: l.buckets.changes, colour: l.colour, step: l.buckets.step, gap: gapOf(l.series, l.buckets.step, l.buckets.sampling), dashed: l.before })
    return { stack: null, bands, lines: [...lines.map(of), ...(spec.means ?? [])] }
  }
  const data = stack(own.map(({ series }) => ({ ...series, v: series.last })), 0, (i) => gapOf(own[i].series, own[i].buckets.step, own[i].buckets.sampling))
  return { lines: [], bands, stack: { data, colours: own.map((l) => l.colour) } }
}

/** The event whose tick is nearest to a place of the lane, in CSS pixels of the plot's own area. @param {Plot} plot @param {TimelineEvent[]} events @param {number} x @param {number} room */
function eventsAt({ xOf }, events, x, room) {
  const far = (/** @type {TimelineEvent} */ event) => Math.abs(xOf(event.time) - x)
  return events.filter((e) => far(e) <= room).sort((a, b) => far(a) - far(b))
}

/** Where the cursor goes on a key; undefined for keys that are not ours. @param {string} key @param {number|null} time @param {[number, number]} span @param {number} step @returns {number|undefined} */
export function moved(key, time, [start, end], step) {
  const keys = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }
  if (key === 'Home') return Math.ceil(start / step) * step
  if (key === 'End') return end
  if (!(key in keys)) return undefined
  const by = keys[/** @type {keyof keys} */ (key)]
  const to = time === null ? end : Math.round(time / step + by) * step
  return Math.min(end, Math.max(start, to))
}

/** @param {TimelineEvent[]} list @param {TimelineEvent|null} at @param {1|-1} direction */
export function nextEvent(list, at, direction) {
  const sorted = [...list].sort((a, b) => a.time - b.time || String(a.id).localeCompare(String(b.id)))
  const i = at ? sorted.findIndex((e) => e.id === at.id) : direction === 1 ? -1 : sorted.length
  return sorted[i + direction] ?? null
}
