/**
 * System: what the machine does, and who makes it.
 */
import { MACHINE_CHARTS } from '../chart/specs.js'
import { Chart } from '../chart/Chart.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { SourceTrouble } from '../components/SourceTrouble.js'
import { count, sentences, since, span } from '../format.js'
import { useInTurns, useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { isSole, own } from '../own.js'
import { now } from '../stores/clock.js'
import { past, unwatched } from '../stores/past.js'
import { newest } from '../stores/samples.js'
import { sourcesOf, status } from '../stores/status.js'
import { Cores } from '../system/Cores.js'
import { FileSystems, Network } from '../system/Disks.js'
import { Groups, Processes } from '../system/Processes.js'
import { MORE_CHARTS } from '../system/charts.js'

const [UPTIME, PROCESSES, MEMORY, CORES] = ['system_uptime_seconds', 'system_processes', 'system_memory_limit_bytes', 'system_cpu_core_utilization_ratio'].map(own)
const FACTS = [UPTIME, PROCESSES, MEMORY, CORES]

const CHARTS = [...MACHINE_CHARTS, ...MORE_CHARTS]
/** Tables below the charts, in their two columns. */
const TABLES = [[Processes, FileSystems], [Cores, Network, Groups]]
/** A chart in its panel with the room around it, about: no less than that. */
const [CHART_WIDTH, CHART_HEIGHT] = [320, 296]

/** How many charts the window may show. */
const inSight = () => Math.ceil(innerWidth / CHART_WIDTH) * (Math.ceil(innerHeight / CHART_HEIGHT) + 1)

export function System() {
  const sources = sourcesOf('system')
  const failing = sources.find((s) => s.up === false)
  const nothing = past.value === null && status.value !== null && sources.length > 0 && sources.every((s) => s.up === null)
  const there = useInTurns(inSight(), CHARTS.length + TABLES.flat().length)
  if (nothing) {
    return html`
      <${Panel} title="System" name="system" kind="page-face" face="empty" empty=${html`
        <p class="face-title">This machine is not measured</p><p>${sentences(sources.map((s) => [s.reason, s.hint].filter(Boolean).join('; ')))}</p><pre class="copy">[system]${'\n'}enabled = true</pre>`} />`
  }
  const tables = TABLES.flat().slice(0, Math.max(0, there - CHARTS.length))
  return html`
    <div class="system-page">
      <${SourceTrouble} sources=${failing ? [failing] : []} />
      ${unwatched.value && html`<p class="trouble" role="status"><${Mark} kind="none" word="" /><span>${unwatched.value}</span></p>`}
      <${Facts} />
      <div class="charts">${CHARTS.slice(0, there).map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}</div>
      <div class="system-tables">
        ${TABLES.map((column, place) => html`<div key=${place}>${column.map((Table) => tables.includes(Table) && html`<${Table} />`)}</div>`)}
      </div>
    </div>`
}

/** Each at its place; one that is not known is left out. */
function Facts() {
  useSamples(FACTS)
  return html`<p class="facts-line">${facts().map((fact, place) => html`<span key=${place}>${fact}</span>`)}</p>`
}

/** @param {string} selector */
const one = (selector) => newest(selector).find((s) => isSole(s.metric))?.v ?? null

function facts() {
  const [up, processes, memory] = [one(UPTIME), one(PROCESSES), one(MEMORY)]
  const cores = newest(CORES).length
  return [
    cores > 0 && count(cores, 'core'),
    memory !== null && `${(memory / 1024 ** 3).toFixed(memory < 1024 ** 3 * 10 ? 1 : 0)}\u00a0GiB of memory`,
    processes !== null && count(processes, 'process', 'processes'),
    up !== null && `up ${span(up)}, since ${since(now.value - up, now.value)}`,
  ]
}
