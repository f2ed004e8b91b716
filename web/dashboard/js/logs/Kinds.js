/**
 * Kinds of errors and warnings: lines that differ in their figures and names only, counted as one. A click shows the lines of one.
 *
 * @import { LogTemplate } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { count, grouped, since } from '../format.js'
import { useAnswer } from '../hooks.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { param, setParams } from '../stores/place.js'
import { levelWord, markOf } from './bars.js'
import { labels, values } from './knowledge.js'
import { nsOf } from './lines.js'
import { matcher, quote, read } from './query.js'
import { patternOf, queryOfKind, SERVICE_LABELS } from './templates.js'
import { Text } from './Text.js'

const MOST = 50
const MOST_SHOWN = 300

/** @param {{ text: string, start: number, end: number }} props `end`: 0 before anything was found */
export function Kinds({ text, start, end }) {
  return end > 0 && html`<${Panel} text=${text} service=${serviceOf(text)} start=${start} end=${end} />`
}

/** The service that a query is about; empty for all. @param {string} text */
const serviceOf = (text) => read(text)?.matchers.find((m) => SERVICE_LABELS.includes(m.name) && m.op === '=')?.value ?? ''

/** One line until it is opened: what is below it keeps its place. @param {{ text: string, service: string, start: number, end: number }} props */
function Panel({ text, service, start, end }) {
  const open = param('kinds')
  const shown = open.value === 'open'
  const answer = useAnswer('/api/v1/logs/templates', { ...(service ? { service } : {}), start: nsOf(start), end: nsOf(end), limit: MOST })
  const kinds = /** @type {LogTemplate[]} */ (answer.data?.templates ?? [])
  return html`
    <section class="panel logs-kinds" data-panel="log-kinds" data-face=${answer.state === 'ready' ? (kinds.length > 0 ? 'data' : 'empty') : answer.state} aria-busy=${answer.state === 'loading'}>
      <header class="panel-head">
        <h2>Kinds of errors and warnings</h2><span class="note">${noteOf(answer, kinds)}</span>
        <span class="panel-aside">${answer.state === 'error'
          ? html`<button type="button" class="button" onClick=${answer.retry}>Try again</button>`
          : html`<button type="button" class="button" aria-expanded=${shown} disabled=${kinds.length === 0} onClick=${() => { open.value = shown ? '' : 'open' }}>${shown ? 'Hide' : 'Show'}</button>`}</span>
      </header>
      ${shown && kinds.length > 0 && html`<${List} kinds=${kinds} text=${text} />`}
    </section>`
}

/** @param {ReturnType<typeof useAnswer>} answer @param {LogTemplate[]} kinds */
function noteOf({ state, error, data }, kinds) {
  if (state === 'loading') return 'loading'
  if (state === 'error') return `could not be read: ${error}`
  if (kinds.length === 0) return 'none in this time, of the last six hours'
  const fresh = kinds.filter((kind) => kind.new).length
  const bursts = kinds.filter((kind) => kind.burst).length
  return [kinds.length === MOST ? `the ${MOST} with most lines` : count(kinds.length, 'kind'), fresh > 0 && `${fresh} new`, bursts > 0 && `${bursts} far more than usual`, data.dropped > 0 && `${count(data.dropped, 'line')} not grouped: too many came at once`].filter(Boolean).join(', ')
}

/** @param {{ kinds: LogTemplate[], text: string }} props */
function List({ kinds, text }) {
  const kind = param('kind').value
  // The reader may have asked for something else since.
  const chosen = kinds.some((one) => one.id === kind && text.includes(quote(patternOf(one.template)))) ? kind : ''
  /** @param {LogTemplate} kind */
  const show = async (kind) => (chosen === kind.id ? setParams({ kind: '', query: '' }) : setParams({ kind: kind.id, query: queryOfKind(kind, await selectorOf(kind.service)) }))
  return html`
    <ul data-rove>
      ${kinds.map((kind) => html`
        <li key=${kind.id}>
          <button type="button" class="kind" data-kind=${kind.id} aria-pressed=${chosen === kind.id} title=${chosen === kind.id ? 'All lines again' : 'Only lines of this kind'} onClick=${() => show(kind)}>
            <${Mark} kind=${markOf(kind.level)} word=${levelWord(kind.level)} />
            <b class="num">${grouped(kind.count)}</b>
            <span class="kind-text"><${Text} text=${kind.template} most=${MOST_SHOWN} flat=${true} /></span>
            <span class="kind-more">${kind.new && html`<span class="tag">new</span> `}${kind.burst && html`<span class="tag">more than usual</span> `}<bdi class="quiet">${kind.service}</bdi> <span class="quiet">last ${since(Date.parse(kind.last_seen) / 1000, now.peek())}</span></span>
          </button>
        </li>`)}
    </ul>`
}

/** The streams of a service: by the label that has it. @param {string} service */
async function selectorOf(service) {
  const there = new Set(await labels().catch(() => []))
  for (const name of SERVICE_LABELS.filter((one) => there.has(one))) {
    if ((await values(name).catch(() => /** @type {string[]} */ ([]))).includes(service)) return `{${matcher(name, '=', service).text}}`
  }
  return '{}'
}
