/**
 * Explore: every metric, and what queries say, as a graph, a table or a heat map. All of it is in the address.
 *
 * @import { View } from '../explore/wanted.js'
 */
import { startPainter } from '../chart/canvases.js'
import { Before } from '../explore/Before.js'
import { Browser } from '../explore/Browser.js'
import { isSelector, metricsOf } from '../explore/language.js'
import { describe, loadMetrics, metrics } from '../explore/knowledge.js'
import { mistakeOf } from '../explore/mistakes.js'
import { Queries } from '../explore/Queries.js'
import { Results } from '../explore/Results.js'
import { useAnswers } from '../explore/useAnswers.js'
import { paramsOf, wantedOf } from '../explore/wanted.js'
import { subjectOf } from '../headline.js'
import { html, useEffect, useState } from '../lib.js'
import { parse } from '../selector.js'
import { param, place, setParams } from '../stores/place.js'

// Who writes a query elsewhere loads this page for it.
export { Editor } from '../explore/Editor.js'
export { loadMetrics, metrics, metricsOf, mistakeOf }

/** What the reader sees first, where the metrics are there. @type {Array<[string, string, string]>} */
const EXAMPLES = [
  ['system_cpu_utilization_ratio', 'system_cpu_utilization_ratio', 'How busy is the machine?'],
  ['system_network_io_bytes_total', 'sum by (direction) (rate(system_network_io_bytes_total[5m]))', 'How much goes over the network?'],
  ['probe_duration_seconds', 'probe_duration_seconds and on (target) (probe_success == 1)', 'How fast does the application answer?'],
  ['github_actions_runs_total', 'sum by (conclusion) (increase(github_actions_runs_total[1d]))', 'How did the runs of the last day end?'],
  ['taskmaster_tasks', 'sum by (status) (taskmaster_tasks)', 'How many tasks are there, by status?'],
]

export function Explore() {
  const wanted = wantedOf(place.value.params)
  const view = /** @type {View} */ (param('view', 'graph').value)
  const side = param('side', 'metrics')
  const asked = wanted.filter(({ text, hidden }) => text !== '' && !hidden)
  const handles = useAnswers(asked.map(({ text }) => text), view)
  const answers = asked.map((w, i) => ({ wanted: w, answer: handles[i].answer.value }))
  const failed = new Map(answers.filter(({ answer }) => answer.state === 'error' && answer.error !== 'stopped').map(({ wanted: { text }, answer }) => [text, mistakeOf(answer.error, text)]))
  const empty = wanted.every(({ text }) => text === '')
  // On a small screen the list would push the answer out of view.
  const [unfolded, unfold] = useState(empty)
  // What draws the graph is loaded while its figures are asked for.
  useEffect(() => { if (view === 'graph' && !empty) startPainter() }, [view, empty])
  /** @param {string} query */
  const add = (query) => setParams(paramsOf([...wanted, { text: query, hidden: false }]))
  return html`
    <div class="explore">
      <aside class=${`panel explore-side ${unfolded ? '' : 'folded'}`} aria-label="Metrics and queries of before">
        <button type="button" class="explore-fold" aria-expanded=${unfolded} aria-controls="explore-side" onClick=${() => unfold(!unfolded)}>Metrics and history</button>
        <div class="tabs" role="tablist" aria-label="Beside the query">
          ${[['metrics', 'Metrics'], ['before', 'History']].map(([name, title]) => html`<button type="button" role="tab" aria-selected=${side.value === name} aria-controls="explore-side" onClick=${() => { side.value = name }}>${title}</button>`)}
        </div>
        <div id="explore-side" role="tabpanel" aria-label=${side.value === 'before' ? 'History' : 'Metrics'}>${side.value === 'before' ? html`<${Before} />` : html`<${Browser} add=${add} />`}</div>
      </aside>
      <div class="explore-main">
        <section class="panel explore-ask">
          <${Queries} wanted=${wanted} failed=${failed} again=${() => handles.forEach((h) => h.retry())} busy=${answers.some(({ answer }) => answer.busy && answer.state !== 'ready')} stop=${() => handles.forEach((h) => h.stop())} />
        </section>
        ${empty ? html`<${Beginning} />` : html`<${Results} asked=${answers} handles=${handles} view=${view} title=${titleOf(wanted.map(({ text }) => text))} />`}
      </div>
    </div>`
}

/** What is looked at, in words, where it is one series or one metric. @param {string[]} queries */
function titleOf(queries) {
  const [query] = queries
  const bare = /^rate\((.*)\[\w+\]\)$/s.exec(query)?.[1] ?? query
  if (queries.length !== 1 || !isSelector(bare)) return null
  const selector = parse(bare)
  if (!selector || selector.prefix) return null
  const metric = { __name__: selector.name, ...Object.fromEntries(selector.matchers.filter((m) => m.op === '=').map((m) => [m.label, m.value])) }
  return { words: `${subjectOf(metric)}${bare === query ? '' : ', a second'}`, help: describe(metrics.value.meta, selector.name)?.help ?? '' }
}

function Beginning() {
  const known = new Set(metrics.value.names)
  const list = EXAMPLES.filter(([metric]) => known.has(metric))
  return html`
    <section class="panel explore-begin">
      <header class="panel-head"><h2>What do the figures say?</h2></header>
      <p class="quiet">Choose a metric, or write a query. Some to begin with:</p>
      <ul class="examples">${list.map(([, query, words]) => html`<li key=${query}><button type="button" class="example" onClick=${() => setParams({ query })}><b>${words}</b><code>${query}</code></button></li>`)}</ul>
    </section>`
}
