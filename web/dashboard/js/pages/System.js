/**
 * System: what the machine does, and who makes it.
 */
import { MACHINE_CHARTS } from '../chart/specs.js'
import { Chart } from '../chart/Chart.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { SourceTrouble } from '../components/SourceTrouble.js'
import { count, sentences, since, span } from '../format.js'
import { useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { past, unwatched } from '../stores/past.js'
import { newest } from '../stores/samples.js'
import { sourcesOf, status } from '../stores/status.js'
import { Cores } from '../system/Cores.js'
import { FileSystems, Network } from '../system/Disks.js'
import { Groups, Processes } from '../system/Processes.js'
import { MORE_CHARTS } from '../system/charts.js'

const FACTS = ['system_uptime_seconds', 'system_processes', 'system_memory_limit_bytes', 'system_cpu_core_utilization_ratio']

export function System() {
  useSamples(FACTS)
  const sources = sourcesOf('system')
  const failing = sources.find((s) => s.up === false)
  const nothing = past.value === null && status.value !== null && sources.length > 0 && sources.every((s) => s.up === null)
  if (nothing) {
    return html`
      <${Panel} title="System" name="system" kind="page-face" face="empty" empty=${html`
        <p class="face-title">This machine is not measured</p><p>${sentences(sources.map((s) => [s.reason, s.hint].filter(Boolean).join('; ')))}</p><pre class="copy">[system]${'\n'}enabled = true</pre>`} />`
  }
  return html`
    <div class="system-page">
      <${SourceTrouble} sources=${failing ? [failing] : []} />
      ${unwatched.value && html`<p class="trouble" role="status"><${Mark} kind="none" word="" /><span>${unwatched.value}</span></p>`}
      <p class="facts-line">${facts().map((fact, place) => html`<span key=${place}>${fact}</span>`)}</p>
      <div class="charts">
        ${MACHINE_CHARTS.map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}
        ${MORE_CHARTS.map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}
      </div>
      <div class="system-tables">
        <div><${Processes} /><${FileSystems} /></div>
        <div><${Cores} /><${Network} /><${Groups} /></div>
      </div>
    </div>`
}

/** @param {string} selector */
const one = (selector) => newest(selector)[0]?.v ?? null

/** Each at its place; one that is not known is left out. */
function facts() {
  const [up, processes, memory] = [one('system_uptime_seconds'), one('system_processes'), one('system_memory_limit_bytes')]
  const cores = newest('system_cpu_core_utilization_ratio').length
  return [
    cores > 0 && count(cores, 'core'),
    memory !== null && `${(memory / 1024 ** 3).toFixed(memory < 1024 ** 3 * 10 ? 1 : 0)}\u00a0GiB of memory`,
    processes !== null && count(processes, 'process', 'processes'),
    up !== null && `up ${span(up)}, since ${since(now.value - up, now.value)}`,
  ]
}
