/**
 * Who makes the machine busy: processes by name, units and containers.
 */
import { Figure } from '../components/Figure.js'
import { Panel } from '../components/Panel.js'
import { SourceTrouble } from '../components/SourceTrouble.js'
import { Table } from '../components/Table.js'
import { count, sentences } from '../format.js'
import { useQuery, useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { print } from '../selector.js'
import { newest } from '../stores/samples.js'
import { sourcesOf, status } from '../stores/status.js'
import { groupName } from './groups.js'

const CPU = own('process_cpu_utilization_ratio')
const MEMORY = own('process_memory_usage_bytes')
const IO = own('process_disk_io_bytes_per_second')
const NUMBER = own('process_count')

/** @typedef {import('../stores/samples.js').Newest} Newest */

/** A figure of a sample, leading to its history. @param {Newest|undefined} sample @param {import('../format.js').Unit} unit @param {string} label @param {string} why */
const figure = (sample, unit, label, why) => html`<${Figure} value=${sample?.v} unit=${unit} series=${sample && print(sample.metric)} label=${label} why=${why} />`
const NOT_AMONG = 'It is not among the ten highest of this figure.'

export function Processes() {
  useSamples([CPU, MEMORY, IO, NUMBER])
  /** @type {Map<string, any>} */
  const found = new Map()
  /** @param {string} selector @param {(sample: Newest) => string} part */
  const take = (selector, part) => {
    for (const sample of newest(selector)) {
      const name = sample.metric.process ?? ''
      found.set(name, { ...(found.get(name) ?? { name }), [part(sample)]: sample })
    }
  }
  take(CPU, () => 'cpu')
  take(MEMORY, () => 'memory')
  take(NUMBER, () => 'number')
  take(IO, (s) => s.metric.direction)
  const rows = [...found.values()]
  return html`
    <${Panel} title="Processes" note=${rows.length ? `${count(rows.length, 'name')} among the ten highest of a figure` : ''} name="processes-table" face=${rows.length ? 'data' : status.value ? 'empty' : 'loading'} empty=${html`<p>No process has been measured yet.</p>`}>
      <${Table} name="processes" label="Processes" rows=${rows} keyOf=${(/** @type {any} */ r) => r.name} initial="-cpu" thing="name" shown=${12} columns=${PROCESS_COLUMNS} />
    <//>`
}

/** @type {import('../components/Table.js').Column[]} */
const PROCESS_COLUMNS = [
  { key: 'name', title: 'Name', value: (r) => r.name, cell: (r) => html`<bdi title=${r.name}>${r.name}</bdi>` },
  { key: 'number', title: 'Count', num: true, value: (r) => r.number?.v, cell: (r) => figure(r.number, 'count', `Processes called ${r.name}`, 'Not counted in the last 5 minutes.') },
  { key: 'cpu', title: 'CPU', num: true, help: 'of one core', value: (r) => r.cpu?.v, cell: (r) => figure(r.cpu, 'ratio', `CPU of ${r.name}`, NOT_AMONG) },
  { key: 'memory', title: 'Memory', num: true, help: 'resident', value: (r) => r.memory?.v, cell: (r) => figure(r.memory, 'bytes', `Memory of ${r.name}`, NOT_AMONG) },
  { key: 'read', title: 'Reads', num: true, value: (r) => r.read?.v, cell: (r) => figure(r.read, 'bytes_per_second', `Bytes that ${r.name} reads`, NOT_AMONG) },
  { key: 'write', title: 'Writes', num: true, value: (r) => r.write?.v, cell: (r) => figure(r.write, 'bytes_per_second', `Bytes that ${r.name} writes`, NOT_AMONG) },
]

const GROUP_CPU = `topk(200, rate(${own('container_cpu_time_seconds_total')}[1m]))`
const GROUP_MEMORY = own('container_memory_usage_bytes')
const GROUP_LIMIT = own('container_memory_limit_bytes')
const GROUP_PROCESSES = own('container_processes')

export function Groups() {
  const { lines, error, retry, state } = useQuery({ query: GROUP_CPU, seconds: 60, step: 60 })
  useSamples([GROUP_MEMORY, GROUP_LIMIT, GROUP_PROCESSES])
  /** @type {Map<string, any>} */
  const found = new Map()
  for (const [part, list] of /** @type {Array<[string, Newest[]]>} */ ([['memory', newest(GROUP_MEMORY)], ['limit', newest(GROUP_LIMIT)], ['processes', newest(GROUP_PROCESSES)]])) {
    for (const sample of list) {
      const key = keyOf(sample.metric)
      found.set(key, { ...(found.get(key) ?? { key, ...groupName(sample.metric) }), [part]: sample })
    }
  }
  for (const { metric, v } of lines) {
    const key = keyOf(metric)
    found.set(key, { ...(found.get(key) ?? { key, ...groupName(metric) }), cpu: v[v.length - 1], metric })
  }
  const rows = [...found.values()]
  const sources = sourcesOf('containers')
  const failing = sources.filter((s) => s.up === false)
  return html`
    <${Panel} title="Units and containers" note=${rows.length ? count(rows.length, 'group') : ''} name="groups" face=${rows.length ? 'data' : state === 'ready' ? (failing.length ? 'error' : 'empty') : state}
      error=${failing.length ? sentences([failing[0].reason]) : error} retry=${retry} empty=${html`<p>${sentences(sources.map((s) => [s.reason, s.hint].filter(Boolean).join('; '))) || 'Nothing here runs in units or containers that can be measured.'}</p><p class="quiet">CPU, memory, its limit and processes of each will stand here on a machine with cgroup v2.</p>`}>
      <${SourceTrouble} sources=${failing} />
      <${Table} name="groups" label="Units and containers" rows=${rows} keyOf=${(/** @type {any} */ r) => r.key} initial="-cpu" thing="group" shown=${12} columns=${GROUP_COLUMNS} />
    <//>`
}

/** A group whatever the metric. @param {Record<string, string>} metric */
const keyOf = (metric) => print({ ...metric, __name__: '' })

/** @type {import('../components/Table.js').Column[]} */
const GROUP_COLUMNS = [
  { key: 'name', title: 'Name', value: (r) => r.name, cell: (r) => html`<bdi title=${r.detail}>${r.name}</bdi>` },
  { key: 'kind', title: 'Kind', value: (r) => r.kind, cell: (r) => html`<span class="quiet">${r.kind}</span>` },
  { key: 'cpu', title: 'CPU', num: true, help: 'of one core, mean of a minute', value: (r) => r.cpu, cell: (r) => html`<${Figure} value=${r.cpu} unit="ratio" series=${r.metric && `rate(${print({ ...r.metric, __name__: 'container_cpu_time_seconds_total' })}[1m])`} label=${`CPU of ${r.name}`} why="It was not read twice in the last minute." />` },
  { key: 'memory', title: 'Memory', num: true, help: 'page cache included', value: (r) => r.memory?.v, cell: (r) => figure(r.memory, 'bytes', `Memory of ${r.name}`, 'Not measured in the last 5 minutes.') },
  { key: 'limit', title: 'Limit', num: true, value: (r) => r.limit?.v, cell: (r) => figure(r.limit, 'bytes', `Memory limit of ${r.name}`, 'It has no limit.') },
  { key: 'processes', title: 'Processes', num: true, help: 'threads count', value: (r) => r.processes?.v, cell: (r) => figure(r.processes, 'count', `Processes of ${r.name}`, 'Not counted.') },
]
