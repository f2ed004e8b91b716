/**
 * The first screen: is it fine, what is not, since when, why, what next; then the charts that prove it.
 *
 * @import { ChartSpec } from '../charts.js'
 */
import { APPLICATION_CHART, boardChart, MACHINE_CHARTS, plainChart } from '../charts.js'
import { computed, html } from '../lib.js'
import { print } from '../selector.js'
import { alerts } from '../stores/alerts.js'
import { board, boards, refreshBoards } from '../stores/boards.js'
import { status } from '../stores/status.js'
import { ApplicationCard } from './ApplicationCard.js'
import { BoardCard } from './BoardCard.js'
import { Chart } from './Chart.js'
import { CiCard } from './CiCard.js'
import { Health } from './Health.js'
import { Lane } from './Lane.js'
import { MachineCard } from './MachineCard.js'
import { Panel } from './Panel.js'
import { Timeline } from './Timeline.js'

/** The board in view as a chart. Kept while the board stays the same, so that the plot is not built anew. */
const boardSpec = (() => {
  /** @type {ChartSpec|null} */
  let held = null
  return computed(() => {
    if (!board.value) return (held = null)
    const next = boardChart(board.value)
    return held?.selectors[0] === next.selectors[0] ? held : (held = next)
  })
})()

/** Charts of series that have an alert but no chart among the fixed ones. @type {Map<string, ChartSpec>} */
const extra = new Map()

/** Whether there is a probe. A value of its own: status comes every few seconds, the charts stay. */
const probed = computed(() => (status.value?.targets.length ?? 0) > 0)

/** Those behind the alerts first, the others in their fixed order. */
const charts = computed(() => {
  const application = probed.value ? [APPLICATION_CHART] : []
  const fixed = [...MACHINE_CHARTS.slice(0, 4), ...(boardSpec.value ? [boardSpec.value] : []), ...application, ...MACHINE_CHARTS.slice(4)]
  /** @type {Set<ChartSpec>} */
  const pressing = new Set()
  for (const { metric } of alerts.value ?? []) {
    const name = metric.__name__ ?? ''
    const known = fixed.find((spec) => spec.selectors.includes(name) || spec.metricName === name)
    const selector = print(metric)
    if (!known && !extra.has(selector)) extra.set(selector, plainChart(selector, name))
    pressing.add(known ?? /** @type {ChartSpec} */ (extra.get(selector)))
  }
  return [...pressing, ...fixed.filter((spec) => !pressing.has(spec))]
})

export function Overview() {
  return html`
    <div class="overview">
      <${Health} />
      <${Timeline} />
      <div class="cards">
        <${MachineCard} />
        <${BoardCard} />
        <${CiCard} />
        <${ApplicationCard} />
      </div>
      <div class="charts">${charts.value.map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}
        ${!board.value && html`<${NoBoard} />`}
      </div>
      <${Lane} />
    </div>`
}

/** The board's chart before a board is known. */
function NoBoard() {
  const known = boards.value.tasks !== null
  return html`
    <${Panel} title="Board" kind="chart chart-wide" name="no-board" face=${known ? 'empty' : boards.value.error ? 'error' : 'loading'}
      error=${boards.value.error} retry=${refreshBoards} empty=${html`<p>Filled by the task collector as soon as there is a board.</p>`} />`
}
