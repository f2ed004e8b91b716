/**
 * Which charts there are: what each asks, and how its lines are called.
 *
 * A definition is data; asking is `stores/buckets.js`, drawing `PlotBox.js`.
 *
 * @import { Band, PictureLine } from './sheet.js'
 * @import { Series } from './series.js'
 * @import { Board, Metric } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import { unitOf } from '../format.js'
import { own } from '../own.js'
import { caption } from '../selector.js'
import { statusColour, statusRank, statusWord } from '../statuses.js'

/**
 * @typedef {{
 *   id: string, title: string, unit: Unit, selectors: string[], query?: string, top?: number, stacked?: boolean, note?: string,
 *   wide?: boolean, colour?: (metric: Metric, index: number) => string, name: (metric: Metric, query: string) => string,
 *   pick?: (series: Series[]) => Series[], bands?: () => Band[], expected?: boolean, exemplars?: boolean, ahead?: number, means?: PictureLine[], href?: string, metricName?: string, fill: string
 * }} ChartSpec
 *   `selectors`: what is asked, each carried on live; `query`: an expression that is asked instead, where `$20s` is a window of at least 20 s;
 *   `top`: the axis ends there at the least; `wide`: takes two places; `pick`: which series and in what order; `bands`: forecasts and expected
 *   ranges; `expected`: the ranges of its lines are asked for and drawn; `exemplars`: so are single measurements; `ahead`: seconds after now that are in view for a forecast, with its `means`; `metricName`: whose thresholds are drawn; `fill`: what would fill it when empty
 */

const FROM_MACHINE = 'Filled by the system collector as soon as it has read this machine twice.'
/** A rate needs two samples in its window; collectors of the machine read every 5 s. */
const DISKS = `rate(${own('system_disk_io_bytes_total{device!~"(loop|z?ram).*"}')}[$20s])`

/** @type {ChartSpec[]} */
export const MACHINE_CHARTS = [
  { id: 'cpu', title: 'CPU', unit: 'ratio', selectors: [own('system_cpu_utilization_ratio')], metricName: 'system_cpu_utilization_ratio', top: 1, name: () => 'CPU', fill: FROM_MACHINE },
  { id: 'memory', title: 'Memory', unit: 'ratio', selectors: [own('system_memory_utilization_ratio')], metricName: 'system_memory_utilization_ratio', top: 1, name: () => 'memory', fill: FROM_MACHINE },
  { id: 'disk', title: 'Disk', unit: 'ratio', selectors: [own('system_filesystem_utilization_ratio')], metricName: 'system_filesystem_utilization_ratio', top: 1, name: (m) => m.mountpoint ?? caption(m), fill: FROM_MACHINE },
  {
    id: 'load', title: 'Load', unit: 'plain', top: 1, metricName: 'system_cpu_load_average_1m',
    selectors: ['system_cpu_load_average_1m', 'system_cpu_load_average_5m', 'system_cpu_load_average_15m'].map(own),
    name: (m) => (m.__name__ ?? '').replace('system_cpu_load_average_', ''), fill: FROM_MACHINE,
    pick: (series) => [...series].sort((a, b) => parseInt(a.key.slice(a.key.lastIndexOf('_') + 1), 10) - parseInt(b.key.slice(b.key.lastIndexOf('_') + 1), 10)),
  },
  {
    id: 'network', title: 'Network', unit: 'bytes_per_second', selectors: [own('system_network_io_bytes_total')], metricName: 'system_network_io_bytes_total', top: 1024,
    query: `sum by (direction) (rate(${own('system_network_io_bytes_total{device!~"lo\\\\d*"}')}[$20s]))`,
    note: 'all devices but loopback', name: (m) => (m.direction === 'receive' ? 'in' : m.direction === 'transmit' ? 'out' : m.direction), fill: FROM_MACHINE,
  },
  {
    id: 'io', title: 'Disk I/O', unit: 'bytes_per_second', selectors: [own('system_disk_io_bytes_total')], metricName: 'system_disk_io_bytes_total', top: 1024,
    // A partition whose disk is listed counts for its disk.
    query: `sum by (direction) (label_replace(${DISKS}, "disk", "$1$2", "device", "(.*\\\\d)p\\\\d+|(.*[a-z])\\\\d+") unless on (disk, direction) label_replace(${DISKS}, "disk", "$1", "device", "(.*)"))`,
    note: 'all disks', name: (m) => m.direction, fill: FROM_MACHINE,
  },
]

/** Tasks by status of one board. @param {Board} board @returns {ChartSpec} */
export function boardChart(board) {
  return {
    id: 'board', title: 'Board', note: board.tag, unit: 'count', stacked: true, wide: true, top: 1,
    selectors: [own(`taskmaster_tasks{project=${JSON.stringify(board.project)},tag=${JSON.stringify(board.tag)}}`)],
    metricName: 'taskmaster_tasks', name: (m) => statusWord(m.status), colour: (m) => statusColour(m.status),
    // A status that no task had in the period would only lengthen the legend.
    pick: (series) => series.filter((s) => s.max.some((v) => v > 0)).sort((a, b) => statusRank(a.metric.status) - statusRank(b.metric.status)),
    fill: 'Filled by the task collector as soon as it has read the board.',
  }
}

/** How long the probed targets take to answer. A check that fails at once is no fast answer. @type {ChartSpec & { query: string }} */
export const APPLICATION_CHART = {
  query: `${own('probe_duration_seconds')} and on (target) (${own('probe_success')} == 1)`,
  id: 'application', title: 'Application', note: 'time of a check', unit: 'seconds', selectors: [own('probe_duration_seconds')], metricName: 'probe_duration_seconds',
  name: (m) => m.target ?? caption(m), fill: 'Filled by the probes as soon as they have asked.',
}

/** The chart of any query: a selector is carried on live, a selector of a counter is shown as its growth per second. @param {string} query @param {string} name of the metric @returns {ChartSpec} */
export function plainChart(query, name) {
  const selector = /^\s*[a-zA-Z_:][\w:]*\s*(\{[^]*\})?\s*$/.test(query)
  const counter = selector && name.endsWith('_total')
  const unit = selector ? unitOf(name) : 'plain'
  return {
    id: query, title: name || query, unit: counter ? (unit === 'bytes' ? 'bytes_per_second' : 'plain') : unit,
    note: counter ? 'per second' : undefined, selectors: [query], name: caption, metricName: name,
    // The window holds several samples of whatever is read every 15 s or more often.
    ...(counter ? { query: `rate(${query.trim()}[$60s])` } : selector ? {} : { query }),
    fill: 'No sample of this series in the period. A longer one may hold some.',
  }
}
