/**
 * Tasks: how far the board is, who was in progress when, what depends on what, what it cost, and when it will be done.
 *
 * @import { Board } from '../types.js'
 */
import { Figure } from '../components/Figure.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Graph } from '../graph/Graph.js'
import { BoardColumns } from '../tasks/BoardColumns.js'
import { BurnUp } from '../tasks/BurnUp.js'
import { Costs } from '../tasks/Costs.js'
import { TaskPanel } from '../tasks/TaskPanel.js'
import { filtered } from '../tasks/tasks.js'
import { When } from '../tasks/When.js'
import { bind } from '../keys.js'
import { count, DASH, digits, sentences, since } from '../format.js'
import { html, useEffect, useMemo, useRef } from '../lib.js'
import { board, boardKey, boards, chosenBoard, refreshBoards } from '../stores/boards.js'
import { now } from '../stores/clock.js'
import { past } from '../stores/past.js'
import { param, place } from '../stores/place.js'
import { sourcesOf } from '../stores/status.js'

export function Tasks() {
  const { tasks, error } = boards.value
  const shown = board.value
  if (!shown) {
    const source = sourcesOf('task')[0]
    return html`
      <${Panel} title="Tasks" name="tasks" kind="page-face" face=${tasks ? 'empty' : error ? 'error' : 'loading'} error=${error} retry=${refreshBoards}
        empty=${html`
          <p class="face-title">No Task Master board here</p>
          <p>${sentences([[source?.reason, source?.hint].filter(Boolean).join('; ')]) || 'Start the service in a project that has a .taskmaster folder, or name one in Settings.toml:'}</p>
          <pre class="copy">[taskmaster]${'\n'}projects = ["/path/to/project"]</pre>
          <p class="quiet">Its tasks by status, what depends on what, what they cost and when they will be done will stand here.</p>`} />`
  }
  const key = boardKey(shown)
  return html`
    <div class="tasks-page" data-board=${key}>
      ${!shown.up && html`<p class="trouble" role="alert"><${Mark} kind="error" word="failing" /><span>${sentences([shown.reason ?? 'The board cannot be read'])} What is shown was read at ${since(shown.read_at, now.value)}.</span></p>`}
      ${shown.cycle && html`<p class="trouble"><${Mark} kind="warning" word="warning" /><span>Dependencies go in a circle: ${shown.cycle.join(' → ')}</span></p>`}
      <div class="tasks-head"><${Facts} board=${shown} /><${BurnUp} key=${key} board=${shown} /></div>
      <${Columns} board=${shown} />
      <${When} board=${shown} />
      <${Graph} items=${shown.items} chain=${shown.critical_path_tasks} />
      <${Costs} board=${shown} />
      <${TaskPanel} board=${shown} id=${place.value.item} />
    </div>`
}

/** @param {{ board: Board }} props */
function Facts({ board: shown }) {
  const { forecast } = shown
  const list = boards.value.tasks?.boards ?? []
  const labels = `project=${JSON.stringify(shown.project)},tag=${JSON.stringify(shown.tag)}`
  /** @param {string} metric */
  const series = (metric) => `${metric}{${labels}}`
  const wanted = Object.values(shown.tasks).reduce((a, b) => a + b, 0) - (shown.tasks.cancelled ?? 0)
  /** @param {number|null} t */
  const date = (t) => (t === null ? 'open end' : since(t, now.value))
  const many = new Set(list.map((b) => b.project)).size > 1
  return html`
    <${Panel} title="Board" note=${list.length > 1 ? '' : shown.tag} name="board-facts" face="data" aside=${list.length > 1 && html`
      <select class="chooser" aria-label="Board" value=${boardKey(shown)} onChange=${(/** @type {any} */ e) => { chosenBoard.value = e.target.value }}>
        ${list.map((b) => html`<option key=${boardKey(b)} value=${boardKey(b)}>${many ? `${b.project} · ` : ''}${b.tag}${b.current ? ' (current)' : ''}</option>`)}
      </select>`}>
      <dl class="pairs">
        <dt>done</dt><dd><${Figure} value=${shown.completion_ratio} unit="ratio" series=${series('taskmaster_completion_ratio')} label="Share of tasks done" why="There is no task to divide by." big /> ${digits(shown.tasks.done ?? 0)} of ${digits(wanted)}</dd>
        <dt>done about</dt><dd>${forecast && !('missing' in forecast)
          ? html`<b>${date(forecast.p50)}</b><span class="quiet"> · 85 % by ${date(forecast.p85)}, 95 % by ${date(forecast.p95)}</span>`
          : html`<span class="quiet">${forecast?.missing ?? 'nothing was seen yet'}</span>`}</dd>
        <dt>pace</dt><dd>${shown.throughput_per_day === null ? html`<span class="quiet">${past.value ? 'none is kept of this time' : 'not known before a day was watched'}</span>` : html`<${Figure} value=${shown.throughput_per_day} unit="plain" series=${series('taskmaster_throughput_tasks_per_day')} label="Tasks done a day" /> done a day`}</dd>
        <dt>ready</dt><dd><${Figure} value=${shown.ready_tasks} unit="count" series=${series('taskmaster_ready_tasks')} label="Tasks ready to start" /> of ${digits(shown.queue_depth)} pending</dd>
        <dt>longest chain</dt><dd>${shown.critical_path_tasks === null ? html`<span title="Dependencies go in a circle.">${DASH}</span>` : html`<${Figure} value=${shown.critical_path_tasks} unit="count" series=${series('taskmaster_critical_path_tasks')} label="Open tasks on the longest chain" /> ${shown.critical_path_tasks === 1 ? 'open task' : 'open tasks in a row'}`}</dd>
        ${shown.failure_ratio !== null && html`<dt>failed</dt><dd><${Figure} value=${shown.failure_ratio} unit="ratio" series=${series('taskmaster_failure_ratio')} label="Cancelled or reopened, as a share of the tasks that ended in the last 24 hours" /> cancelled or reopened, last 24 h</dd>`}
      </dl>
      ${shown.findings.length > 0 && html`
        <details class="findings"><summary>${count(shown.findings.length, 'thing')} of the file could not be read as ${shown.findings.length === 1 ? 'it is' : 'they are'}</summary>
          <ul class="plain-list">${shown.findings.map((f, i) => html`<li key=${i}>${f.task ? `Task ${f.task}: ` : ''}${f.field ? `${f.field}: ` : ''}${f.what}</li>`)}</ul>
        </details>`}
    <//>`
}

/** The board by status, with a filter. @param {{ board: Board }} props */
function Columns({ board: shown }) {
  const filter = param('q')
  const field = useRef(/** @type {HTMLInputElement|null} */ (null))
  useEffect(() => bind([{ keys: 'f', words: 'Filter the tasks', group: 'Tasks', run: () => field.current?.focus() }]), [])
  const items = useMemo(() => filtered(shown.items, filter.value), [shown.items, filter.value])
  const note = filter.value === '' ? count(shown.items.length, 'task') : `${digits(items.length)} of ${count(shown.items.length, 'task')}`
  return html`
    <${Panel} title="Tasks by status" note=${note} name="board-columns" face=${shown.items.length ? 'data' : 'empty'} empty=${html`<p>The board has no task. Add one:</p><pre class="copy">task-master add-task --prompt="…"</pre>`}
      aside=${html`<input ref=${field} class="filter" type="search" aria-label="Filter tasks by number, title, status or priority" placeholder="Filter (f)" value=${filter.value} maxlength="200"
        onInput=${(/** @type {any} */ e) => { filter.value = e.target.value }} />`}>
      ${items.length === 0 ? html`<p class="quiet columns-none">No task has “${filter.value}” in its number, title, status or priority.</p>` : html`<${BoardColumns} items=${items} />`}
    <//>`
}
