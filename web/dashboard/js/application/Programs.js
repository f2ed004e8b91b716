/**
 * Programs whose metrics are scraped, that send them over OTLP, or that are run for them.
 *
 * @import { Source } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { age, count, DASH, format, since } from '../format.js'
import { useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { past } from '../stores/past.js'
import { newest } from '../stores/samples.js'
import { sourcesOf, status } from '../stores/status.js'

const DURATION = 'scrape_duration_seconds'

/** @type {Record<string, string>} */
const KINDS = { scrape: 'scraped', otlp: 'OTLP', command: 'run' }

export function Programs() {
  useSamples([DURATION])
  const sources = sourcesOf('scrape', 'otlp', 'command')
  const durations = newest(DURATION)
  const rows = sources.map((source, i) => {
    const [kind, ...rest] = source.source.split(' ')
    const name = rest.join(' ')
    return { source, name: name || 'OpenTelemetry', kind: KINDS[kind] ?? kind, order: source.up === false ? i : source.up === null ? 2000 + i : 1000 + i, took: durations.find((d) => kind === 'scrape' && d.metric.job === name)?.v }
  })
  const failing = sources.filter((s) => s.up === false).length
  return html`
    <${Panel} title="Programs that give metrics" note=${rows.length ? `${count(rows.length, 'source')}${failing ? `, ${failing} failing` : ''}` : ''} name="programs" face=${!status.value ? 'loading' : rows.length ? 'data' : 'empty'}
      empty=${html`<p>None. Name one that exposes Prometheus text in Settings.toml, or send OpenTelemetry metrics:</p><pre class="copy">[scrape.targets.node]${'\n'}url = "http://localhost:9100/metrics"</pre><pre class="copy">OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}</pre>`}>
      <${Table} name="programs" label="Programs that give metrics" rows=${rows} keyOf=${(/** @type {any} */ r) => r.source.source} initial="state" thing="source" shown=${20} columns=${COLUMNS} />
    <//>`
}

/** @param {Source} source */
const word = (source) => (source.up ? 'up' : source.up === false ? 'failing' : past.value ? 'not known' : 'nothing yet')

/** @param {Source} source */
const whyOf = (source) => [source.reason, source.hint].filter(Boolean).join('; ')

/** @type {import('../components/Table.js').Column[]} */
const COLUMNS = [
  { key: 'state', title: 'State', value: (r) => r.order, cell: (r) => html`<span class="state-word"><${Mark} kind=${r.source.up ? 'ok' : r.source.up === false ? 'error' : 'none'} word="" />${word(r.source)}</span>` },
  { key: 'name', title: 'Program', value: (r) => r.name, cell: (r) => html`<bdi title=${r.name}>${r.name}</bdi> <span class="quiet">${r.kind}</span>` },
  { key: 'why', title: 'Why', value: (r) => r.source.reason, cell: (r) => html`<span class="reason" title=${whyOf(r.source)}>${whyOf(r.source) || html`<span class="quiet">${DASH}</span>`}</span>` },
  { key: 'took', title: 'Scrape', num: true, help: 'how long the last scrape took', value: (r) => r.took, cell: (r) => format(r.took, 'seconds') },
  { key: 'samples', title: 'Samples', num: true, help: 'since the service started', value: (r) => r.source.samples, cell: (r) => (r.source.samples === null ? DASH : count(r.source.samples, '', '').trim()) },
  { key: 'newest', title: 'Newest', num: true, value: (r) => r.source.last_sample, cell: (r) => (r.source.last_sample === null ? html`<span class="quiet" title="No sample yet.">${DASH}</span>` : `${age(now.value - r.source.last_sample)} ago`) },
  { key: 'since', title: 'Since', num: true, value: (r) => r.source.since, cell: (r) => (r.source.since === null ? DASH : since(r.source.since, now.value)) },
]
