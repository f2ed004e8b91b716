/**
 * Which charts the first screen has, and how a chart's lines come out of its feeds.
 *
 * A definition is data; drawing it is `plot.js`, loading it `stores/feeds.js`.
 *
 * @import { Line } from '../points.js'
 * @import { Board, Metric } from '../types.js'
 * @import { Unit } from '../format.js'
 */
import { unitOf } from '../format.js'
import { rate, sumBy, withGaps } from '../points.js'
import { caption, print } from '../selector.js'
import { statusColour, statusRank, statusWord } from '../statuses.js'

/**
 * @typedef {{
 *   id: string, title: string, unit: Unit, selectors: string[], top?: number, stacked?: boolean, note?: string,
 *   wide?: boolean, colour?: (metric: Metric, index: number) => string, name: (metric: Metric) => string,
 *   prepare?: (lines: Line[], step: number) => Line[], href?: string, metricName?: string, fill: string
 * }} ChartSpec
 *   `top`: the axis ends there at the least; `wide`: takes two places; `metricName`: whose thresholds are drawn; `fill`: what would fill it when empty
 */

/** Most lines that a reader can distinguish. */
export const MOST_LINES = 8

const FROM_MACHINE = 'Filled by the system collector as soon as it has read this machine twice.'

/** @type {ChartSpec[]} */
export const MACHINE_CHARTS = [
  { id: 'cpu', title: 'CPU', unit: 'ratio', selectors: ['system_cpu_utilization_ratio'], top: 1, name: () => 'CPU', fill: FROM_MACHINE },
  { id: 'memory', title: 'Memory', unit: 'ratio', selectors: ['system_memory_utilization_ratio'], top: 1, name: () => 'memory', fill: FROM_MACHINE },
  {
    id: 'disk', title: 'Disk', unit: 'ratio', selectors: ['system_filesystem_utilization_ratio'], top: 1,
    name: (m) => m.mountpoint ?? caption(m), prepare: highestFirst, fill: FROM_MACHINE,
  },
  {
    id: 'load', title: 'Load', unit: 'plain', top: 1,
    selectors: ['system_cpu_load_average_1m', 'system_cpu_load_average_5m', 'system_cpu_load_average_15m'],
    name: (m) => (m.__name__ ?? '').replace('system_cpu_load_average_', ''), fill: FROM_MACHINE,
  },
  {
    id: 'network', title: 'Network', unit: 'bytes_per_second', selectors: ['system_network_io_bytes_total'], top: 1024,
    note: 'all devices but loopback', name: (m) => (m.direction === 'receive' ? 'in' : m.direction === 'transmit' ? 'out' : m.direction),
    prepare: (lines, step) => byDirection(lines.filter((l) => !/^lo\d*$/.test(l.metric.device ?? '')), step), fill: FROM_MACHINE,
  },
  {
    id: 'io', title: 'Disk I/O', unit: 'bytes_per_second', selectors: ['system_disk_io_bytes_total'], top: 1024,
    note: 'all disks', name: (m) => m.direction, prepare: (lines, step) => byDirection(wholeDisks(lines), step), fill: FROM_MACHINE,
  },
]

/** Tasks by status of one board. @param {Board} board @returns {ChartSpec} */
export function boardChart(board) {
  return {
    id: 'board', title: 'Board', note: board.tag, unit: 'count', stacked: true, wide: true, top: 1,
    selectors: [`taskmaster_tasks{project=${JSON.stringify(board.project)},tag=${JSON.stringify(board.tag)}}`],
    metricName: 'taskmaster_tasks', name: (m) => statusWord(m.status), colour: (m) => statusColour(m.status),
    // A status that no task had in the range would only lengthen the legend.
    prepare: (lines) => lines.filter((l) => l.v.some((v) => v !== 0)).sort((a, b) => statusRank(a.metric.status) - statusRank(b.metric.status)),
    fill: 'Filled by the task collector as soon as it has read the board.',
  }
}

/** How long the probed targets take to answer. A check that fails at once is no fast answer. @type {ChartSpec & { query: string }} */
export const APPLICATION_CHART = {
  query: 'probe_duration_seconds and on (target) (probe_success == 1)',
  id: 'application', title: 'Application', note: 'time of a check', unit: 'seconds', selectors: ['probe_duration_seconds'],
  name: (m) => m.target ?? caption(m), prepare: highestFirst, fill: 'Filled by the probes as soon as they have asked.',
}

/** The plain chart of any selector: a series page, or an alert whose series has no chart of its own. @param {string} selector @param {string} name @returns {ChartSpec} */
export function plainChart(selector, name) {
  const counter = name.endsWith('_total')
  const unit = unitOf(name)
  return {
    id: selector, title: name, unit: counter ? (unit === 'bytes' ? 'bytes_per_second' : 'plain') : unit,
    note: counter ? 'per second' : undefined, selectors: [selector], name: caption, metricName: name,
    prepare: (lines, step) => (counter ? lines.map((l) => rate(l, step)) : [...lines]).sort((a, b) => a.key.localeCompare(b.key)),
    fill: 'No sample of this series in the range. A longer range may hold some.',
  }
}

/** The lines as drawn: derived, in order, holes marked. @param {ChartSpec} spec @param {Line[]} lines @param {number} step */
export function drawn(spec, lines, step) {
  const ready = spec.prepare ? spec.prepare(lines, step) : lines
  return { lines: ready.slice(0, MOST_LINES).map((l) => withGaps(l, step)), left: Math.max(0, ready.length - MOST_LINES) }
}

/** Sums keep the selector of what they sum as their key, as single series do. @param {Line[]} lines @param {number} step */
function byDirection(lines, step) {
  return sumBy(lines.map((l) => rate(l, step)), (m) => print({ __name__: m.__name__, direction: m.direction ?? '' }))
    .sort((a, b) => a.key.localeCompare(b.key))
}

/** Without partitions, whose bytes count for their disk too, and without memory that looks like a disk. @param {Line[]} lines */
function wholeDisks(lines) {
  const devices = new Set(lines.map((l) => l.metric.device ?? ''))
  return lines.filter(({ metric: { device = '' } }) => {
    if (/^(loop|z?ram)/.test(device)) return false
    const disk = device.replace(/(?<=\d)p\d+$|(?<=[a-z])\d+$/, '')
    return disk === device || !devices.has(disk)
  })
}

/** @param {Line[]} lines */
function highestFirst(lines) {
  return [...lines].sort((a, b) => (b.v.at(-1) ?? 0) - (a.v.at(-1) ?? 0)).slice(0, MOST_LINES)
    .sort((a, b) => a.key.localeCompare(b.key))
}
