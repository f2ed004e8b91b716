/**
 * What is expected to come, on the page Status: calls of jobs, and forecasts with how those before them held.
 *
 * @import { ForecastRecord, ForecastScore, Forecasts, Heartbeat, SeriesForecastRecord, UndatedForecast } from '../types.js'
 */
import { count, DASH, percent, quoted, since, span } from '../format.js'
import { useAnswer } from '../hooks.js'
import { computed, html } from '../lib.js'
import { print } from '../selector.js'
import { now } from '../stores/clock.js'
import { listFace } from './faces.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'

/** Asked anew so often: forecasts change slowly. */
const EVERY_S = 60
const turn = computed(() => Math.floor(now.value / EVERY_S))

/** @type {Record<Heartbeat['state'], [import('../statuses.js').Mark, string]>} */
const CALLS = { awaited: ['none', 'no call yet'], coming: ['ok', 'in time'], late: ['error', 'late'] }

export function Heartbeats() {
  const { data, error, failedAt, state, retry } = useAnswer('/api/v1/heartbeats', {}, turn.value)
  const list = /** @type {Heartbeat[]} */ (data ?? [])
  return html`
    <${Panel} title="Calls of jobs" name="heartbeats" kind="wide" live=${false} face=${listFace(state, list.length)} error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}
      empty=${html`<p>No job is expected to call. A backup that stops says nothing; a call that does not come is an alert:</p><pre class="copy">[heartbeats.expect.backup]
every = "1d"</pre>`}>
      <div class="table-wrap" tabindex="0" role="region" aria-label="Calls of jobs">
        <table>
          <thead><tr><th>Job</th><th>State</th><th class="num">Last call</th><th class="num">Late after</th><th class="num">Expected every</th></tr></thead>
          <tbody>${list.map((h) => html`
            <tr key=${h.name} data-heartbeat=${h.name}>
              <td><bdi>${h.name}</bdi></td>
              <td class="state"><${Mark} kind=${CALLS[h.state]?.[0] ?? 'none'} word="" /> ${CALLS[h.state]?.[1] ?? h.state}</td>
              <td class="num">${h.last_call === null ? DASH : since(h.last_call, now.value)}</td>
              <td class="num">${since(h.due, now.value)}</td>
              <td class="num">${span(h.every)}</td>
            </tr>`)}
          </tbody>
        </table>
      </div>
    <//>`
}

export function ForecastsHeld() {
  const { data, error, failedAt, state, retry } = useAnswer('/api/v1/forecasts', {}, turn.value)
  const { forecasts, undated, series, boards, disks, memory } = forecastsOf(data)
  const rows = forecastRows(forecasts, undated)
  const note = [heldWords('boards', boards), heldWords('disks', disks), heldWords('memory', memory)].filter(Boolean).join(' · ')
  return html`
    <${Panel} title="Forecasts, and how those before held" name="forecasts" kind="wide" note=${note} live=${false} face=${listFace(state, rows.length + series.length)} error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}
      empty=${html`<p>No forecast is kept yet. A board has one after some tasks are done, a file system when it fills, memory when it will be used up, a series when a chart shows its forecast.</p>`}>
      <div class="table-wrap" tabindex="0" role="region" aria-label="Forecasts">
        <table>
          <thead><tr><th>What</th><th>Now: by then, in so many of 100 cases</th><th>Before: came in time, of those that are judged</th><th class="num">Not judged yet</th></tr></thead>
          <tbody>${rows.map(({ name, record, why }) => html`
            <tr key=${name}>
              <td><bdi>${quoted(name, 80)}</bdi></td>
              <td>${record && record.bounds.length > 0 ? record.bounds.map((b) => `${Math.round(b.share * 100)}: ${since(b.time, now.value)}`).join(' · ') : why ? html`<span class="quiet">${quoted(why, 200)}</span>` : DASH}</td>
              <td>${record && record.calibration.length > 0 ? record.calibration.map(heldOf).join(' · ') : DASH}</td>
              <td class="num">${record ? record.pending : DASH}</td>
            </tr>`)}
            ${series.map((one) => html`
            <tr key=${seriesName(one)} data-series-forecast>
              <td><bdi>${quoted(seriesName(one), 80)}</bdi></td>
              <td>${DASH}</td>
              <td>${one.judged > 0 ? seriesHeld(one) : DASH}</td>
              <td class="num">${one.pending}</td>
            </tr>`)}
          </tbody>
        </table>
      </div>
    <//>`
}

/** What is answered; a service of another version than the page may leave parts of it out. @param {Partial<Forecasts>|null} data @returns {Forecasts} */
export const forecastsOf = (data) => ({ forecasts: [], undated: [], series: [], boards: [], disks: [], memory: [], ...data })

/**
 * What is forecast, and what has no date, with why: the forecasts first.
 * @param {ForecastRecord[]} forecasts @param {UndatedForecast[]} undated
 * @returns {Array<{ name: string, record: ForecastRecord|null, why: string|null }>}
 */
export function forecastRows(forecasts, undated) {
  const reasons = new Map(undated.map((one) => [nameOf(one), one.reason]))
  const records = forecasts.map((record) => ({ name: nameOf(record), record, why: reasons.get(nameOf(record)) ?? null }))
  const known = new Set(records.map(({ name }) => name))
  const others = [...reasons].filter(([name]) => !known.has(name))
  return [...records, ...others.map(([name, why]) => ({ name, record: null, why }))]
}

/** `rate(x[5m]) {job="a"}, a day ahead`. @param {SeriesForecastRecord} one */
const seriesName = ({ query, metric, horizon }) => {
  const name = print(metric)
  return `${[name, metric.__name__].includes(query) ? name : `${query} · ${name}`}, ${span(horizon)} ahead`
}

/** `80 of 100 means said within, 82 % of 60`. @param {SeriesForecastRecord} one */
export const seriesHeld = ({ level, judged, held }) => `${Math.round(level * 100)} of 100 means said within, ${percent(held / judged)} of ${judged}`

/** @param {Pick<ForecastRecord, 'subject'|'metric'>} f */
const nameOf = ({ subject, metric }) => NAMES[subject]?.(metric) ?? metric.__name__ ?? subject

/** @type {Record<ForecastRecord['subject'], (metric: Record<string, string>) => string>} */
const NAMES = {
  board_done: (metric) => `Board ${metric.project ?? ''} · ${metric.tag ?? ''} done`,
  disk_full: (metric) => `Disk ${metric.mountpoint ?? ''} full`,
  memory_full: (metric) => `Memory of ${metric.unit ?? metric.container ?? metric.process ?? 'the machine'} used up`,
}

/** `95 of 100 said, 93 % of 116`. @param {ForecastScore} score */
const heldOf = ({ share, judged, held }) => `${Math.round(share * 100)} of 100 said, ${percent(held / judged)} of ${judged}`

/** @param {string} what @param {ForecastScore[]} scores */
function heldWords(what, scores) {
  const last = scores[scores.length - 1]
  return last ? `${what}: of ${count(last.judged, 'forecast')}, ${percent(last.held / last.judged)} came before the time that ${Math.round(last.share * 100)} of 100 should` : ''
}
