/**
 * Application: does it answer, how fast, and until when its certificates are good; what it sends of itself.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 * @import { Target } from '../types.js'
 */
import { HealthParts } from '../application/HealthParts.js'
import { PHASES } from '../application/phases.js'
import { Probes, TargetFacts } from '../application/Probes.js'
import { Programs } from '../application/Programs.js'
import { APPLICATION_CHART } from '../chart/specs.js'
import { Chart } from '../chart/Chart.js'
import { Panel } from '../components/Panel.js'
import { caption } from '../selector.js'
import { html, useMemo } from '../lib.js'
import { own } from '../own.js'
import { address, place } from '../stores/place.js'
import { status } from '../stores/status.js'

/** @type {ChartSpec & { query: string }} */
const LATENCY = { ...APPLICATION_CHART, title: 'Answer time', note: 'of checks that succeeded' }
/** @type {ChartSpec & { query: string }} */
const SUCCESS = {
  id: 'probe-success', title: 'Up', note: 'share of checks that succeeded', unit: 'ratio', top: 1, selectors: [own('probe_success')], query: `avg by (target) (avg_over_time(${own('probe_success')}[5m]))`, metricName: 'probe_success',
  name: (m) => m.target ?? caption(m), fill: 'Filled by the probes as soon as they have asked.',
}

export function Application() {
  const targets = status.value?.targets ?? []
  const chosen = targets.find((t) => t.target === place.value.item)
  return html`
    <div class="application-page">
      <${Probes} />
      ${chosen && html`<${One} key=${chosen.target} target=${chosen} />`}
      ${targets.length > 0 && html`<div class="charts charts-two"><${Chart} spec=${LATENCY} height=${190} /><${Chart} spec=${SUCCESS} height=${190} /></div>`}
      <div class="application-two"><${HealthParts} /><${Programs} /></div>
    </div>`
}

/** One target: how its phases changed. @param {{ target: Target }} props */
function One({ target }) {
  const spec = useMemo(() => phaseChart(target.target), [target.target])
  return html`
    <${Panel} title=${html`<bdi>${target.target}</bdi>`} name="target" face="data" aside=${html`<a class="link" href=${address('application')}>Close</a>`}>
      <${TargetFacts} target=${target} />
    <//>
    ${target.kind === 'http' && html`<${Chart} spec=${spec} height=${190} />`}`
}

/** A check that failed has phases too, but they lead to no answer. @param {string} target @returns {ChartSpec & { query: string }} */
function phaseChart(target) {
  const of = own(`{target=${JSON.stringify(target)}}`)
  const rank = (/** @type {string|undefined} */ phase) => PHASES.findIndex((p) => p.phase === phase)
  return {
    id: 'phases', title: 'Phases of a check', note: `${target}, where it succeeded`, unit: 'seconds', stacked: true, selectors: [`probe_http_duration_seconds${of}`],
    query: `probe_http_duration_seconds${of} and on (target) ${own('probe_success')} == 1`, name: (m) => PHASES.find((p) => p.phase === m.phase)?.word ?? caption(m),
    colour: (m) => PHASES.find((p) => p.phase === m.phase)?.colour ?? '--line-2', pick: (series) => [...series].sort((a, b) => rank(a.metric.phase) - rank(b.metric.phase)),
    fill: 'No check of it succeeded in this time.',
  }
}
