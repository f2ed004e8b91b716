/**
 * MACHINE: CPU, memory, the fullest disk, load, since when it runs.
 *
 * A figure whose samples do not come (yet) is the newest that is stored of the period in view, with its age.
 *
 * @import { Newest } from '../stores/samples.js'
 * @import { Metric } from '../types.js'
 */
import { age, bytes, digits, format, since } from '../format.js'
import { useFeeds, useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { isSole, own } from '../own.js'
import { print } from '../selector.js'
import { minute } from '../stores/pace.js'
import { past, unwatched } from '../stores/past.js'
import { historyOf } from '../stores/place.js'
import { ENDED_AFTER_S, newest } from '../stores/samples.js'
import { sourcesOf, status } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { Spark } from './Spark.js'
import { newestKnown } from './newest.js'

const CPU = 'system_cpu_utilization_ratio'
const MEMORY = 'system_memory_utilization_ratio'
const DISK = 'system_filesystem_utilization_ratio'
const LOAD = 'system_cpu_load_average_1m'
const COURSES = [CPU, MEMORY, DISK, LOAD].map(own)
const LIMIT = own('system_memory_limit_bytes')
const USED = own('system_memory_usage_bytes{state="used"}')
const FREE = own('system_filesystem_usage_bytes{state="free"}')
const LOAD_5M = own('system_cpu_load_average_5m')
const PROCESSES = own('process_cpu_utilization_ratio')
const UPTIME = own('system_uptime_seconds')
const WANTED = [...COURSES, LIMIT, USED, FREE, LOAD_5M, PROCESSES, UPTIME]

export function MachineCard() {
  useSamples(WANTED)
  const stored = new Map(useFeeds(COURSES).map((feed) => [feed.query, feed]))
  const all = (/** @type {string} */ name) => newestKnown(newest(own(name)), stored.get(own(name))?.lines.values() ?? [])
  const known = (/** @type {string} */ name) => all(name).find((s) => isSole(s.metric))
  const source = sourcesOf('system')[0]
  const why = source?.reason ?? undefined
  const cpu = known(CPU)
  const memory = known(MEMORY)
  // Marked with a kind: no disk of this machine.
  const disk = all(DISK).filter((s) => !s.metric.fstype).sort((a, b) => b.v - a.v)[0]
  const load = known(LOAD)
  const nothing = !cpu && !memory && !disk
  const face = !nothing ? 'data' : source?.up === false ? 'error' : status.value ? 'empty' : 'loading'
  const used = one(USED, { state: 'used' })
  const limit = one(LIMIT)
  const free = disk && newest(FREE).find((s) => isSole(s.metric, { ...labelsOf(disk.metric), state: 'free' }))
  const five = one(LOAD_5M)
  const uptime = one(UPTIME)
  const [busiest] = newest(PROCESSES).sort((a, b) => b.t - a.t || b.v - a.v)
  return html`
    <${Panel} title="Machine" kind="card" name="machine" face=${face} error=${why}
      aside=${source?.up === false && html`<span class="card-trouble" title=${why}><${Mark} kind="error" word="" /> cannot be read</span>`}
      empty=${html`<p>${past.value ? unwatched.value || 'No reading of this machine is kept of this time.' : source?.hint ?? 'No reading of this machine yet. The system collector brings the first one within seconds.'}</p>`}>
      <${Row} name="CPU" metric=${CPU} figure=${html`<${Figure} value=${cpu?.v} unit="ratio" series=${CPU} label="CPU" why=${why} />`}
        detail=${oldOf(cpu) ?? (busiest && html`<span title="the busiest process; of one core"><bdi>${busiest.metric.process}</bdi> ${format(busiest.v, 'ratio')}</span>`)}
        spark=${html`<${Spark} selector=${own(CPU)} metric=${{ __name__: CPU }} top=${1} />`} />
      <${Row} name="memory" metric=${MEMORY} figure=${html`<${Figure} value=${memory?.v} unit="ratio" series=${MEMORY} label="Memory" why=${why} />`}
        detail=${oldOf(memory) ?? (limit !== null && html`<span title=${used === null ? '' : `${bytes(used)} used`}>of ${bytes(limit)}</span>`)} spark=${html`<${Spark} selector=${own(MEMORY)} metric=${{ __name__: MEMORY }} top=${1} />`} />
      <${Row} name="disk" metric=${DISK} figure=${html`<${Figure} value=${disk?.v} unit="ratio" series=${disk ? print(disk.metric) : DISK} label="Fullest disk" why=${why} />`}
        detail=${disk && html`<span title=${`the fullest file system${free ? `, ${bytes(free.v)} free` : ''}`}><bdi>${disk.metric.mountpoint}</bdi> ${oldOf(disk)}</span>`}
        spark=${disk && html`<${Spark} selector=${own(DISK)} metric=${disk.metric} top=${1} />`} />
      <${Row} name="load" metric=${LOAD} figure=${html`<${Figure} value=${load?.v} unit="plain" series=${LOAD} label="Load over one minute" why=${why} />`}
        detail=${oldOf(load) ?? (five !== null && `${digits(five)} over 5 m`)} spark=${html`<${Spark} selector=${own(LOAD)} metric=${{ __name__: LOAD }} />`} />
      <${Row} name="running" figure=${html`${uptime === null ? html`<${Figure} value=${null} unit="seconds" label="Time since the machine started" why=${why} />` : html`<a class="figure" href=${historyOf('system_uptime_seconds')} title="Time since the machine started: show its history">${age(uptime)}</a>`}`}
        detail=${uptime !== null && `since ${since(minute.value - uptime, minute.value)}`} />
    <//>`
}

/** How old a figure is, where it is not of these minutes. @param {Newest|undefined} sample */
function oldOf(sample) {
  const seconds = sample ? minute.value - sample.t : 0
  return seconds > ENDED_AFTER_S ? html`<span class="stale-age">${age(seconds)} old</span>` : null
}

/** @param {Metric} metric @returns {Metric} */
const labelsOf = ({ __name__, ...labels }) => labels

/** @param {string} selector @param {Metric} [labels] */
const one = (selector, labels) => newest(selector).find((s) => isSole(s.metric, labels))?.v ?? null
