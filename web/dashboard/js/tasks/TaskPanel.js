/**
 * A task of its own, beside the page: its history, what it waits for, its time against the usual, what it cost, its commits.
 *
 * It lies over the page, so that nothing moves when it opens. Escape closes it.
 *
 * @import { Board, Task } from '../types.js'
 * @import { Bar } from '../ribbon/lanes.js'
 * @import { Move } from './tasks.js'
 */
import { Mark } from '../components/Mark.js'
import { Swatch } from '../components/Swatch.js'
import { age, count, DASH, digits, percent, since, span } from '../format.js'
import { useAnswer } from '../hooks.js'
import { bind } from '../keys.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef } from '../lib.js'
import { commitsOf } from '../ribbon/commits.js'
import { taskBars, usualTime } from '../ribbon/lanes.js'
import { statusColour, statusWord } from '../statuses.js'
import { ci } from '../stores/ci.js'
import { minute } from '../stores/pace.js'
import { events } from '../stores/events.js'
import { address, go } from '../stores/place.js'
import { NO_TITLE } from '../timeline.js'
import { boardParams } from './BoardColumns.js'
import { money, tokens } from './Costs.js'
import { movesOf } from './tasks.js'

/** Lines of a list before the rest is only counted. */
const SHOWN = 8

/** @param {{ board: Board, id: string }} props */
export function TaskPanel({ board, id }) {
  const head = useRef(/** @type {HTMLElement|null} */ (null))
  const before = useRef(/** @type {Element|null} */ (null))
  const close = () => {
    const back = document.querySelector(`[data-task="${CSS.escape(id)}"]`) ?? before.current
    go(address('tasks', '', boardParams()))
    if (back instanceof HTMLElement) back.focus()
  }
  useEffect(() => (id ? bind([{ keys: 'Escape', words: 'Close the task', group: 'Tasks', run: close }]) : undefined), [id])
  useLayoutEffect(() => {
    if (!id) return
    if (document.activeElement !== document.body) before.current = document.activeElement
    head.current?.focus({ preventScroll: true })
  }, [id])
  if (!id) return null
  const item = board.items.find((i) => i.id === id)
  return html`
    <aside class="sheet panel" data-panel="task" aria-label=${`Task ${id}`}>
      <header class="panel-head">
        <h2 ref=${head} tabindex="-1">Task ${id}</h2>
        ${item && html`<span class="state-word"><${Swatch} colour=${statusColour(item.status)} /><bdi>${statusWord(item.status)}</bdi></span>`}
        <button type="button" class="button panel-aside" onClick=${close}>Close <kbd>Esc</kbd></button>
      </header>
      ${item ? html`<${Body} board=${board} item=${item} />` : html`
        <p class="face-title">No task ${id} on this board</p>
        <p class="quiet">The board ${board.tag} of ${board.project} has ${count(board.items.length, 'task')}. It may be on another one: choose that above.</p>`}
    </aside>`
}

/** @param {{ board: Board, item: Task }} props */
function Body({ board, item }) {
  const newestEvent = events.value?.find((e) => e.subject === item.id && e.source === 'taskmaster')?.id
  const { data, error, state, retry } = useAnswer('/api/v1/events', { source: 'taskmaster', start: 0 }, newestEvent)
  const moves = movesOf(data ?? [], board, item.id)
  const bars = useMemo(() => taskBars((data ?? []).filter((/** @type {any} */ e) => e.subject === item.id), { ...board, items: [item] }, 0).get(item.id) ?? [], [data, item])
  const ids = new Map(board.items.map((i) => [i.id, i]))
  const needs = item.dependencies.map((need) => ({ id: need, task: ids.get(need) ?? ids.get(need.split('.')[0]) }))
  const needed = board.items.filter((i) => i.dependencies.some((need) => need === item.id || need.startsWith(`${item.id}.`)))
  return html`
    <p class="sheet-title"><bdi>${item.title || NO_TITLE}</bdi></p>
    <p class="quiet">${[item.priority && `${item.priority} priority`, item.subtasks_total > 0 && `${item.subtasks_done} of ${count(item.subtasks_total, 'subtask')} done`,
      item.complexity !== null && `complexity ${digits(item.complexity)}`, item.ready && 'ready to start', item.updated_at !== null && `changed ${since(item.updated_at, minute.value)}`].filter(Boolean).join(' · ')}</p>
    <${Time} board=${board} item=${item} />
    <${Cost} item=${item} />
    <h3>Waits for</h3>
    <${Links} list=${needs} none="Nothing." />
    <h3>Holds up</h3>
    <${Links} list=${needed.map((task) => ({ id: task.id, task }))} none="Nothing waits for it." />
    <h3>History</h3>
    ${state === 'error' ? html`<p class="trouble"><${Mark} kind="error" word="error" /><span>${error}</span> <button type="button" class="button" onClick=${retry}>Try again</button></p>` : html`<${History} moves=${moves} loading=${state === 'loading'} />`}
    <h3>Commits</h3>
    <${Commits} bars=${bars} />`
}

/** Its time against the usual. @param {{ board: Board, item: Task }} props */
function Time({ board, item }) {
  const usual = usualTime(board)
  const started = item.in_progress_since ?? (item.cost?.start_seen === false && item.execution_seconds === null ? item.cost.since ?? null : null)
  const open = item.status === 'in-progress' || item.status === 'review'
  const taken = open && started !== null ? minute.value - started : item.execution_seconds
  const least = open && item.in_progress_since === null && started !== null
  if (taken === null) {
    return html`<h3>Time</h3><p class="quiet">${open ? 'Its start was not seen.' : item.status === 'done' ? 'Its start and end were not both seen.' : 'Not started.'}${usual !== null && ` Tasks of this board usually take ${span(Math.round(usual))}.`}</p>`
  }
  return html`
    <h3>Time</h3>
    <p><b class="figure-big">${least ? '≥ ' : ''}${span(Math.round(taken))}</b> <span class="quiet">${open ? 'so far' : 'in progress and in review'}${usual === null ? '; the usual time is not known yet' : `, usual ${span(Math.round(usual))}`}</span></p>
    ${usual !== null && html`<${Against} taken=${taken} usual=${usual} />`}`
}

/** @param {{ taken: number, usual: number }} props */
function Against({ taken, usual }) {
  const most = Math.max(taken, usual) * 1.1
  return html`
    <svg class="against" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label=${`${percent(taken / usual)} of the usual time`}>
      <rect class="against-usual" width=${(usual / most) * 100} height="12" /><rect class=${`against-taken${taken > usual ? ' against-over' : ''}`} y="3" width=${(taken / most) * 100} height="6" />
    </svg>`
}

/** @param {{ item: Task }} props */
function Cost({ item: { cost, status } }) {
  if (!cost) return html`<h3>Cost</h3><p class="quiet">${status === 'pending' || status === 'blocked' || status === 'deferred' ? 'Counted from when it goes to in progress.' : 'It was not seen in progress.'}</p>`
  const time = (/** @type {number|undefined} */ s) => (s === undefined ? DASH : span(Math.round(s)))
  const words = [
    cost.shared_seconds > 0 && `For ${span(Math.round(cost.shared_seconds))} other tasks were in progress too; each has an even share.`,
    cost.start_seen === false && cost.since !== undefined && `Counted from ${since(cost.since, minute.value)}, when the service first saw it in progress.`,
    cost.unwatched_seconds !== undefined && `The service was not running for ${span(Math.round(cost.unwatched_seconds))} of it.`,
  ].filter(Boolean)
  return html`
    <h3>Cost</h3>
    <dl class="sheet-figures">
      <div><dt>CPU</dt><dd>${time(cost.cpu_seconds)}</dd></div>
      <div><dt>CI jobs</dt><dd title=${cost.ci_runs === undefined ? undefined : `of ${digits(cost.ci_runs)} runs`}>${time(cost.ci_job_seconds)}</dd></div>
      <div><dt>tokens</dt><dd>${tokens(cost)}</dd></div>
      <div><dt>money</dt><dd>${money(cost)}</dd></div>
      <div><dt>agent active</dt><dd>${time(cost.active_seconds)}</dd></div>
    </dl>
    ${words.length > 0 && html`<p class="quiet">${words.join(' ')}</p>`}`
}

/** @param {{ list: Array<{ id: string, task: Task|undefined }>, none: string }} props */
function Links({ list, none }) {
  if (list.length === 0) return html`<p class="quiet">${none}</p>`
  return html`
    <ul class="sheet-list">
      ${list.slice(0, SHOWN).map(({ id, task }) => html`
        <li key=${id}>${task ? html`<${Swatch} colour=${statusColour(task.status)} /><a class="link" href=${address('tasks', task.id, boardParams())}><span class="task-id">${id}</span> <bdi>${task.title || NO_TITLE}</bdi></a><span class="quiet">${statusWord(task.status)}</span>`
          : html`<${Mark} kind="warning" word="" /><span>${id} is not on the board</span>`}</li>`)}
      ${list.length > SHOWN && html`<li class="quiet">and ${count(list.length - SHOWN, 'more', 'more')}</li>`}
    </ul>`
}

/** @param {{ moves: Move[], loading: boolean }} props */
function History({ moves, loading }) {
  if (loading) return html`<div class="skeleton skeleton-line"></div>`
  if (moves.length === 0) return html`<p class="quiet">No move of it was seen. Each is noted from when the service watches the board.</p>`
  return html`
    <ol class="sheet-list">
      ${[...moves].reverse().slice(0, 2 * SHOWN).map((move) => html`
        <li key=${move.at}><${Swatch} colour=${statusColour(move.to)} /><span>${statusWord(move.from)} → <b>${statusWord(move.to)}</b></span>
          <span class="quiet">${since(move.at, minute.value)}, ${move.until === null ? `for ${age(minute.value - move.at)} so far` : `for ${span(Math.round(move.until - move.at))}`}</span></li>`)}
      ${moves.length > 2 * SHOWN && html`<li class="quiet">and ${count(moves.length - 2 * SHOWN, 'earlier move')}</li>`}
    </ol>`
}

/** @param {{ bars: Bar[] }} props when it was worked on */
function Commits({ bars }) {
  const repositories = ci.value.runs?.repositories ?? []
  const commits = commitsOf(repositories, bars, minute.value + 60)
  if (repositories.length === 0) return html`<p class="quiet">No repository is watched.</p>`
  if (commits.length === 0) return html`<p class="quiet">No commit had a run while it was worked on, as far as the newest runs tell.</p>`
  return html`
    <ul class="sheet-list">
      ${commits.slice(0, SHOWN).map((c) => html`<li key=${c.sha}>${c.url ? html`<a class="link" href=${c.url} rel="noreferrer" target="_blank"><code>${c.sha.slice(0, 7)}</code></a>` : html`<code>${c.sha.slice(0, 7)}</code>`}<bdi class="clipped" title=${c.title}>${c.title}</bdi></li>`)}
      ${commits.length > SHOWN && html`<li class="quiet">and ${count(commits.length - SHOWN, 'more commit')}</li>`}
    </ul>`
}
