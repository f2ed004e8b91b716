/**
 * What traces are searched for: fields that write TraceQL, and the TraceQL.
 *
 * @import { Mistake } from '../explore/mistakes.js'
 * @typedef {import('./query.js').Form} Fields
 */
import { marked } from '../explore/marked.js'
import { bind } from '../keys.js'
import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib.js'
import { go } from '../stores/place.js'
import { openedAddress } from './addresses.js'
import { EMPTY, formOf, mistakeIn, queryOf, STATUSES } from './query.js'

/** Names offered at once. */
const MOST_NAMES = 500
/** What opens its trace. */
const TRACE_ID = /^(?:[0-9a-f]{16}){1,2}$/i

/** @param {{ query: string, names: Array<{ service: string, names: string[] }>, mistake: Mistake|null, run: (text: string) => void }} props `names`: services and what their spans are called */
export function Form({ query, names, mistake, run }) {
  const [text, setText] = useState(query)
  const [fields, setFields] = useState(formOf(query))
  const area = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  useLayoutEffect(() => {
    setText(query)
    setFields((held) => (held && queryOf(held) === query ? held : formOf(query)))
  }, [query])
  useEffect(() => bind([{ keys: 'q', words: 'Write a query', group: 'Traces', run: () => area.current?.focus() }]), [])
  /** @param {keyof Fields} name @param {string} value */
  const set = (name, value) => {
    const changed = { ...(fields ?? EMPTY), [name]: value }
    setFields(changed)
    if (!mistakeIn(name, value)) run(queryOf(changed))
  }
  const spanNames = [...new Set(names.filter(({ service }) => !fields?.service || service === fields.service).flatMap((s) => s.names))].sort().slice(0, MOST_NAMES)
  /** @param {keyof Fields} name @param {string} label @param {string} placeholder @param {string} [list] */
  const field = (name, label, placeholder, list) => {
    const wrong = fields ? mistakeIn(name, fields[name]) : ''
    return html`
      <label class=${`traces-${name}`}><span>${label}</span>
        <input type="text" autocomplete="off" spellcheck=${false} list=${list} placeholder=${placeholder} value=${fields?.[name] ?? ''} aria-invalid=${wrong ? 'true' : undefined} aria-describedby=${wrong ? `traces-${name}-wrong` : undefined}
          onChange=${(/** @type {any} */ e) => set(name, e.target.value)} onKeyDown=${(/** @type {any} */ e) => { if (e.key === 'Enter') set(name, e.target.value) }} />
        ${wrong && html`<span class="problem" id=${`traces-${name}-wrong`} role="status">${wrong}</span>`}
      </label>`
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    search()
  }
  const search = () => {
    const wanted = text.trim()
    if (TRACE_ID.test(wanted)) go(openedAddress(wanted.toLowerCase()))
    else run(wanted)
  }
  const pieces = marked([{ text, kind: '' }], text.trim() === query ? mistake : null)
  return html`
    ${fields ? html`
      <div class="traces-form" role="group" aria-label="What to search for">
        ${field('service', 'Service', 'any', 'traces-services')}
        ${field('name', 'Span', 'any name', 'traces-names')}
        <label class="traces-status"><span>Status</span>
          <select value=${fields.status} onChange=${(/** @type {any} */ e) => set('status', e.target.value)}>
            <option value="">any</option>${STATUSES.map((status) => html`<option key=${status} value=${status}>${status}</option>`)}
          </select>
        </label>
        ${field('least', 'Span lasts at least', '100ms')}
        ${field('most', 'and at most', '5s')}
        ${field('attribute', 'Attribute', 'http.method=GET')}
        <datalist id="traces-services">${names.map(({ service }) => html`<option key=${service} value=${service} />`)}</datalist>
        <datalist id="traces-names">${spanNames.map((name) => html`<option key=${name} value=${name} />`)}</datalist>
      </div>`
      : html`<p class="quiet traces-beyond">This query says more than the form can show. <button type="button" class="button" onClick=${() => run('')}>Begin with the form</button></p>`}
    <div class="traces-run">
      <div class="query-field traces-query">
        <div class="query-text">
          <pre class="query-under" aria-hidden="true">${pieces.map((p, i) => html`<span key=${i} class=${p.name}>${p.text}</span>`)}${'\n'}</pre>
          <textarea ref=${area} rows="1" spellcheck=${false} autocomplete="off" autocapitalize="off" aria-label="Query, TraceQL" placeholder="TraceQL, or the id of a trace" value=${text}
            aria-invalid=${mistake ? 'true' : undefined} aria-describedby=${mistake ? 'traces-mistake' : undefined} onInput=${(/** @type {any} */ e) => setText(e.target.value)} onKeyDown=${onKeyDown}></textarea>
        </div>
        ${mistake && html`<p class="query-mistake" id="traces-mistake" role="status"><b>${mistake.words}.</b></p>`}
      </div>
      <button type="button" class="button button-main" onClick=${search}>Search</button>
      ${query && html`<button type="button" class="button" onClick=${() => run('')}>Clear</button>`}
    </div>`
}
