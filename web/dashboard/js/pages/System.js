/**
 * System: what the machine does, and who makes it.
 */
import { MACHINE_CHARTS, plainChart } from '../chart/specs.js'
import { Chart } from '../chart/Chart.js'
import { MachineCard } from '../components/MachineCard.js'
import { Panel } from '../components/Panel.js'
import { format } from '../format.js'
import { useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { historyOf } from '../stores/place.js'
import { newest } from '../stores/samples.js'
import { print } from '../selector.js'

const PROCESSES = ['process_cpu_utilization_ratio', 'process_memory_usage_bytes']
const GROUPS = ['cgroup_cpu_utilization_ratio', 'cgroup_memory_usage_bytes']
const TEMPERATURES = plainChart('system_temperature_celsius', 'system_temperature_celsius')

export function System() {
  const warm = newest('system_temperature_celsius').length > 0
  return html`
    <div class="system-page">
      <div class="charts">
        ${MACHINE_CHARTS.map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}
        ${warm && html`<${Chart} spec=${TEMPERATURES} />`}
      </div>
      <div class="cards cards-two">
        <${MachineCard} />
        <${Busiest} title="Processes" label="process" selectors=${PROCESSES} empty="No process has been measured yet." />
        <${Busiest} title="Units and containers" label="name" selectors=${GROUPS} empty="Nothing here runs in units or containers that can be measured." />
      </div>
    </div>`
}

/** @param {{ title: string, label: string, selectors: string[], empty: string }} props */
function Busiest({ title, label, selectors: [cpu, memory], empty }) {
  useSamples([cpu, memory])
  const names = new Map()
  for (const sample of newest(cpu)) names.set(sample.metric[label] ?? print(sample.metric), { cpu: sample, memory: null })
  for (const sample of newest(memory)) {
    const name = sample.metric[label] ?? print(sample.metric)
    names.set(name, { cpu: names.get(name)?.cpu ?? null, memory: sample })
  }
  const rows = [...names].sort(([, a], [, b]) => (b.cpu?.v ?? 0) - (a.cpu?.v ?? 0)).slice(0, 12)
  return html`
    <${Panel} title=${title} kind="card" name=${title.toLowerCase()} face=${rows.length ? 'data' : 'empty'} empty=${html`<p>${empty}</p>`}>
      <table>
        <thead><tr><th>Name</th><th class="num">CPU</th><th class="num">Memory</th></tr></thead>
        <tbody>${rows.map(([name, row]) => html`
          <tr key=${name}>
            <td class="words" title=${name}>${name}</td>
            <td class="num">${row.cpu ? html`<a class="figure" href=${historyOf(print(row.cpu.metric))}>${format(row.cpu.v, 'ratio')}</a>` : '–'}</td>
            <td class="num">${row.memory ? html`<a class="figure" href=${historyOf(print(row.memory.metric))}>${format(row.memory.v, 'bytes')}</a>` : '–'}</td>
          </tr>`)}
        </tbody>
      </table>
    <//>`
}
