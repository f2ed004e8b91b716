/**
 * What tasks and weeks cost: time, CPU, CI, tokens, money, as far as that was seen while a task was in progress.
 *
 * @import { Board, Cost } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { count, DASH, digits, money as amount, span } from '../format.js'
import { html } from '../lib.js'
import { NO_TITLE } from '../timeline.js'
import { address, place } from '../stores/place.js'
import { NOT_KEPT, past } from '../stores/past.js'
import { spentToday } from '../stores/spent.js'
import { boardParams } from './BoardColumns.js'

/** @typedef {{ key: string, name: any, order: number|string, cost: Cost }} Row */

/** @param {{ board: Board }} props */
export function Costs({ board }) {
  const tasks = board.items.filter((i) => i.cost)
  const weeks = Object.entries(board.cost_by_week)
  const empty = past.value ? html`<p>${NOT_KEPT} Each task has what it cost so far, as of now.</p>` : html`
    <p>Nothing is known yet. Time, CPU and CI of a task are counted from when it goes to in progress.</p>
    <p>Tokens and money come from coding agents that send their metrics here, such as Claude Code:</p>
    <pre class="copy">export CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf${'\n'}export OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}</pre>`
  /** @type {Row[]} */
  const byTask = tasks.map((i, n) => ({ key: i.id, name: html`<a class="link" href=${address('tasks', i.id, boardParams())} title=${i.title}><span class="task-id">${i.id}</span> <bdi>${i.title || NO_TITLE}</bdi></a>`, order: n, cost: /** @type {Cost} */ (i.cost) }))
  /** @type {Row[]} */
  const byWeek = weeks.map(([week, cost]) => ({ key: week, name: week, order: week, cost }))
  return html`
    <div class="costs">
      <${Panel} title="Cost by task" note=${tasks.length ? count(tasks.length, 'task') : ''} name="cost-by-task" face=${tasks.length ? 'data' : 'empty'} empty=${empty}>
        <${Table} name="cost" label="Cost by task" columns=${columns('Task')} rows=${byTask} keyOf=${keyOf} initial=${tasks.some((i) => i.cost?.money !== undefined) ? '-money' : '-time'} thing="task" shown=${10} chosen=${place.value.item} />
      <//>
      <${Panel} title="Cost by week" note=${weeks.length ? count(weeks.length, 'week') : ''} name="cost-by-week" face=${weeks.length ? 'data' : 'empty'} empty=${html`<p>${past.value ? NOT_KEPT : 'No task was in progress in a week that was watched.'}</p>`}>
        <${Table} name="weeks" label="Cost by week" columns=${columns('Week')} rows=${byWeek} keyOf=${keyOf} initial="-name" thing="week" shown=${10}
          foot=${board.cost && html`<tr><th scope="row">All of ${board.tag}</th>${columns('').slice(1).map((c) => html`<td key=${c.key} class="num">${c.cell({ cost: board.cost })}</td>`)}</tr>`} />
      <//>
    </div>`
}

/** @param {Row} row */
const keyOf = (row) => row.key

/** All tokens of a cost; undefined where no agent said any. @param {Cost} cost */
const tokensOf = ({ tokens }) => (tokens && Object.keys(tokens).length > 0 ? Object.values(tokens).reduce((a, b) => a + b, 0) : undefined)

/** @param {number|undefined} seconds @param {string} why */
const time = (seconds, why) => (seconds === undefined ? html`<span class="quiet" title=${why}>${DASH}</span>` : span(Math.round(seconds)))

/** @param {string} first @returns {import('../components/Table.js').Column[]} */
function columns(first) {
  return [
    { key: 'name', title: first, value: (r) => r.order, cell: (r) => r.name },
    { key: 'time', title: 'Time', num: true, help: 'time in progress', value: (r) => r.cost.wall_seconds, cell: (r) => html`<span title=${r.cost.shared_seconds > 0 ? `${span(Math.round(r.cost.shared_seconds))} of it beside other tasks` : undefined}>${span(Math.round(r.cost.wall_seconds))}</span>` },
    { key: 'cpu', title: 'CPU', num: true, help: 'CPU time of the whole machine meanwhile, shared evenly among the tasks in progress', value: (r) => r.cost.cpu_seconds, cell: (r) => time(r.cost.cpu_seconds, 'No CPU was measured meanwhile.') },
    { key: 'ci', title: 'CI jobs', num: true, help: 'time of the jobs of commits made meanwhile', value: (r) => r.cost.ci_job_seconds, cell: (r) => time(r.cost.ci_job_seconds, 'No repository is watched, or no run was caused.') },
    { key: 'tokens', title: 'Tokens', num: true, value: (r) => tokensOf(r.cost), cell: (r) => tokens(r.cost) },
    { key: 'money', title: 'Money', num: true, help: 'in the unit of the agent’s metric; US dollars of Claude Code', value: (r) => r.cost.money, cell: (r) => money(r.cost) },
  ]
}

/** @param {Cost} cost */
export function tokens(cost) {
  const all = tokensOf(cost)
  if (all === undefined) return html`<span class="quiet" title="No coding agent sent its tokens meanwhile.">${DASH}</span>`
  return html`<span title=${Object.entries(cost.tokens ?? {}).map(([kind, n]) => `${digits(n)} ${kind}`).join(', ')}>${digits(Math.round(all))}</span>`
}

/** @param {Cost} cost */
export function money({ money: sum }) {
  return sum === undefined ? html`<span class="quiet" title="No coding agent sent its cost meanwhile.">${DASH}</span>` : amount(sum, spentToday.value?.currency)
}
