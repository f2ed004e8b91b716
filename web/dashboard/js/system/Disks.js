/**
 * File systems and network devices: what is used, what is free, what goes through.
 */
import { Figure } from '../components/Figure.js'
import { listFace } from '../components/faces.js'
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { count } from '../format.js'
import { useQuery, useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { print } from '../selector.js'
import { newest } from '../stores/samples.js'
import { status } from '../stores/status.js'
import { Share } from './Cores.js'

const RATIO = own('system_filesystem_utilization_ratio')
const BYTES = own('system_filesystem_usage_bytes')
const NETWORK = `sum by (device, direction) (rate(${own('system_network_io_bytes_total')}[1m]))`

export function FileSystems() {
  useSamples([RATIO, BYTES])
  const bytes = newest(BYTES)
  const rows = newest(RATIO).map((s) => {
    const of = (/** @type {string} */ state) => bytes.find((b) => b.metric.mountpoint === s.metric.mountpoint && b.metric.state === state)
    return { key: print(s.metric), mount: s.metric.mountpoint ?? '', kind: s.metric.fstype ?? '', ratio: s.v, used: of('used'), free: of('free') }
  })
  const face = rows.length ? 'data' : status.value ? 'empty' : 'loading'
  return html`
    <${Panel} title="File systems" note=${rows.length ? count(rows.length, 'file system') : ''} name="disks" face=${face} empty=${html`<p>No file system that can fill was found on this machine.</p>`}>
      <${Table} name="disks" label="File systems" rows=${rows} keyOf=${(/** @type {any} */ r) => r.key} initial="-ratio" thing="file system" shown=${10} columns=${DISK_COLUMNS} />
    <//>`
}

/** @type {import('../components/Table.js').Column[]} */
const DISK_COLUMNS = [
  { key: 'mount', title: 'Mounted on', value: (r) => r.mount, cell: (r) => html`<bdi title=${r.mount}>${r.mount}</bdi>${r.kind && html` <span class="tag" title="It is on no disk of this machine.">${r.kind}</span>`}` },
  { key: 'bar', title: 'Share', value: (r) => r.ratio, cell: (r) => html`<${Share} ratio=${r.ratio} />` },
  { key: 'ratio', title: 'Used', num: true, value: (r) => r.ratio, cell: (r) => html`<${Figure} value=${r.ratio} unit="ratio" series=${r.key} label=${`Used share of ${r.mount}`} />` },
  { key: 'used', title: 'Bytes', num: true, value: (r) => r.used?.v, cell: (r) => html`<${Figure} value=${r.used?.v} unit="bytes" series=${r.used && print(r.used.metric)} label=${`Used bytes of ${r.mount}`} />` },
  { key: 'free', title: 'Free', num: true, value: (r) => r.free?.v, cell: (r) => html`<${Figure} value=${r.free?.v} unit="bytes" series=${r.free && print(r.free.metric)} label=${`Free bytes of ${r.mount}`} />` },
]

export function Network() {
  const { lines, state, error, retry } = useQuery({ query: NETWORK, seconds: 60, step: 60 })
  /** @type {Map<string, { device: string, receive?: number, transmit?: number }>} */
  const devices = new Map()
  for (const { metric, v } of lines) {
    const device = metric.device ?? ''
    devices.set(device, { ...(devices.get(device) ?? { device }), [metric.direction]: v[v.length - 1] ?? undefined })
  }
  const rows = [...devices.values()]
  return html`
    <${Panel} title="Network devices" note=${rows.length ? `${count(rows.length, 'device')}, mean of a minute` : ''} name="network" face=${listFace(state, rows.length)} error=${error} retry=${retry}
      empty=${html`<p>No network device was read twice yet.</p>`}>
      <${Table} name="network" label="Network devices" rows=${rows} keyOf=${(/** @type {any} */ r) => r.device} initial="-receive" thing="device" shown=${8} columns=${NETWORK_COLUMNS} />
    <//>`
}

/** @param {string} direction @param {string} title @returns {import('../components/Table.js').Column} */
const through = (direction, title) => ({
  key: direction, title, num: true, value: (r) => r[direction],
  cell: (r) => html`<${Figure} value=${r[direction]} unit="bytes_per_second" series=${`rate(${own(`system_network_io_bytes_total{device=${JSON.stringify(r.device)},direction="${direction}"}`)}[1m])`} label=${`${title} of ${r.device}`} />`,
})
const NETWORK_COLUMNS = [
  /** @type {import('../components/Table.js').Column} */ ({ key: 'device', title: 'Device', value: (r) => r.device, cell: (r) => html`<bdi title=${r.device}>${r.device}</bdi>` }), through('receive', 'In'), through('transmit', 'Out'),
]
