/**
 * Application: does it answer, how fast, and until when its certificates are good.
 */
import { APPLICATION_CHART } from '../chart/specs.js'
import { ApplicationCard } from '../components/ApplicationCard.js'
import { QueryChart } from '../chart/QueryChart.js'
import { Health } from '../components/Health.js'
import { Panel } from '../components/Panel.js'
import { SourceLine } from '../components/SourceLine.js'
import { html } from '../lib.js'
import { sourcesOf, status } from '../stores/status.js'

export function Application() {
  const others = sourcesOf('scrape', 'otlp', 'command')
  return html`
    <div class="application-page">
      <div class="cards cards-two"><${ApplicationCard} /><${Health} /></div>
      ${(status.value?.targets.length ?? 0) > 0 && html`<${QueryChart} spec=${APPLICATION_CHART} height=${220} />`}
      <${Panel} title="Programs that send or show metrics" name="programs" face=${!status.value ? 'loading' : others.length ? 'data' : 'empty'}
        empty=${html`<p>None. Name one that exposes Prometheus text in Settings.toml:</p><pre class="copy">[scrape.targets.node]${'\n'}url = "http://localhost:9100/metrics"</pre>`}>
        <ul class="sources">${others.map((s) => html`<${SourceLine} key=${s.source} source=${s} />`)}</ul>
      <//>
    </div>`
}
