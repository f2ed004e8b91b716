/**
 * Searching traces: a form that writes TraceQL, the text itself, and what it finds as dots over time and as a list.
 *
 * @import { TraceRow } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { clockTime, count, exactTime } from '../format.js'
import { mistakeOf } from '../explore/mistakes.js'
import { html, useState } from '../lib.js'
import { param, range, setParams } from '../stores/place.js'
import { useAsked } from './asking.js'
import { Dots } from './Dots.js'
import { Empty } from './Empty.js'
import { Form } from './Form.js'
import { List, Order } from './List.js'
import { usePeriod } from './period.js'

/** Traces at a time. */
const STEP = 50
const MOST = 1000

export function Search() {
  const query = param('tq').value
  const limit = Math.min(MOST, Math.max(STEP, Number(param('traces').value) || STEP))
  const [turn, again] = useState(0)
  const { start, end } = usePeriod(turn)
  const asked = useAsked('/api/v1/traces', { ...(query ? { query } : {}), start, end, limit }, turn, `${query} ${range.value.name}`)
  const names = useAsked('/api/v1/traces/names', { start, end }, turn, range.value.name)
  /** @type {TraceRow[]} */
  const traces = asked.data?.traces ?? []
  const wrong = asked.error !== '' && asked.status === 400
  const mistake = wrong && query ? { ...mistakeOf(asked.error, query), advice: '' } : null
  /** @param {string} text */
  const run = (text) => {
    if (text === query) again(turn + 1)
    else setParams({ tq: text, traces: '' })
  }
  // Results of another query beneath this one's mistake would be read as its own.
  const face = wrong ? 'empty' : asked.data ? (traces.length > 0 ? 'data' : 'empty') : asked.error ? 'error' : 'loading'
  return html`
    <section class="panel traces-ask" aria-label="Search traces">
      <${Form} query=${query} names=${names.data?.services ?? []} mistake=${mistake} run=${run} />
    </section>
    <${Panel} title="Traces" name="traces" kind="traces-found" face=${face} error=${asked.error} retry=${() => again(turn + 1)} live=${false}
      note=${face === 'data' ? html`<${Note} traces=${traces} more=${asked.data.more} at=${asked.at} />` : ''}
      aside=${html`${face === 'data' && html`<${Order} />`} <button type="button" class="button" aria-disabled=${asked.busy ? 'true' : undefined} onClick=${() => again(turn + 1)}>${asked.busy ? 'Asking…' : 'Ask again'}</button>`}
      empty=${wrong ? html`<p>${mistake ? 'The query has a mistake: see above.' : asked.error}</p>` : query ? html`<p>No trace of this time fits the query.</p><p><button type="button" class="button" onClick=${() => run('')}>Search without it</button></p>` : html`<${Empty} />`}>
      <div class="found" data-busy=${asked.busy ? 'true' : undefined}>
        <${Dots} traces=${traces} start=${start} end=${end} />
        <${List} traces=${traces} query=${query} />
        ${asked.data?.more && html`<p class="more">${limit < MOST
          ? html`<button type="button" class="button" onClick=${() => setParams({ traces: String(limit + STEP) }, { replace: true })}>Show ${STEP} more</button>`
          : html`<span class="quiet">There are more. Name what you look for, or choose a shorter time.</span>`}</p>`}
        ${asked.error && html`<p class="problem" role="alert">Could not be asked again: ${asked.error}. What you see is of ${exactTime(asked.at)}.</p>`}
      </div>
    <//>`
}

/** @param {{ traces: TraceRow[], more: boolean, at: number }} props */
function Note({ traces, more, at }) {
  const failed = traces.filter(({ errors }) => errors > 0).length
  return html`${more ? `the newest ${count(traces.length, 'trace')} of more` : count(traces.length, 'trace')}${failed > 0 && ` · ${failed} with errors`} · as of ${clockTime(at)}`
}
