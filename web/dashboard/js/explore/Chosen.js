/**
 * What is known of one metric: description, type, unit, how many series, and which labels tell them apart.
 *
 * @import { MetricMetadata } from '../types.js'
 * @import { Cardinality, LabelCount } from './knowledge.js'
 */
import { Failed } from '../components/Failure.js'
import { cardinality } from './knowledge.js'
import { heatQueryFor, queryFor } from './wanted.js'
import { count, format, grouped, unitOf } from '../format.js'
import { html, useEffect, useState } from '../lib.js'
import { subjectOf } from '../headline.js'
import { address, param, period, range } from '../stores/place.js'

/** Values of a label that are listed. */
const SHOWN = 50

/** @param {{ name: string, about: MetricMetadata|undefined, add: (query: string) => void }} props */
export function Chosen({ name, about, add }) {
  const [known, set] = useState(/** @type {{ counted: Cardinality|null, error: string }} */ ({ counted: null, error: '' }))
  const [turn, again] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    cardinality(name, period.peek(), stop.signal).then(
      (counted) => set({ counted, error: '' }),
      (error) => { if (!stop.signal.aborted) set({ counted: null, error: error.message }) },
    )
    return () => stop.abort()
  }, [name, range.value.name, turn])
  const { counted, error } = known
  const base = name.replace(/_(bucket|sum|count)$/, '')
  const buckets = name.endsWith('_bucket') ? name : about?.type === 'histogram' ? `${base}_bucket` : ''
  const { query } = queryFor(name, about?.type ?? '')
  return html`
    <section class="chosen" aria-label="The chosen metric">
      <h3>${subjectOf({ __name__: name })}</h3>
      <p class="chosen-name"><code><bdi>${name}</bdi></code></p>
      ${about?.help && html`<p>${about.help}</p>`}
      <dl class="pairs">
        <dt>Type</dt><dd>${about?.type || 'not known'}</dd>
        <dt>Unit</dt><dd>${about?.unit || ({ plain: 'none known', ratio: 'ratio, shown as percent' }[/** @type {string} */ (unitOf(name))] ?? unitOf(name))}</dd>
        <dt>Series</dt><dd>${counted ? `${counted.cut ? 'more than ' : ''}${grouped(counted.series)}` : error ? '–' : '…'} <span class="quiet">${range.value.words}</span></dd>
      </dl>
      <p class="chosen-actions">
        <button type="button" class="button" onClick=${() => add(query)}>Add to the graph</button>
        ${buckets && html`<a class="button" href=${address('explore', '', { query: heatQueryFor(buckets), view: 'heat', metric: name, search: param('search').value })}>Heat map</a>`}
      </p>
      ${error && html`<${Failed} error=${error} retry=${() => again(turn + 1)} />`}
      ${counted && counted.series === 0 && html`<p class="quiet">No series has a sample in this time. A longer period may hold some.</p>`}
      ${counted?.labels.map((label) => html`<${Label} key=${label.label} name=${name} type=${about?.type ?? ''} of=${label} cut=${counted.cut} />`)}
    </section>`
}

/** @param {{ name: string, type: string, of: LabelCount, cut: boolean }} props */
function Label({ name, type, of: { label, values }, cut }) {
  /** @param {string} value */
  const narrowed = (value) => {
    const { query } = queryFor(name, type)
    const matcher = `{${/^[a-zA-Z_]\w*$/.test(label) ? label : JSON.stringify(label)}=${JSON.stringify(value)}}`
    return address('explore', '', { query: query.replace(name, () => name + matcher), metric: name, search: param('search').value })
  }
  return html`
    <details class="label">
      <summary><code><bdi>${label}</bdi></code><span class="quiet">${cut ? 'at least ' : ''}${count(values.length, 'value')}</span></summary>
      <ul>
        ${values.slice(0, SHOWN).map(({ value, series }) => html`
          <li key=${value}><a href=${narrowed(value)} title=${value}><bdi>${value || '(empty)'}</bdi></a><span class="quiet num">${format(series, 'plain')}</span></li>`)}
        ${values.length > SHOWN && html`<li class="quiet">and ${values.length - SHOWN} more</li>`}
      </ul>
    </details>`
}
