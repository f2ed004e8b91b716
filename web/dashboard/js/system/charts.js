/**
 * Charts of the machine that no single selector can say, or that not every machine has.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 */
import { own } from '../own.js'
import { caption } from '../selector.js'

const CORES = own('system_cpu_core_utilization_ratio')
/** Of some work: `full` would be the share of time in which all of it waited. */
const PRESSURE = own('system_pressure_ratio{kind="some"}')

/** @type {Array<ChartSpec & { query: string }>} */
export const MORE_CHARTS = [
  {
    id: 'cores', title: 'Cores', note: 'the busiest and the idlest', unit: 'ratio', top: 1, selectors: [CORES], metricName: 'system_cpu_core_utilization_ratio',
    query: ['max', 'min'].map((what) => `label_replace(${what}(${CORES}), "of", "${what === 'max' ? 'busiest' : 'idlest'}", "", "")`).join(' or '),
    name: (m) => m.of ?? caption(m), fill: 'Filled by the system collector as soon as it has read this machine twice.',
  },
  {
    id: 'memory-bytes', title: 'Memory in bytes', unit: 'bytes', selectors: [own('system_memory_usage_bytes')], query: own('system_memory_usage_bytes{state=~"used|available"}'), metricName: 'system_memory_usage_bytes',
    name: (m) => m.state ?? caption(m), fill: 'Filled by the system collector as soon as it has read this machine.',
  },
  {
    id: 'swap', title: 'Swap', note: 'used', unit: 'bytes', selectors: [own('system_paging_usage_bytes{state="used"}')], query: own('system_paging_usage_bytes{state="used"}'),
    metricName: 'system_paging_usage_bytes', top: 1024, name: () => 'used', fill: 'This machine has no swap.',
  },
  {
    id: 'temperature', title: 'Temperature', note: 'the warmest sensor of each chip, °C', unit: 'plain', selectors: [own('system_temperature_celsius')], query: `max by (chip) (${own('system_temperature_celsius')})`,
    metricName: 'system_temperature_celsius', name: (m) => m.chip ?? caption(m), fill: 'This machine shows no temperature sensor, as most virtual machines.',
  },
  {
    id: 'pressure', title: 'Pressure', note: 'share of time that work waited', unit: 'ratio', selectors: [PRESSURE], query: PRESSURE,
    name: (m) => m.resource ?? caption(m), fill: 'The kernel of this machine does not say it: it needs Linux 4.20 with pressure stall information switched on (psi=1).',
  },
  {
    id: 'processes', title: 'Processes', unit: 'count', selectors: [own('system_processes')], query: own('system_processes'), metricName: 'system_processes', name: () => 'processes', fill: 'Filled by the system collector as soon as it has read this machine.',
  },
]
