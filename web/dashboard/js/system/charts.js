/**
 * Charts of the machine that no single selector can say, or that not every machine has.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 */
import { caption } from '../selector.js'

const FROM_NODE_EXPORTER = 'Not read by Taskpulse itself. A node_exporter fills it: in Settings.toml, [scrape.targets.node] url = "http://localhost:9100/metrics".'

/** @type {Array<ChartSpec & { query: string }>} */
export const MORE_CHARTS = [
  {
    id: 'cores', title: 'Cores', note: 'the busiest and the idlest', unit: 'ratio', top: 1, selectors: ['system_cpu_core_utilization_ratio'], metricName: 'system_cpu_core_utilization_ratio',
    query: ['max', 'min'].map((what) => `label_replace(${what}(system_cpu_core_utilization_ratio), "of", "${what === 'max' ? 'busiest' : 'idlest'}", "", "")`).join(' or '),
    name: (m) => m.of ?? caption(m), fill: 'Filled by the system collector as soon as it has read this machine twice.',
  },
  {
    id: 'memory-bytes', title: 'Memory in bytes', unit: 'bytes', selectors: ['system_memory_usage_bytes'], query: 'system_memory_usage_bytes{state=~"used|available"}', metricName: 'system_memory_usage_bytes',
    name: (m) => m.state ?? caption(m), fill: 'Filled by the system collector as soon as it has read this machine.',
  },
  {
    id: 'swap', title: 'Swap', note: 'used', unit: 'bytes', selectors: ['system_paging_usage_bytes{state="used"}'], query: 'system_paging_usage_bytes{state="used"}',
    metricName: 'system_paging_usage_bytes', top: 1024, name: () => 'used', fill: 'This machine has no swap.',
  },
  {
    id: 'temperature', title: 'Temperature', note: 'the warmest sensor of each chip, °C', unit: 'plain', selectors: ['system_temperature_celsius'], query: 'max by (chip) (system_temperature_celsius)',
    metricName: 'system_temperature_celsius', name: (m) => m.chip ?? caption(m), fill: 'This machine shows no temperature sensor, as most virtual machines.',
  },
  {
    id: 'pressure', title: 'Pressure', note: 'share of time that work waited', unit: 'ratio', selectors: ['node_pressure_cpu_waiting_seconds_total'],
    query: ['cpu', 'memory', 'io'].map((what) => `label_replace(max(rate(node_pressure_${what}_waiting_seconds_total[1m])), "of", "${what}", "", "")`).join(' or '),
    name: (m) => m.of ?? caption(m), fill: FROM_NODE_EXPORTER,
  },
  {
    id: 'processes', title: 'Processes', unit: 'count', selectors: ['system_processes'], query: 'system_processes', name: () => 'processes', fill: 'Filled by the system collector as soon as it has read this machine.',
  },
]
