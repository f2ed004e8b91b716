/**
 * BOARD: how far the work is, by status, and what is being worked on.
 *
 * @import { Board, Cost, Forecast, Task } from '../types.js'
 */
import { age, count, DASH, day, digits, percent, sentences, since, span } from '../format.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { statusColour, statusRank, statusWord } from '../statuses.js'
import { board, boardKey, boards, chosenBoard, refreshBoards } from '../stores/boards.js'
import { now } from '../stores/clock.js'
import { sourcesOf } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { Swatch } from './Swatch.js'

export function BoardCard() {
  const { tasks, error } = boards.value
  const shown = board.value
  const face = shown ? 'data' : tasks ? 'empty' : error ? 'error' : 'loading'
  const source = sourcesOf('task')[0]
  const hint = sentences([tasks?.sources.find((x) => !x.up)?.reason ?? source?.reason, source?.hint])
  return html`
    <${Panel} title="Board" kind="card" name="board" face=${face} error=${error} retry=${refreshBoards}
      note=${shown && html`<${Chooser} list=${tasks?.boards ?? []} shown=${shown} />`}
      empty=${html`<p>${hint || 'No Task Master board here. Run the service in a project that has a .taskmaster folder.'}</p>`}>
      ${shown && html`<${Shown} board=${shown} />`}
    <//>`
}

/** @param {{ list: Board[], shown: Board }} props */
function Chooser({ list, shown }) {
  const many = new Set(list.map((b) => b.project)).size > 1
  /** @param {Board} b */
  const name = (b) => (many ? `${b.project} · ${b.tag}` : b.tag)
  if (list.length < 2) return name(shown)
  return html`
    <select class="chooser" aria-label="Board" value=${boardKey(shown)} onChange=${(/** @type {any} */ e) => { chosenBoard.value = e.target.value }}>
      ${list.map((b) => html`<option key=${boardKey(b)} value=${boardKey(b)}>${name(b)}${b.current ? ' (current)' : ''}</option>`)}
    </select>`
}

/** @param {{ board: Board }} props */
function Shown({ board: shown }) {
  const counts = Object.entries(shown.tasks).filter(([, n]) => n > 0).sort(([a], [b]) => statusRank(a) - statusRank(b))
  const all = counts.reduce((sum, [, n]) => sum + n, 0)
  // As the share beside it has it: what was cancelled is no longer to be done.
  const wanted = all - (shown.tasks.cancelled ?? 0)
  const subtasks = Object.values(shown.subtasks).reduce((sum, n) => sum + n, 0)
  const labels = `project=${JSON.stringify(shown.project)},tag=${JSON.stringify(shown.tag)}`
  /** @param {string} metric */
  const series = (metric) => `${metric}{${labels}}`
  return html`
    <div class="board" data-board=${boardKey(shown)}>
      ${!shown.up && html`<p class="trouble" role="alert"><${Mark} kind="error" word="failing" /><span>${shown.reason ?? 'The board cannot be read.'}</span></p>`}
      ${shown.cycle && html`<p class="trouble"><${Mark} kind="warning" word="warning" /><span>Dependencies go in a circle: ${shown.cycle.join(' → ')}</span></p>`}
      <p class="board-head">
        <span title=${wanted < all ? `not counting ${all - wanted} cancelled` : ''}>done <b>${shown.tasks.done ?? 0}</b> of <b>${wanted}</b></span>
        <${Figure} value=${shown.completion_ratio} unit="ratio" series=${series('taskmaster_completion_ratio')} label="Share of tasks done"
          why="There is no task to divide by." big />
        ${subtasks > 0 && html`<span class="quiet">subtasks ${shown.subtasks.done ?? 0} of ${subtasks}</span>`}
      </p>
      ${all > 0 && html`<${Bar} counts=${counts} all=${all} />`}
      <ul class="board-counts">
        ${counts.map(([name, n]) => html`
          <li key=${name} data-status=${name} data-count=${n}>
            <${Swatch} colour=${statusColour(name)} />${statusWord(name)}
            <${Figure} value=${n} unit="count" series=${`taskmaster_tasks{${labels},status=${JSON.stringify(name)}}`} label=${`Tasks ${statusWord(name)}`} />
          </li>`)}
      </ul>
      <${Row} name="ready" figure=${html`<${Figure} value=${shown.ready_tasks} unit="count" series=${series('taskmaster_ready_tasks')} label="Tasks ready to start" />`}
        detail=${`of ${shown.queue_depth ?? '–'} waiting`} />
      <${Row} name="longest" figure=${html`<${Figure} value=${shown.critical_path_tasks} unit="count" series=${series('taskmaster_critical_path_tasks')} label="Longest chain of open tasks"
        why="No open task." />`} detail="open tasks in a row" />
      <${DoneBy} forecast=${shown.forecast} />
      <${UnderWay} board=${shown} />
    </div>`
}

/** When no task will be open, or why nobody can tell. @param {{ forecast: Forecast|null }} props */
function DoneBy({ forecast }) {
  if (!forecast || 'missing' in forecast) {
    const why = forecast?.missing ?? 'Nothing was seen yet.'
    return html`<${Row} name="finish" figure=${html`<span title=${why}>${DASH}</span>`} detail=${html`<span title=${why}>${why}</span>`} />`
  }
  /** @param {number|null} t */
  const date = (t) => (t === null ? 'far off' : day(t))
  const from = `A simulation over ${count(forecast.completions, 'completion')} in ${digits(forecast.watched_days)} days: half of the trials were through by then`
  return html`
    <${Row} name="finish" figure=${html`<b title=${from}>${date(forecast.p50)}</b>`} detail=${`95 % by ${date(forecast.p95)}`} />`
}

/** What coding agents used while a task was in progress; on hover what else went on. @param {{ cost: Cost }} props */
function Used({ cost }) {
  const tokens = Object.values(cost.tokens ?? {}).reduce((sum, n) => sum + n, 0)
  const used = tokens > 0 ? `${digits(tokens)} tokens` : ''
  const words = [
    used,
    cost.money !== undefined && `cost ${digits(cost.money)}`,
    cost.active_seconds !== undefined && `agent active ${span(cost.active_seconds)}`,
    cost.cpu_seconds !== undefined && `CPU ${span(cost.cpu_seconds)}`,
    cost.shared_seconds > 0 && 'its share of time with other tasks',
    cost.start_seen === false && cost.since !== undefined && countedFrom(cost.since),
    cost.unwatched_seconds !== undefined && `the service was not running for ${span(cost.unwatched_seconds)} of it`,
  ]
  return html`<span class="quiet task-cost" title=${words.filter(Boolean).join(', ')}>${used}</span>`
}

/** @param {number} t Unix seconds */
const countedFrom = (t) => `counted from ${since(t, now.value)}, when the service first saw it in progress`

/** How long a task has been in progress, as far as that was seen. @param {{ item: Task }} props */
function Duration({ item }) {
  const { in_progress_since: start, cost } = item
  if (start !== null) return html`<span class="quiet" title="in progress for">${age(now.value - start)}</span>`
  if (cost?.since === undefined) return html`<span class="quiet" title="Its start was not seen.">${DASH}</span>`
  return html`<span class="quiet" title=${`Its start was not seen: ${countedFrom(cost.since)}.`}>≥ ${age(now.value - cost.since)}</span>`
}

/** @param {{ board: Board }} props */
function UnderWay({ board: shown }) {
  const items = shown.items.filter((item) => item.status === 'in-progress')
  if (items.length === 0) return html`<p class="quiet">No task is in progress.</p>`
  return html`
    <ul class="under-way" aria-label="In progress">
      ${items.slice(0, 3).map((item) => html`
        <li key=${item.id}>
          <span class="task-id">${item.id}</span><span class="task-title" title=${item.title}>${item.title}</span>
          ${item.cost && html`<${Used} cost=${item.cost} />`}
          <${Duration} item=${item} />
        </li>`)}
      ${items.length > 3 && html`<li class="quiet">and ${count(items.length - 3, 'more', 'more')}</li>`}
    </ul>`
}

/** @param {{ counts: Array<[string, number]>, all: number }} props */
function Bar({ counts, all }) {
  const words = counts.map(([name, n]) => `${statusWord(name)} ${percent(n / all)}`).join(', ')
  return html`<div class="bar" role="img" aria-label=${words} title=${words}>${counts.map(([name, n]) => html`<${Part} key=${name} status=${name} share=${n / all} />`)}</div>`
}

/** @param {{ status: string, share: number }} props */
function Part({ status: name, share }) {
  const part = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!part.current) return
    part.current.style.background = `var(${statusColour(name)})`
    part.current.style.flexGrow = String(share)
  }, [name, share])
  return html`<i ref=${part}></i>`
}
