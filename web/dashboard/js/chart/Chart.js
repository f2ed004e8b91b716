/**
 * A live chart in its panel: feeds in, uPlot out, the cursor shared with all charts of the page.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { Line } from '../points.js'
 */
import { drawn, MOST_LINES } from './specs.js'
import { clockTime, count, format, since } from '../format.js'
import { useFeeds } from '../hooks.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { attach } from './gestures.js'
import { lineColour, makePlot } from './plot.js'
import { align, lowerBound, stack } from '../points.js'
import { alerts, thresholds } from '../stores/alerts.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { events, placeOf } from '../stores/events.js'
import { go, historyOf, period, range } from '../stores/place.js'
import { repaint } from '../stores/theme.js'
import { markOf } from '../statuses.js'
import { wordsOf } from '../timeline.js'
import { Legend } from './Legend.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'

/** @param {{ spec: ChartSpec, height?: number }} props */
export function Chart({ spec, height = 150 }) {
  const feeds = useFeeds(spec.selectors)
  const { step, words } = range.value
  const versions = feeds.map((f) => f.version.value).join()
  const { lines, left } = useMemo(() => drawn(spec, feeds.flatMap((f) => [...f.lines.values()]), step), [versions, spec, step])
  const failed = feeds.find((f) => f.state === 'error')
  const face = lines.length > 0 ? 'data' : failed ? 'error' : feeds.some((f) => f.state === 'loading') ? 'loading' : 'empty'
  const metricName = spec.metricName ?? spec.selectors[0]
  const alert = alerts.value?.find((a) => a.metric.__name__ === metricName)
  const colours = lines.map((l, i) => spec.colour?.(l.metric, i) ?? lineColour(i, lines.length))
  const title = html`
    ${alert && html`<${Mark} kind=${markOf(alert.severity)} word=${alert.severity} />`}
    <a href=${historyOf(spec.href ?? spec.selectors[0])}>${spec.title}</a>`
  const note = [spec.note, left > 0 ? `${MOST_LINES} of ${count(MOST_LINES + left, 'series', 'series')}` : ''].filter(Boolean).join(' · ')
  return html`
    <${Panel} title=${title} note=${note} face=${face} kind=${spec.wide ? 'chart chart-wide' : 'chart'} name=${`chart-${spec.id}`} empty=${html`<p>${spec.fill}</p>`}
      error=${failed?.error} failedAt=${failed && since(failed.failedAt, now.value)} retry=${() => feeds.forEach((f) => f.state === 'error' && f.retry())}>
      <${Legend} spec=${spec} lines=${lines} colours=${colours} />
      <${Plot} spec=${spec} lines=${lines} colours=${colours} step=${step} height=${height} label=${describe(spec, lines, words)} />
    <//>`
}

/** @param {{ spec: ChartSpec, lines: Line[], colours: string[], step: number, height: number, label: string }} props */
export function Plot({ spec, lines, colours, step, height, label }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const plot = useRef(/** @type {import('../../vendor/uplot.js').default|null} */ (null))
  const [tip, setTip] = useState(/** @type {{ event: import('../types.js').Event, left: number }|null} */ (null))
  const data = useMemo(() => (spec.stacked ? stack(lines, step) : align(lines)), [lines])
  const shape = lines.map((l, i) => l.key + colours[i]).join('\n')
  const metricName = spec.metricName ?? spec.selectors[0]
  const first = Math.min(...lines.map((l) => l.t[0]))
  const last = Math.max(...lines.map((l) => l.t[l.t.length - 1]))

  useLayoutEffect(() => {
    const into = box.current
    if (!into) return undefined
    const made = makePlot({
      unit: spec.unit, top: spec.top, stacked: spec.stacked, height, width: into.clientWidth,
      lines: lines.map((l, i) => ({ name: spec.name(l.metric), colour: colours[i] })),
      span: () => [period.peek().start, period.peek().end],
      thresholds: () => [...(thresholds.peek().get(metricName)?.values() ?? [])],
      events: () => events.peek() ?? [],
      onPoint: (time) => { cursor.value = time },
      onEvent: (event, left) => setTip(event && { event, left }),
      onOpen: (event) => go(placeOf(event)),
    }, /** @type {any} */ (data), into)
    plot.current = made
    const resize = new ResizeObserver(() => {
      if (into.clientWidth > 0 && into.clientWidth !== made.width) made.setSize({ width: into.clientWidth, height })
    })
    resize.observe(into)
    const edge = () => made.over.getBoundingClientRect()
    const still = attach(made.over, { left: () => edge().left, width: () => edge().width, timeAt: (x) => made.posToVal(x - edge().left, 'x') },
      (pull) => made.setSelect({ left: pull ? pull[0] - edge().left : 0, width: pull ? pull[1] - pull[0] : 0, top: 0, height: made.over.clientHeight }, false))
    return () => {
      still()
      resize.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [shape, spec.id, spec.unit, height])

  // Drawn anew when there is new data or time has moved on by a pixel, not every second.
  const { start, end } = period.value
  useEffect(() => { if (document.visibilityState === 'visible') plot.current?.setData(/** @type {any} */ (data)) }, [data, start, end])
  useEffect(() => plot.current?.redraw(false), [repaint.value, events.value, thresholds.value])
  useEffect(() => { if (plot.current) pointAt(plot.current, cursor.value) }, [cursor.value, data, start, end])

  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const time = moved(event.key, cursor.peek(), data[0])
    if (time === undefined) return
    event.preventDefault()
    cursor.value = time
  }
  return html`
    <div class="plot-box">
      <div class="plot" ref=${box} tabindex="0" role="img" aria-label=${label} onKeyDown=${onKeyDown} onBlur=${() => { cursor.value = null }}
        data-newest=${last} data-oldest=${first} data-lines=${lines.length}></div>
      ${tip && html`<${EventTip} event=${tip.event} left=${tip.left} />`}
    </div>`
}

/** What a tick stands for. @param {{ event: import('../types.js').Event, left: number }} props */
function EventTip({ event, left }) {
  const tip = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!tip.current?.parentElement) return
    const room = tip.current.parentElement.clientWidth - tip.current.offsetWidth
    tip.current.style.left = `${Math.max(0, Math.min(room, left - tip.current.offsetWidth / 2))}px`
  })
  return html`<div class="tip tip-event" ref=${tip} role="status"><b>${wordsOf(event)}</b><span class="quiet">${since(event.time, now.value)}</span></div>`
}

/** @param {import('../../vendor/uplot.js').default} plot @param {number|null} time */
function pointAt(plot, time) {
  const left = time === null ? -10 : plot.valToPos(time, 'x')
  if (Math.abs((plot.cursor.left ?? -10) - left) > 0.5) plot.setCursor({ left, top: time === null ? -10 : 10 }, false)
}

/** Where the cursor goes on a key; undefined for keys that are not ours. @param {string} key @param {number|null} time @param {number[]} xs @returns {number|null|undefined} */
function moved(key, time, xs) {
  if (key === 'Escape') return null
  if (key === 'Home') return xs[0]
  if (key === 'End') return xs[xs.length - 1]
  if (key !== 'ArrowLeft' && key !== 'ArrowRight') return undefined
  const at = time === null ? xs.length - 1 : lowerBound(xs, time)
  return xs[Math.min(xs.length - 1, Math.max(0, at + (key === 'ArrowLeft' ? -1 : 1)))]
}

/** @param {ChartSpec} spec @param {Line[]} lines @param {string} words */
function describe(spec, lines, words) {
  const parts = lines.map((line) => {
    const values = line.v.filter((v) => v !== null)
    const end = line.v[line.v.length - 1]
    return `${spec.name(line.metric)} ${format(end, spec.unit)}, between ${format(Math.min(...values), spec.unit)} and ${format(Math.max(...values), spec.unit)}`
  })
  const at = lines[0]?.t.at(-1)
  return `${spec.title}, ${words}${at ? `, newest ${clockTime(at)}` : ''}: ${parts.join('; ')}. Arrow keys move the cursor.`
}
