/**
 * Traces that were found, one row each, leading to the trace.
 *
 * @import { TraceRow, TraceSpan } from '../types.js'
 */
import { coloursOf } from '../chart/colours.js'
import { Mark } from '../components/Mark.js'
import { Swatch } from '../components/Swatch.js'
import { count, day, exactTime, quoted } from '../format.js'
import { html, useEffect, useMemo, useRef } from '../lib.js'
import { minute } from '../stores/pace.js'
import { param } from '../stores/place.js'
import { openedAddress } from './addresses.js'
import { momentOf, unix } from './moments.js'
import { length, nameOf } from './words.js'

/** Services that are named; the rest is counted. */
const SERVICES = 3

/** @type {Record<string, { words: string, order: (a: TraceRow, b: TraceRow) => number }>} */
const ORDERS = {
  newest: { words: 'newest first', order: (a, b) => (a.start < b.start ? 1 : a.start > b.start ? -1 : 0) },
  longest: { words: 'longest first', order: (a, b) => b.duration_seconds - a.duration_seconds },
  errors: { words: 'most errors first', order: (a, b) => b.errors - a.errors },
}

/** The trace that was opened last. */
let opened = ''
/** Who goes back finds the row that led there. @param {string} id */
export const cameFrom = (id) => { opened = id }

/** In which order the list stands. */
export function Order() {
  const order = param('order', 'newest')
  return html`<select class="chooser" aria-label="Order" value=${order.value} onChange=${(/** @type {any} */ e) => { order.value = e.target.value }}>${Object.entries(ORDERS).map(([name, { words }]) => html`<option key=${name} value=${name}>${words}</option>`)}</select>`
}

/** @param {{ traces: TraceRow[], query: string }} props */
export function List({ traces, query }) {
  const order = param('order', 'newest')
  const shown = useMemo(() => [...traces].sort((ORDERS[order.value] ?? ORDERS.newest).order), [traces, order.value])
  const list = useRef(/** @type {HTMLElement|null} */ (null))
  useEffect(() => {
    const row = opened && list.current?.querySelector(`[data-trace="${CSS.escape(opened)}"]`)
    if (row instanceof HTMLElement) row.focus()
    opened = ''
  }, [])
  const longest = traces.reduce((most, { duration_seconds: s }) => Math.max(most, s), 0)
  const colours = useMemo(() => coloursOf([...new Set(traces.flatMap((t) => [t.service, ...t.services.map(({ service }) => service)]))]), [traces])
  return html`
    <ol class="trace-list" ref=${list} data-rove aria-label="Traces">
      ${shown.map((trace) => html`<li key=${trace.trace_id}><${Row} trace=${trace} longest=${longest} colours=${colours} query=${query} /></li>`)}
    </ol>`
}

/** @param {{ trace: TraceRow, longest: number, colours: Map<string, string>, query: string }} props */
function Row({ trace, longest, colours, query }) {
  const at = momentOf(trace.start)
  const t = at ? unix(at) : null
  const others = trace.services.filter(({ service }) => service !== trace.service)
  const hit = query ? trace.matched.find(({ service, name }) => service !== trace.service || name !== trace.name) : undefined
  return html`
    <a class="trace-row" href=${openedAddress(trace.trace_id)} data-trace=${trace.trace_id}>
      <span class="trace-time">${t === null ? '–' : html`${day(t) === day(minute.value) ? null : html`${day(t)} `}${exactTime(t)}`}</span>
      <span class="trace-name">
        <span class="trace-title"><${Swatch} colour=${colours.get(trace.service) ?? '--data'} /><bdi class="trace-service">${trace.service}</bdi> <bdi>${nameOf(trace.name)}</bdi></span>
        ${!trace.root && html`<span class="quiet">its first span was not received</span>`}
        ${hit && html`<${Hit} hit=${hit} more=${trace.matched.length - 1} />`}
      </span>
      <span class="trace-duration"><${Bar} part=${longest > 0 ? trace.duration_seconds / longest : 0} /><span class="num">${length(trace.duration_seconds)}</span></span>
      <span class="trace-spans num" title=${trace.more_spans ? 'Only so many are read of a trace' : undefined}>${trace.more_spans && '≥ '}${count(trace.spans, 'span')}</span>
      <span class="trace-errors">${trace.errors > 0 ? html`<${Mark} kind="error" word="" /> ${count(trace.errors, 'error')}` : html`<span class="quiet">no error</span>`}</span>
      <span class="trace-services" title=${trace.services.map(({ service, spans, errors }) => `${quoted(service)}: ${count(spans, 'span')}${errors > 0 ? `, ${count(errors, 'error')}` : ''}`).join('\n')}>
        ${others.slice(0, SERVICES).map(({ service }) => html`<span key=${service} class="trace-other"><${Swatch} colour=${colours.get(service) ?? '--data'} /><bdi>${service}</bdi></span>`)}
        ${others.length > SERVICES && html`<span class="quiet">and ${others.length - SERVICES} more</span>`}
      </span>
    </a>`
}

/** What of a trace fitted the query. @param {{ hit: TraceSpan, more: number }} props */
const Hit = ({ hit, more }) => html`<span class="quiet">fits: <bdi>${hit.service}</bdi> <bdi>${nameOf(hit.name)}</bdi>, ${length(hit.duration_seconds)}${more > 0 && ` and ${more} more`}</span>`

/** @param {{ part: number }} props */
const Bar = ({ part }) => html`<span class="trace-bar" aria-hidden="true"><i style=${{ width: `${Math.max(1, 100 * Math.min(1, Math.max(0, part)))}%` }}></i></span>`
