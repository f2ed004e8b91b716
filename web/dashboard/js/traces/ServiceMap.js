/**
 * Which services there are, how they do, and which calls which: as a picture, and as tables.
 *
 * @import { Calls, ServiceFigures } from '../types.js'
 */
import { coloursOf } from '../chart/colours.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Sideways } from '../components/Sideways.js'
import { Swatch } from '../components/Swatch.js'
import { Table } from '../components/Table.js'
import { count, DASH, digits, exactTime, format, grouped, percent } from '../format.js'
import { computed, html, useMemo, useState } from '../lib.js'
import { now } from '../stores/clock.js'
import { range } from '../stores/place.js'
import { searchAddress } from './addresses.js'
import { useAsked } from './asking.js'
import { Empty } from './Empty.js'
import { usePeriod } from './period.js'
import { EMPTY, queryOf } from './query.js'
import { BOX_H, BOX_W, MOST, namesOf, pictureOf, widthOf } from './services.js'

/** Figures are asked for again so often, as long as the period goes with the time. */
const EVERY_S = 30
const beat = computed(() => Math.floor(now.value / EVERY_S))

/** The traces of a service. @param {string} service @param {string} [status] */
const searchOf = (service, status = '') => searchAddress(queryOf({ ...EMPTY, service, status }))

export function ServiceMap() {
  const [turn, again] = useState(0)
  const { name, live } = range.value
  const when = live ? `${turn} ${beat.value}` : turn
  const { start, end } = usePeriod(when)
  const asked = useAsked('/api/v1/traces/services', { start, end }, when, name)
  /** @type {ServiceFigures[]} */
  const services = asked.data?.services ?? []
  /** @type {Calls[]} */
  const calls = asked.data?.edges ?? []
  const names = namesOf(services, calls)
  const colours = useMemo(() => coloursOf(names), [names.join('\n')])
  const face = asked.data ? (names.length > 0 ? 'data' : 'empty') : asked.error ? 'error' : 'loading'
  const note = face === 'data' ? `${count(services.length, 'service')} · ${count(calls.length, 'call')} · as of ${exactTime(asked.at)}` : ''
  const common = { face, error: asked.error, retry: () => again(turn + 1), live: false }
  return html`
    <${Panel} ...${common} title="Which service calls which" name="service-map" kind="service-map" note=${note} empty=${html`<${Empty} />`}
      aside=${html`<button type="button" class="button" aria-disabled=${asked.busy ? 'true' : undefined} onClick=${() => again(turn + 1)}>${asked.busy ? 'Asking…' : 'Ask again'}</button>`}>
      ${names.length > MOST
        ? html`<p class="quiet">${count(names.length, 'service')} are too many for a picture. The tables below have all of them.</p>`
        : html`<${Picture} names=${names} services=${services} calls=${calls} colours=${colours} />`}
      ${asked.error && asked.data && html`<p class="problem" role="alert">Could not be asked again: ${asked.error}. What you see is of before.</p>`}
    <//>
    ${face === 'data' && html`
      <div class="service-tables">
        <${Panel} ...${common} title="Services" name="services">
          <${Table} name="services" label="Services" rows=${services} keyOf=${(/** @type {ServiceFigures} */ r) => r.service} initial="-rate" thing="service" shown=${20} columns=${serviceColumns(colours)} />
        <//>
        <${Panel} ...${common} title="Calls" name="calls" face=${calls.length > 0 ? 'data' : 'empty'} empty=${html`<p>No call from one service to another in this time.</p>`}>
          <${Table} name="calls" label="Calls" rows=${calls} keyOf=${(/** @type {Calls} */ r) => `${r.client} ${r.server}`} initial="-requests" thing="call" shown=${20} columns=${callColumns(colours)} />
        <//>
      </div>`}`
}

/** @param {number|null|undefined} rate */
const rateWords = (rate) => (rate === null || rate === undefined ? DASH : rate >= 1 || rate === 0 ? `${digits(rate)}/s` : `${digits(rate * 60)}/min`)
/** The share of requests that failed; null without requests. @param {ServiceFigures|Calls} row */
const failedOf = ({ errors, requests }) => (requests > 0 ? errors / requests : null)
/** @param {ServiceFigures|Calls} row */
function errorWords(row) {
  const failed = failedOf(row)
  if (!failed) return html`<span class="quiet">${failed === null ? DASH : 'no error'}</span>`
  return html`<span class="service-errors"><${Mark} kind="error" word="" /> ${percent(failed)} errors</span>`
}

/** @param {{ names: string[], services: ServiceFigures[], calls: Calls[], colours: Map<string, string> }} props */
function Picture({ names, services, calls, colours }) {
  const key = JSON.stringify([names, calls.map(({ client, server }) => [client, server]).sort()])
  const picture = useMemo(() => pictureOf(names, calls), [key])
  const byName = new Map(services.map((row) => [row.service, row]))
  const byCall = new Map(calls.map((call) => [JSON.stringify([call.client, call.server]), call]))
  return html`
    <${Sideways} kind="map" label="Which service calls which">
      <svg width=${picture.width} height=${picture.height} viewBox=${`0 0 ${picture.width} ${picture.height}`}>
        <defs><marker id="call-arrow" viewBox="0 0 6 6" refX="6" refY="3" markerUnits="userSpaceOnUse" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0l6 3l-6 3z" /></marker></defs>
        ${picture.lines.map((line) => {
          const call = byCall.get(JSON.stringify([line.client, line.server]))
          if (!call) return null
          return html`<g key=${`${line.client} ${line.server}`} class="call"><title>${`${line.client} calls ${line.server}: ${count(call.requests, 'request')}, ${count(call.errors, 'error')}${typeof call.p95_seconds === 'number' ? `, 95 % within ${format(call.p95_seconds, 'seconds')}` : ''}`}</title>
            <path class=${`edge${line.circular ? ' call-back' : ''}`} d=${line.path} style=${{ strokeWidth: `${widthOf(call.requests)}px` }} marker-end="url(#call-arrow)" />
            <path class="call-reach" d=${line.path} />
            ${call.errors > 0 && html`<path class="call-error" d=${`M${line.x - 5} ${line.y - 5}h10v10h-10z`} />`}</g>`
        })}
        ${picture.places.map(({ service, x, y }) => html`<${Box} key=${service} service=${service} x=${x} y=${y} row=${byName.get(service)} colour=${colours.get(service) ?? '--data'} />`)}
      </svg>
    <//>`
}

/** @param {{ service: string, x: number, y: number, row: ServiceFigures|undefined, colour: string }} props */
function Box({ service, x, y, row, colour }) {
  const figures = row && row.requests > 0 ? `${rateWords(row.rate)}, ${row.errors > 0 ? `${percent(row.errors / row.requests)} errors` : 'no error'}, 95 % within ${format(row.p95_seconds, 'seconds')}` : row ? 'no requests' : 'no spans of its own'
  return html`
    <a href=${searchOf(service)} data-service=${service}>
      <rect class="box" x=${x} y=${y} width=${BOX_W} height=${BOX_H} rx="4" />
      <rect x=${x + 6} y=${y + 8} width="4" height=${BOX_H - 16} rx="2" fill=${`var(${colour})`} class="service-colour" />
      <foreignObject x=${x + 16} y=${y + 4} width=${BOX_W - 22} height=${BOX_H - 8}>
        <div class="service-box" title=${`${service}: ${figures}`}><b><bdi>${service}</bdi></b>
          ${row && row.requests > 0 ? html`<span>${rateWords(row.rate)} · p95 ${format(row.p95_seconds, 'seconds')}</span><span>${errorWords(row)}</span>` : html`<span class="quiet">${row ? 'no requests' : 'no spans of its own'}</span>`}</div>
      </foreignObject>
    </a>`
}

/** @param {Map<string, string>} colours @param {string} service */
const named = (colours, service) => html`<a class="taken-name" href=${searchOf(service)} title=${service}><${Swatch} colour=${colours.get(service) ?? '--data'} /><bdi>${service}</bdi></a>`

/** @param {Map<string, string>} colours @returns {import('../components/Table.js').Column[]} */
const serviceColumns = (colours) => [
  { key: 'service', title: 'Service', value: (r) => r.service, cell: (r) => named(colours, r.service) },
  { key: 'rate', title: 'Requests', num: true, help: 'Spans that answer a request or take a message', value: (r) => r.rate, cell: (r) => html`<span title=${count(r.requests, 'request')}>${rateWords(r.rate)}</span>` },
  { key: 'errors', title: 'Errors', num: true, value: failedOf, cell: (r) => (r.errors > 0 ? html`<a href=${searchOf(r.service, 'error')} title=${count(r.errors, 'error')}>${errorWords(r)}</a>` : errorWords(r)) },
  { key: 'p50', title: 'p50', num: true, help: 'Half of them took no longer', value: (r) => r.p50_seconds, cell: (r) => format(r.p50_seconds, 'seconds') },
  { key: 'p95', title: 'p95', num: true, help: '95 % of them took no longer', value: (r) => r.p95_seconds, cell: (r) => format(r.p95_seconds, 'seconds') },
  { key: 'p99', title: 'p99', num: true, help: '99 % of them took no longer', value: (r) => r.p99_seconds, cell: (r) => format(r.p99_seconds, 'seconds') },
  { key: 'spans', title: 'Spans', num: true, value: (r) => r.spans, cell: (r) => grouped(r.spans) },
]

/** @param {Map<string, string>} colours @returns {import('../components/Table.js').Column[]} */
const callColumns = (colours) => [
  { key: 'client', title: 'From', value: (r) => r.client, cell: (r) => named(colours, r.client) },
  { key: 'server', title: 'To', value: (r) => r.server, cell: (r) => named(colours, r.server) },
  { key: 'requests', title: 'Requests', num: true, value: (r) => r.requests, cell: (r) => grouped(r.requests) },
  { key: 'errors', title: 'Errors', num: true, value: failedOf, cell: errorWords },
  { key: 'p95', title: 'p95', num: true, help: '95 % of them took no longer', value: (r) => r.p95_seconds, cell: (r) => format(r.p95_seconds, 'seconds') },
]
