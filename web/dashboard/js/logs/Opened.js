/**
 * All that is known of a line: its text as it came, its fields, each to filter by, the lines around it, its trace.
 *
 * @import { LogLine } from '../types.js'
 */
import { copy } from '../chart/take.js'
import { clip, digits } from '../format.js'
import { html, useMemo, useState } from '../lib.js'
import { logsAddress, traceAddress } from '../stores/place.js'
import { Around } from './Around.js'
import { secondsOf } from './lines.js'
import { known, withMatcher, withStage } from './query.js'
import { showQuery } from './query_shown.js'
import { Text } from './Text.js'
import { parserOf, prettyJson } from './signs.js'

/** Characters that are shown before the reader asks for all. */
const MOST_SHOWN = 10_000
const MOST_OF_FIELD = 400
/** Seconds before a line that a link to it shows. */
const BEFORE_S = 900

/** @typedef {{ name: string, value: string, kind: 'label'|'attribute'|'parsed'|'id' }} Field */

/** @param {LogLine} line @returns {Array<[string, Field[]]>} */
function fieldsOf(line) {
  const of = (/** @type {Record<string, string>} */ map, /** @type {Field['kind']} */ kind) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value, kind }))
  const ids = [['trace_id', line.trace_id], ['span_id', line.span_id]].flatMap(([name, value]) => (name && value ? [{ name, value, kind: /** @type {const} */ ('id') }] : []))
  const groups = /** @type {Array<[string, Field[]]>} */ ([
    ['Trace', ids], ['Found in the text', of(line.parsed, 'parsed')], ['Attributes', of(line.attributes, 'attribute').filter(({ name }) => name !== 'trace_id' && name !== 'span_id')], ['Labels of its stream', of(line.labels, 'label')],
  ])
  return groups.filter(([, list]) => list.length > 0)
}

/** The query with a condition on a field. @param {string} text @param {Field} field @param {boolean} without */
const asked = (text, { name, value, kind }, without) => (kind === 'label' ? withMatcher(text, name, without ? '!=' : '=', value) : withStage(text, known(name, value, without)))

/** @param {{ line: LogLine, text: string }} props */
export function Opened({ line, text }) {
  const [all, showAll] = useState(false)
  const [pretty, setPretty] = useState(true)
  const [around, showAround] = useState(false)
  const [said, say] = useState('')
  const json = useMemo(() => prettyJson(line.body), [line.body])
  const parser = useMemo(() => (Object.keys(line.parsed).length === 0 ? parserOf(line.body) : null), [line])
  const written = pretty && json !== null ? json : line.body
  const time = secondsOf(line.ns)
  const link = () => new URL(logsAddress(text, { range: '', from: String(Math.floor(time) - BEFORE_S), to: String(Math.floor(time) + 1) }), location.href).href
  /** @param {string} what @param {string} words */
  const take = (what, words) => copy(what).then(() => say(words), (error) => say(error.message))
  return html`
    <div class="log-opened">
      ${line.body !== '' && html`<pre class="log-body"><${Text} text=${written} most=${all ? Infinity : MOST_SHOWN} /></pre>`}
      ${line.replaced && html`<p class="quiet">Bytes that are no text stand as � here.</p>`}
      <div class="log-actions" data-rove>
        ${written.length > MOST_SHOWN && !all && html`<button type="button" class="button" onClick=${() => showAll(true)}>Show all ${digits(written.length)} characters</button>`}
        ${json !== null && html`<button type="button" class="button" aria-pressed=${pretty} onClick=${() => setPretty(!pretty)}>${pretty ? 'As it came' : 'As JSON in lines'}</button>`}
        ${parser && html`<button type="button" class="button" title=${`Adds | ${parser} to the query`} onClick=${() => showQuery(withStage(text, `| ${parser}`))}>Read its fields</button>`}
        <button type="button" class="button" aria-expanded=${around} onClick=${() => showAround(!around)}>Lines around it</button>
        ${line.trace_id && html`<a class="button" href=${traceAddress(line.trace_id)}>Open its trace</a>`}
        <button type="button" class="button" onClick=${() => take(line.body, 'Copied the text')}>Copy text</button>
        <button type="button" class="button" onClick=${() => take(jsonOf(line), 'Copied all of it')}>Copy as JSON</button>
        <button type="button" class="button" onClick=${() => take(link(), 'Copied the link')}>Copy link</button>
        <span class="quiet" role="status">${said}</span>
      </div>
      ${around && html`<${Around} line=${line} />`}
      ${fieldsOf(line).map(([title, list]) => html`<${Group} key=${title} title=${title} list=${list} text=${text} say=${say} />`)}
    </div>`
}

/** @param {LogLine} line */
function jsonOf({ ns, severity, body, labels, attributes, parsed, trace_id, span_id }) {
  return JSON.stringify({ ns, severity, body, labels, attributes, ...(Object.keys(parsed).length > 0 ? { parsed } : {}), ...(trace_id ? { trace_id, span_id } : {}) }, null, 2)
}

/** @param {{ title: string, list: Field[], text: string, say: (words: string) => void }} props */
function Group({ title, list, text, say }) {
  return html`
    <section class="log-fields" aria-label=${title}>
      <h3>${title}</h3>
      <ul data-rove>
        ${list.map((field) => {
          const { name, value } = field
          const [only, without] = [asked(text, field, false), asked(text, field, true)]
          return html`
            <li key=${name} class="log-field" data-field=${name}>
              <bdi class="log-name" title=${name}>${clip(name, 80)}</bdi>
              <span class="log-value">${value === '' ? html`<i class="quiet">empty</i>` : html`<${Text} text=${value} most=${MOST_OF_FIELD} />`}</span>
              <span class="log-field-buttons">
                <button type="button" class="button" disabled=${only === null} aria-label=${`Only lines whose ${clip(name, 60)} is this`} title="Only this value" onClick=${() => showQuery(only)}>=</button>
                <button type="button" class="button" disabled=${without === null} aria-label=${`No lines whose ${clip(name, 60)} is this`} title="Not this value" onClick=${() => showQuery(without)}>≠</button>
                <button type="button" class="button" aria-label=${`Copy ${clip(name, 60)}`} title="Copy" onClick=${() => copy(value).then(() => say(`Copied ${clip(name, 60)}`), (error) => say(error.message))}>Copy</button>
              </span>
            </li>`
        })}
      </ul>
    </section>`
}
