/**
 * Explore: every metric, and what a query says, as a graph and as a table.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 */
import { get } from '../api.js'
import { Chart } from '../chart/Chart.js'
import { plainChart } from '../chart/specs.js'
import { Panel } from '../components/Panel.js'
import { count, format, since } from '../format.js'
import { useQuery } from '../hooks.js'
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { caption } from '../selector.js'
import { bind } from '../keys.js'
import { now } from '../stores/clock.js'
import { address, param, place, setParams } from '../stores/place.js'

const SHOWN = 200
const ROWS = 200
const REMEMBERED = 20
const HISTORY = 'taskpulse.queries'

export function Explore() {
  const query = place.value.params.query ?? ''
  return html`
    <div class="explore">
      <${Editor} key=${query} query=${query} />
      ${query ? html`<${Result} key=${query} query=${query} />` : html`<${Metrics} />`}
    </div>`
}

/** @returns {string[]} queries of before, the newest first */
function remembered() {
  try {
    const held = JSON.parse(localStorage.getItem(HISTORY) ?? '[]')
    return Array.isArray(held) ? held.filter((q) => typeof q === 'string') : []
  } catch {
    return []
  }
}

/** @param {string} query */
function remember(query) {
  try {
    localStorage.setItem(HISTORY, JSON.stringify([query, ...remembered().filter((q) => q !== query)].slice(0, REMEMBERED)))
  } catch {
    // Then it is not offered again.
  }
}

/** @param {{ query: string }} props */
function Editor({ query }) {
  const [text, setText] = useState(query)
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  useEffect(() => bind([{ keys: 'q', words: 'Write a query', group: 'Explore', run: () => field.current?.focus() }]), [])
  const run = () => {
    const wanted = text.trim()
    if (wanted) remember(wanted)
    setParams({ query: wanted })
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    run()
  }
  const before = remembered().filter((q) => q !== query)
  return html`
    <form class="editor" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); run() }}>
      <label class="unseen" for="query">PromQL</label>
      <textarea id="query" ref=${field} rows=${Math.min(8, text.split('\n').length)} spellcheck=${false} autocomplete="off" placeholder="PromQL, such as rate(system_network_io_bytes_total[5m])"
        value=${text} onInput=${(/** @type {any} */ e) => setText(e.target.value)} onKeyDown=${onKeyDown}></textarea>
      <button type="submit" class="button button-main">Run</button>
      ${query && html`<a class="button" href=${address('explore')}>All metrics</a>`}
      ${before.length > 0 && html`
        <select class="editor-before" aria-label="Queries of before" onChange=${(/** @type {any} */ e) => setParams({ query: e.target.value })}>
          <option value="">Before</option>${before.map((q) => html`<option key=${q} value=${q}>${q}</option>`)}
        </select>`}
    </form>`
}

/** @param {{ query: string }} props */
function Result({ query }) {
  const { lines } = useQuery({ query, points: 400 })
  const name = /^[a-zA-Z_:][\w:]*/.exec(query)?.[0] ?? ''
  /** @type {ChartSpec} */
  const spec = useMemo(() => ({ ...plainChart(query, name), title: 'Graph' }), [query])
  return html`
    <${Chart} spec=${spec} height=${320} />
    ${lines.length > 0 && html`
      <${Panel} title="Series" note=${lines.length > ROWS ? `the first ${ROWS} of ${lines.length}` : ''} name="series" face="data">
        <div class="table-wrap" tabindex="0" role="region" aria-label="Series">
          <table>
            <thead><tr><th>Labels</th><th class="num">Last</th><th class="num">At</th><th class="num">Lowest</th><th class="num">Mean</th><th class="num">Highest</th></tr></thead>
            <tbody>${lines.slice(0, ROWS).map((line) => html`<${Row} key=${line.key} line=${line} unit=${spec.unit} />`)}</tbody>
          </table>
        </div>
      <//>`}`
}

/** @param {{ line: import('../points.js').Line, unit: import('../format.js').Unit }} props */
function Row({ line, unit }) {
  const values = line.v.filter((v) => v !== null)
  const bounds = values.length ? [Math.min(...values), values.reduce((a, b) => a + b, 0) / values.length, Math.max(...values)] : [null, null, null]
  return html`
    <tr>
      <td><a class="link" href=${address('explore', '', { query: line.key })}>${caption(line.metric) || line.key}</a></td>
      <td class="num">${format(line.v[line.v.length - 1], unit)}</td><td class="num">${line.t.length ? since(line.t[line.t.length - 1], now.value) : ''}</td>
      ${bounds.map((b) => html`<td class="num">${format(b, unit)}</td>`)}
    </tr>`
}

function Metrics() {
  const [known, set] = useState(/** @type {{ names: string[]|null, meta: Record<string, any>, error: string }} */ ({ names: null, meta: {}, error: '' }))
  const search = param('search')
  const load = () => Promise.all([get('/api/v1/label/__name__/values'), get('/api/v1/metadata')])
    .then(([names, meta]) => set({ names, meta, error: '' }), (error) => set({ names: null, meta: {}, error: error.message }))
  useEffect(() => { load() }, [])
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean)
  /** @param {string} name */
  const help = (name) => known.meta[name]?.[0]?.help ?? ''
  const found = (known.names ?? []).filter((name) => words.every((w) => name.toLowerCase().includes(w) || help(name).toLowerCase().includes(w)))
  return html`
    <${Panel} title="Metrics" name="metrics" note=${known.names ? `${count(found.length, 'metric')}${found.length > SHOWN ? `, the first ${SHOWN} shown` : ''}` : ''}
      face=${known.names ? 'data' : known.error ? 'error' : 'loading'} error=${known.error} retry=${load} live=${false}>
      <label class="explore-search"><span class="unseen">Search metrics</span><input type="search" value=${search.value} placeholder="Search names and descriptions" onInput=${(/** @type {any} */ e) => { search.value = e.target.value }} /></label>
      <div class="table-wrap" tabindex="0" role="region" aria-label="Metrics">
        <table>
          <thead><tr><th>Metric</th><th>What it is</th><th>Type</th><th>Unit</th></tr></thead>
          <tbody>${found.slice(0, SHOWN).map((name) => html`
            <tr key=${name}><td><a class="link" href=${address('explore', '', { query: name })}><code>${name}</code></a></td><td class="words">${help(name)}</td><td>${known.meta[name]?.[0]?.type ?? ''}</td><td>${known.meta[name]?.[0]?.unit ?? ''}</td></tr>`)}
          </tbody>
        </table>
      </div>
    <//>`
}
