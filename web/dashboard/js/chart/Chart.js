/**
 * A chart in its panel: its questions asked, its faces, its menu, its picture and its legend.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { Question } from '../stores/buckets.js'
 */
import { count, since } from '../format.js'
import { effect, html, useEffect, useLayoutEffect, useMemo, useState } from '../lib.js'
import { markOf } from '../statuses.js'
import { alerts } from '../stores/alerts.js'
import { axis, leave, watch, youngSince } from '../stores/buckets.js'
import { now } from '../stores/clock.js'
import { unwatched } from '../stores/past.js'
import { compare, compareWords, follows, historyOf, period, utc } from '../stores/place.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { timeLabel } from './axis.js'
import { startPainter } from './canvases.js'
import { bandsOf, expectedOf } from './expected.js'
import { offersOf } from './helped.js'
import { Legend } from './Legend.js'
import { MarkChange } from './MarkChange.js'
import { Menu } from './Menu.js'
import { linesOf } from './model.js'
import { PlotBox } from './PlotBox.js'
import { gapOf } from './series.js'
import { beatSoon, useStage } from './stage.js'
import { Table } from './Table.js'
import { useExemplars } from './useExemplars.js'
import { useForecast } from './useForecast.js'

/** The padding of a panel, as far as a plot keeps to it. */
const PADDING_PX = 16
/** What of a panel's width is no plot: padding and the value axis. */
const NO_PLOT_PX = 64
/** Widths are taken in steps, so that charts of nearly one width share their questions. */
const WIDTH_STEP = 20

/** @param {ChartSpec} spec */
export const queriesOf = (spec) => (spec.query ? [spec.query] : spec.selectors)

/** @param {{ spec: ChartSpec, height?: number, bare?: boolean }} props `bare`: stands in a panel that is there already */
export function Chart({ spec, height = 150, bare = false }) {
  const { ref, width, shown } = useStage()
  const [hidden, setHidden] = useState(/** @type {ReadonlySet<string>} */ (new Set()))
  const [table, setTable] = useState(false)
  const [marking, mark] = useState(false)
  const pixels = Math.max(WIDTH_STEP, Math.floor((width - NO_PLOT_PX) / WIDTH_STEP) * WIDTH_STEP)
  const asked = useAsked(queriesOf(spec), width > 0 ? pixels : 0, shown)
  const shapes = asked.flatMap((a) => [a.now, a.before]).map((b) => b?.shape.value ?? 0).join()
  const { lines, total } = useMemo(() => linesOf(spec, asked.flatMap((a) => a.now ?? []), asked.flatMap((a) => a.before ?? [])), [shapes, spec, asked])
  const failed = asked.find((a) => a.now?.state === 'error')?.now
  const loading = asked.length === 0 || asked.some((a) => a.now?.state === 'loading')
  const face = lines.length > 0 ? 'data' : failed ? 'error' : loading ? 'loading' : 'empty'
  useEffect(() => (shown ? effect(() => {
    if (!follows.value) return
    axis.value
    for (const line of lines) line.buckets.version.value
    beatSoon()
  }) : undefined), [shown, lines])
  const drawn = useMemo(() => lines.filter((l) => !hidden.has(l.key)), [lines, hidden])
  const { pictured, shaded } = useExpected(spec, drawn, pixels, shown && width > 0)
  const expanded = asked.flatMap((a) => a.now?.expanded ?? [])
  const exemplars = useExemplars(spec, expanded, shown)
  const forecast = useForecast(pictured, expanded, drawn, ref)
  const metricName = spec.metricName ?? spec.selectors[0]
  const alert = alerts.value?.find((a) => a.metric.__name__ === metricName)
  const shownCount = lines.filter((l) => !l.before).length
  const begins = youngSince.value
  const compared = beforeWords(lines, asked.flatMap((a) => a.before ?? []))
  const note = [compared, spec.note, shaded && 'shaded: what is usual for it', forecast.said, exemplars && `◆ ${count(exemplars.marks.length, 'exemplar')}`, total > shownCount && `showing ${shownCount} of ${count(total, 'series', 'series')}`, begins !== null && `since ${timeLabel(begins, undefined, utc.value)}`].filter(Boolean).join(' · ')
  const promql = expanded.join('\n') || queriesOf(spec).join('\n')
  const title = html`
    ${alert && html`<${Mark} kind=${markOf(alert.severity)} word=${alert.severity} />`}
    <a href=${historyOf(spec.href ?? promql)}>${spec.title}</a>`
  const toggle = (/** @type {string} */ key, /** @type {boolean} */ alone) => setHidden(toggled(hidden, lines.map((l) => l.key), key, alone))
  const offers = offersOf(spec, drawn, expanded)
  const menu = html`<${Menu} spec=${spec} lines=${drawn} promql=${promql} table=${table} showTable=${setTable} forecast=${forecast} mark=${offers.length > 0 ? () => mark(true) : null} />`
  const unmark = () => {
    mark(false)
    const button = /** @type {HTMLElement|null|undefined} */ (ref.current?.querySelector('.menu-button'))
    button?.focus()
  }
  const inside = html`
    ${marking && html`<${MarkChange} title=${spec.title} offers=${offers} close=${unmark} />`}
    ${table
      ? html`<${Table} spec=${spec} lines=${drawn} height=${height} />`
      : html`<${PlotBox} spec=${forecast.spec} lines=${drawn} width=${Math.max(0, bare ? width : width - PADDING_PX)} height=${height} shown=${shown} words=${period.peek().words} exemplars=${exemplars} />`}
    <${Legend} spec=${spec} lines=${lines} hidden=${hidden} toggle=${toggle} shown=${shown} ahead=${forecast.words} />`
  if (bare) {
    return html`
      <div class="chart-holder chart-bare" data-face=${face} ref=${ref}>
        <div class="chart-head"><span class="note">${note}</span>${menu}</div>
        ${face === 'data' ? inside : face === 'loading' ? html`<div class="skeleton" role="status"><span class="unseen">Loading</span></div>` : html`<p class="face">${failed ? failed.error : spec.fill}</p>`}
      </div>`
  }
  return html`
    <div class=${`chart-holder ${spec.wide ? 'chart-wide' : ''}`} ref=${ref}>
      <${Panel} title=${title} note=${note} face=${face} kind="chart" name=${`chart-${spec.id}`} empty=${html`<p>${unwatched.value || spec.fill}</p>`} aside=${menu}
        error=${failed?.error} failedAt=${failed && since(failed.failedAt, now.peek())} retry=${() => asked.forEach((a) => a.now?.state === 'error' && a.now.retry())}>
        ${inside}
      <//>
    </div>`
}

/** Why nothing is drawn to compare with, once that is known. @param {import('./model.js').ChartLine[]} lines @param {import('../stores/buckets.js').Buckets[]} before */
function beforeWords(lines, before) {
  if (before.length === 0 || lines.length === 0 || lines.some((l) => l.before) || before.some((b) => b.state === 'loading')) return ''
  return before.some((b) => b.state === 'error') ? `the ${compareWords.value} could not be loaded` : `no data of the ${compareWords.value}`
}

/** One series shown or hidden; `alone` shows it without all others, or all again. @param {ReadonlySet<string>} hidden @param {string[]} keys @param {string} key @param {boolean} alone @returns {ReadonlySet<string>} */
export function toggled(hidden, keys, key, alone) {
  const others = keys.filter((k) => k !== key)
  if (alone) return others.every((k) => hidden.has(k)) && !hidden.has(key) ? new Set() : new Set(others)
  const next = new Set(hidden)
  if (!next.delete(key)) next.add(key)
  return next
}

/**
 * The chart with bands of where its lines are expected, where it asks for them and the service says so.
 * @param {ChartSpec} spec @param {import('./model.js').ChartLine[]} lines those that are drawn @param {number} pixels @param {boolean} shown @returns {{ pictured: ChartSpec, shaded: boolean }}
 */
function useExpected(spec, lines, pixels, shown) {
  const ends = useMemo(() => (spec.expected ? expectedOf(spec.query ?? spec.selectors[0]) : null), [spec])
  const key = ends && shown ? `${pixels} ${ends[0]}` : ''
  const [held, hold] = useState(/** @type {import('../stores/buckets.js').Buckets[]} */ ([]))
  useEffect(() => {
    if (!ends || key === '') return undefined
    const questions = ends.map((query) => ({ query, pixels }))
    hold(questions.map(watch))
    return () => questions.forEach(leave)
  }, [key])
  const shapes = held.map((b) => b.shape.value).join()
  const pictured = useMemo(() => {
    const [low, high] = held
    if (!low || !high) return spec
    const floor = spec.unit === 'plain' ? -Infinity : 0
    const bands = () => bandsOf([...low.lines.values()], [...high.lines.values()], lines, (series) => gapOf(series, low.step, low.sampling), floor)
    return bands().length > 0 ? { ...spec, bands } : spec
  }, [shapes, held, lines, spec])
  return { pictured, shaded: pictured !== spec }
}

/** The buckets of the queries while the chart is in sight, and those to compare with. @param {string[]} queries @param {number} pixels 0 while the width is not known @param {boolean} shown */
function useAsked(queries, pixels, shown) {
  const offset = compare.value
  const key = `${pixels} ${offset} ${queries.join('\n')}`
  const [asked, setAsked] = useState(/** @type {Array<{ now: import('../stores/buckets.js').Buckets|null, before: import('../stores/buckets.js').Buckets|null }>} */ ([]))
  // Before the frame: what is held already is drawn in it.
  useLayoutEffect(() => {
    if (!shown || pixels === 0) return undefined
    startPainter()
    /** @type {Question[]} */
    const questions = queries.map((query) => ({ query, pixels }))
    const earlier = offset > 0 ? questions.map((q) => ({ ...q, offset })) : []
    setAsked(questions.map((question, i) => ({ now: watch(question), before: earlier[i] ? watch(earlier[i]) : null })))
    return () => [...questions, ...earlier].forEach(leave)
  }, [key, shown])
  return asked
}
