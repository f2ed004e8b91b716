/**
 * Tasks: how far the board is, who was in progress when, what depends on what, what it cost, and when it will be done.
 *
 * @import { Board, Task } from '../types.js'
 */
import { boardChart } from '../chart/specs.js'
import { Chart } from '../chart/Chart.js'
import { Figure } from '../components/Figure.js'
import { Panel } from '../components/Panel.js'
import { Swatch } from '../components/Swatch.js'
import { Graph } from '../graph/Graph.js'
import { age, count, DASH, day, digits, span } from '../format.js'
import { html, useMemo } from '../lib.js'
import { statusColour, statusRank, statusWord } from '../statuses.js'
import { board, boardKey, boards, chosenBoard, refreshBoards } from '../stores/boards.js'
import { now } from '../stores/clock.js'
import { address, place } from '../stores/place.js'
import { sourcesOf } from '../stores/status.js'

export function Tasks() {
  const { tasks, error } = boards.value
  const shown = board.value
  const source = sourcesOf('task')[0]
  if (!shown) {
    return html`
      <${Panel} title="Tasks" name="tasks" face=${tasks ? 'empty' : error ? 'error' : 'loading'} error=${error} retry=${refreshBoards}
        empty=${html`<p class="face-title">No Task Master board here</p><p>${source?.hint ?? 'Run the service in a project that has a .taskmaster folder.'}</p>`} />`
  }
  const chosen = shown.items.find((i) => i.id === place.value.item)
  return html`
    <div class="tasks-page">
      <${Progress} board=${shown} />
      ${chosen && html`<${Detail} board=${shown} item=${chosen} />`}
      <${List} board=${shown} />
      <${Panel} title="What depends on what" note=${shown.critical_path_tasks ? `the longest chain has ${count(shown.critical_path_tasks, 'open task')}` : ''} name="graph" face="data"><${Graph} items=${shown.items} /><//>
      <${Costs} board=${shown} />
    </div>`
}

/** @param {{ board: Board }} props */
function Progress({ board: shown }) {
  const spec = useMemo(() => boardChart(shown), [boardKey(shown)])
  const { forecast } = shown
  const list = boards.value.tasks?.boards ?? []
  const why = forecast && 'missing' in forecast ? forecast.missing : null
  /** @param {number|null} t */
  const date = (t) => (t === null ? 'open end' : day(t))
  return html`
    <div class="tasks-head">
      <${Panel} title="Board" name="board-facts" face="data" aside=${list.length > 1 && html`
        <select class="chooser" aria-label="Board" value=${boardKey(shown)} onChange=${(/** @type {any} */ e) => { chosenBoard.value = e.target.value }}>
          ${list.map((b) => html`<option key=${boardKey(b)} value=${boardKey(b)}>${b.project} · ${b.tag}</option>`)}
        </select>`}>
        <dl class="pairs">
          <dt>done</dt><dd><${Figure} value=${shown.completion_ratio} unit="ratio" label="Share of tasks done" why="There is no task to divide by." big /> ${shown.tasks.done ?? 0} of ${Object.values(shown.tasks).reduce((a, b) => a + b, 0) - (shown.tasks.cancelled ?? 0)}</dd>
          <dt>done about</dt><dd>${forecast && !('missing' in forecast) ? html`<b>${date(forecast.p50)}</b> <span class="quiet">85 % by ${date(forecast.p85)}, 95 % by ${date(forecast.p95)}</span>` : html`<span class="quiet">${why ?? 'nothing was seen yet'}</span>`}</dd>
          <dt>pace</dt><dd>${shown.throughput_per_day === null ? html`<span class="quiet">not known yet</span>` : html`<b>${digits(shown.throughput_per_day)}</b> done a day`}</dd>
          <dt>ready</dt><dd><b>${shown.ready_tasks ?? DASH}</b> of ${shown.queue_depth ?? DASH} waiting</dd>
          <dt>longest chain</dt><dd><b>${shown.critical_path_tasks ?? DASH}</b> open tasks in a row</dd>
        </dl>
      <//>
      <${Chart} spec=${spec} height=${170} />
    </div>`
}

/** @param {{ board: Board, item: Task }} props */
function Detail({ board: shown, item }) {
  const { cost } = item
  const tokens = Object.entries(cost?.tokens ?? {})
  const needs = shown.items.filter((i) => item.dependencies.includes(i.id))
  const needed = shown.items.filter((i) => i.dependencies.includes(item.id))
  return html`
    <${Panel} title=${html`Task ${item.id}`} note=${item.title} name="task" face="data" aside=${html`<a class="link" href=${address('tasks')}>Close</a>`}>
      <dl class="pairs pairs-wide">
        <dt>status</dt><dd>${statusWord(item.status)}${item.in_progress_since !== null && ` for ${span(Math.round(now.value - item.in_progress_since))}`}</dd>
        <dt>priority</dt><dd>${item.priority}</dd>
        <dt>took</dt><dd>${item.execution_seconds === null ? html`<span class="quiet">its start and end were not both seen</span>` : span(Math.round(item.execution_seconds))}</dd>
        <dt>complexity</dt><dd>${item.complexity ?? html`<span class="quiet">no report</span>`}</dd>
        <dt>CPU meanwhile</dt><dd>${cost?.cpu_seconds === undefined ? DASH : span(Math.round(cost.cpu_seconds))}</dd>
        <dt>CI meanwhile</dt><dd>${cost?.ci_job_seconds === undefined ? DASH : `${span(Math.round(cost.ci_job_seconds))} of jobs`}</dd>
        <dt>tokens</dt><dd>${tokens.length === 0 ? DASH : tokens.map(([kind, n]) => `${digits(n)} ${kind}`).join(', ')}</dd>
        <dt>money</dt><dd>${cost?.money === undefined ? DASH : digits(cost.money)}</dd>
        <dt>waits for</dt><dd>${needs.length === 0 ? 'nothing' : needs.map((i) => html`<a key=${i.id} class="link" href=${address('tasks', i.id)}>${i.id} ${i.title}</a> (${statusWord(i.status)}) `)}</dd>
        <dt>holds up</dt><dd>${needed.length === 0 ? 'nothing' : needed.map((i) => html`<a key=${i.id} class="link" href=${address('tasks', i.id)}>${i.id} ${i.title}</a> `)}</dd>
      </dl>
    <//>`
}

/** @param {{ board: Board }} props */
function List({ board: shown }) {
  const groups = [...new Set(shown.items.map((i) => i.status))].sort((a, b) => order(a) - order(b))
  return html`
    <div class="lanes-board">
      ${groups.map((status) => {
        const items = shown.items.filter((i) => i.status === status)
        return html`
          <section class="panel" key=${status} data-status=${status}>
            <header class="panel-head"><h2><${Swatch} colour=${statusColour(status)} />${statusWord(status)}</h2><span class="note">${count(items.length, 'task')}</span></header>
            <ul class="task-list">${items.map((item) => html`<${Line} key=${item.id} item=${item} />`)}</ul>
          </section>`
      })}
    </div>`
}

/** What is worked on first, then what waits, then what is over. @param {string} status */
const order = (status) => ({ 'in-progress': 0, review: 1, blocked: 2, pending: 3, deferred: 4, done: 5, cancelled: 6 }[status] ?? 7 + statusRank(status))

/** @param {{ item: Task }} props */
function Line({ item }) {
  const time = item.in_progress_since !== null ? age(now.value - item.in_progress_since) : item.execution_seconds !== null ? span(Math.round(item.execution_seconds)) : ''
  return html`
    <li>
      <a href=${address('tasks', item.id)} aria-current=${place.value.item === item.id ? 'true' : undefined}>
        <span class="task-id">${item.id}</span><span class="task-title" title=${item.title}>${item.title}</span>
        ${item.status === 'pending' && item.ready && html`<span class="tag">ready</span>`}
        <span class="quiet">${time}</span>
      </a>
    </li>`
}

/** What tasks and weeks cost. @param {{ board: Board }} props */
function Costs({ board: shown }) {
  const rows = shown.items.filter((i) => i.cost).sort((a, b) => (b.cost?.money ?? 0) - (a.cost?.money ?? 0) || (b.cost?.wall_seconds ?? 0) - (a.cost?.wall_seconds ?? 0))
  const weeks = Object.entries(shown.cost_by_week ?? {}).sort(([a], [b]) => b.localeCompare(a))
  return html`
    <${Panel} title="What it cost" note="while a task was in progress" name="costs" face=${rows.length ? 'data' : 'empty'}
      empty=${html`<p>Nothing is known yet. Time, CPU and CI of a task are counted from when it goes to in progress; tokens and money when a coding agent sends its metrics here.</p>`}>
      <div class="table-wrap" tabindex="0" role="region" aria-label="What it cost">
        <table>
          <thead><tr><th>Task</th><th class="num">Time</th><th class="num">CPU</th><th class="num">CI jobs</th><th class="num">Tokens</th><th class="num">Money</th></tr></thead>
          <tbody>
            ${rows.slice(0, 50).map((i) => html`<${CostRow} key=${i.id} name=${html`<a class="link" href=${address('tasks', i.id)}>${i.id} ${i.title}</a>`} cost=${i.cost} />`)}
            ${weeks.map(([week, cost]) => html`<${CostRow} key=${week} name=${`Week ${week}`} cost=${cost} />`)}
            ${shown.cost && html`<${CostRow} name=${html`<b>All of ${shown.tag}</b>`} cost=${shown.cost} />`}
          </tbody>
        </table>
      </div>
    <//>`
}

/** @param {{ name: any, cost: import('../types.js').Cost|null }} props */
function CostRow({ name, cost }) {
  const tokens = Object.values(cost?.tokens ?? {}).reduce((a, b) => a + b, 0)
  const time = (/** @type {number|undefined} */ s) => (s === undefined ? DASH : span(Math.round(s)))
  return html`
    <tr><td>${name}</td><td class="num">${time(cost?.wall_seconds)}</td><td class="num">${time(cost?.cpu_seconds)}</td><td class="num">${time(cost?.ci_job_seconds)}</td>
      <td class="num">${tokens > 0 ? digits(tokens) : DASH}</td><td class="num">${cost?.money === undefined ? DASH : digits(cost.money)}</td></tr>`
}
