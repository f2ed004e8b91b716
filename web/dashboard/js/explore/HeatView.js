/**
 * The first query that answers with buckets as a heat map; otherwise what would.
 *
 * @import { Answer } from './asking.js'
 * @import { Wanted } from './wanted.js'
 */
import { count } from '../format.js'
import { html, useMemo } from '../lib.js'
import { address } from '../stores/place.js'
import { areBuckets, heatOf } from './heat.js'
import { HeatMap } from './HeatMap.js'
import { metricsOf } from './language.js'
import { metrics } from './knowledge.js'
import { heatQueryFor, unitFor } from './wanted.js'

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }> }} props */
export function Heat({ asked }) {
  const found = asked.find(({ answer }) => areBuckets(answer.lines))
  const heat = useMemo(() => found && heatOf(found.answer.lines, found.answer.step), [found?.answer.lines])
  if (!found || !heat) return html`<${Instead} asked=${asked} />`
  const { text } = found.wanted
  const unit = unitFor(text.replace(/\b(rate|increase)\s*\(/g, '('), metricsOf(text))
  return html`
    ${heat.groups > 1 && html`<p class="note" role="status">The buckets of ${count(heat.groups, 'label set')} are added up.</p>`}
    <${HeatMap} heat=${heat} unit=${unit} label=${`Heat map of ${text}: ${count(heat.buckets.length, 'bucket')}`} />`
}

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }> }} props */
function Instead({ asked }) {
  const known = new Set(metrics.value.names)
  const buckets = asked.flatMap(({ wanted }) => metricsOf(wanted.text)).map((name) => (name.endsWith('_bucket') ? name : `${name.replace(/_(sum|count)$/, '')}_bucket`)).filter((name) => known.has(name))
  const some = buckets.length > 0 ? buckets : [...known].filter((name) => name.endsWith('_bucket')).slice(0, 5)
  return html`
    <div class="face face-empty">
      <p>A heat map needs the buckets of a histogram: series that differ by the label <code>le</code>. This query has none.</p>
      ${some.length === 0 && html`<p>No histogram is kept yet. Scraped programs and OpenTelemetry send them.</p>`}
      <ul class="plain-list">${[...new Set(some)].map((name) => html`<li key=${name}><a class="link" href=${address('explore', '', { query: heatQueryFor(name), view: 'heat', metric: name })}>Heat map of <code>${name}</code></a></li>`)}</ul>
    </div>`
}
