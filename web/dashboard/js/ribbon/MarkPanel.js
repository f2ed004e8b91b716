/**
 * What a mark of the ribbon stands for: of a task what it cost, of an agent, a run, a probe or an alert what became of it and where to read on.
 *
 * @import { Bar } from './lanes.js'
 * @import { Cost, Task } from '../types.js'
 */
import { count, DASH, digits, money, sentences, since, span } from '../format.js'
import { html, useEffect, useRef } from '../lib.js'
import { statusWord } from '../statuses.js'
import { NO_TITLE } from '../timeline.js'
import { board } from '../stores/boards.js'
import { ci } from '../stores/ci.js'
import { minute } from '../stores/pace.js'
import { address, logsAround, param } from '../stores/place.js'
import { spentToday } from '../stores/spent.js'
import { takenBy, takenWords } from '../tasks/taken.js'
import { commitsOf } from './commits.js'
import { timesOf } from './Labels.js'
import { lanes, markOf } from './model.js'

/** Commits that are listed. */
const MOST_COMMITS = 5
const PAGES = { tasks: 'Tasks', agents: 'Agents', ci: 'CI', application: 'Application', alerts: 'Alerts', status: 'Status' }

export function MarkPanel() {
  const opened = param('mark')
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  /** Opened by the reader here, not by an address that was followed. */
  const before = useRef(opened.value)
  useEffect(() => {
    if (opened.value !== before.current && opened.value) box.current?.querySelector('button')?.focus()
    before.current = opened.value
  }, [opened.value])
  if (!opened.value) return null
  const close = () => {
    opened.value = ''
    const ribbon = /** @type {HTMLElement|null} */ (document.querySelector('.ribbon'))
    ribbon?.focus()
  }
  const found = markOf(opened.value, lanes.value)
  const id = opened.value.startsWith('task ') ? opened.value.slice('task '.length) : null
  const task = id === null ? undefined : board.value?.items.find((i) => i.id === id)
  const title = task ? `Task ${task.id}` : found?.bar.title ?? 'Not in this time'
  return html`
    <section class="mark-panel" ref=${box} role="dialog" aria-label=${title} onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.stopPropagation(); close() } }}>
      <header class="panel-head"><h3><bdi>${title}</bdi></h3><button type="button" class="button" onClick=${close}>Close</button></header>
      ${task ? html`<${TaskFacts} task=${task} bars=${found?.lane.bars ?? []} usual=${found?.lane.usual ?? null} />` : found ? html`<${Facts} bar=${found.bar} />` : html`<p class="quiet">What this address names is not in the period in view.</p>`}
    </section>`
}

/** @param {{ bar: Bar }} props */
function Facts({ bar }) {
  const page = /** @type {keyof typeof PAGES} */ (bar.page)
  return html`
    <dl class="pairs"><dt>what</dt><dd><bdi>${bar.words}</bdi></dd><dt>when</dt><dd>${timesOf(bar, minute.value)}</dd></dl>
    <p class="mark-links"><a class="link" href=${address(page, bar.item)}>Open in ${PAGES[page]}</a>
      <a class="link" href=${logsAround('', bar.start, bar.end ?? minute.value)}>Logs of this time</a>
      ${bar.url && /^https?:/.test(bar.url) && html`<a class="link" href=${bar.url} target="_blank" rel="noreferrer">Where it ran</a>`}</p>`
}

/** A figure, or a dash that says why there is none. @param {string|false} text @param {string} why */
const or = (text, why) => text || html`<span class="figure-none" title=${why}>${DASH} <span class="quiet">${why}</span></span>`

/** @param {{ task: Task, bars: Bar[], usual: number|null }} props */
function TaskFacts({ task, bars, usual }) {
  const { cost } = task
  const taken = takenBy(task, minute.value)
  const tokens = Object.entries(cost?.tokens ?? {})
  const commits = commitsOf(ci.value.runs?.repositories ?? [], bars, minute.value + 60)
  const agent = 'no coding agent sends its metrics here'
  return html`
    <p class="mark-title"><bdi>${task.title || NO_TITLE}</bdi></p>
    <dl class="pairs">
      <dt>status</dt><dd>${statusWord(task.status)}${task.in_progress_since !== null && ` since ${since(task.in_progress_since, minute.value)}`}</dd>
      <dt>time</dt><dd>${or(taken !== null && takenWords(taken), 'its time was not seen')}${usual !== null && html` <span class="quiet">usual ${span(Math.round(usual))}</span>`}</dd>
      <dt>CPU</dt><dd>${or(cost?.cpu_seconds !== undefined && span(Math.round(cost.cpu_seconds)), 'the machine was not measured meanwhile')}</dd>
      <dt>CI</dt><dd>${or(cost?.ci_runs !== undefined && `${digits(cost.ci_runs)} ${cost.ci_runs === 1 ? 'run' : 'runs'}${cost.ci_job_seconds === undefined ? '' : `, ${span(Math.round(cost.ci_job_seconds))} of jobs`}`, 'CI is not watched')}</dd>
      <dt>tokens</dt><dd>${or(tokens.length > 0 && tokens.map(([kind, n]) => `${digits(n)} ${kind || 'tokens'}`).join(', '), agent)}</dd>
      <dt>money</dt><dd>${or(cost?.money !== undefined && money(cost.money, spentToday.value?.currency), agent)}</dd>
      <dt>commits</dt><dd>${commits.length === 0 ? or(false, 'no run of CI for a commit of that time') : html`
        <ul>${commits.slice(0, MOST_COMMITS).map((c) => html`<li key=${c.sha}>${c.url ? html`<a class="link" href=${c.url} target="_blank" rel="noreferrer"><code>${c.sha.slice(0, 7)}</code></a>` : html`<code>${c.sha.slice(0, 7)}</code>`} <bdi>${c.title}</bdi></li>`)}
          ${commits.length > MOST_COMMITS && html`<li class="quiet">and ${count(commits.length - MOST_COMMITS, 'more', 'more')}</li>`}</ul>`}</dd>
    </dl>
    <p class="quiet">${cost && sentences(notesOf(cost))}</p>
    <p class="mark-links"><a class="link" href=${address('tasks', task.id)}>Open in Tasks</a></p>`
}

/** What a reader must know of the figures. @param {Cost} cost */
const notesOf = (cost) => [
  'Figures of the whole machine and of all agents while the task was in progress',
  cost.shared_seconds > 0 && `Other tasks were in progress for ${span(Math.round(cost.shared_seconds))} of it: each has an even share`,
  cost.start_seen === false && cost.since !== undefined && `Counted from ${since(cost.since, minute.value)}, when the service first saw it in progress`,
  cost.unwatched_seconds !== undefined && `The service was not running for ${span(Math.round(cost.unwatched_seconds))} of it`,
].map((note) => note || null)
