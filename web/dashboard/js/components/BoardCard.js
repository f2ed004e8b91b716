/**
 * BOARD: how far the work is, what is worked on, what could be started, what holds it up, when it will be done.
 *
 * @import { Board, Forecast } from '../types.js'
 */
import { between, capital, count, DASH, day, percent, sentences, since } from '../format.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { statusColour, statusRank, statusWord } from '../statuses.js'
import { board, boardKey, boards, chosenBoard, refreshBoards } from '../stores/boards.js'
import { minute } from '../stores/pace.js'
import { address } from '../stores/place.js'
import { sourcesOf } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'

export function BoardCard() {
  const { tasks, error } = boards.value
  const shown = board.value
  const face = shown ? 'data' : tasks ? 'empty' : error ? 'error' : 'loading'
  const source = sourcesOf('task')[0]
  const hint = sentences([capital(tasks?.sources.find((x) => !x.up)?.reason ?? source?.reason), capital(source?.hint)])
  return html`
    <${Panel} title="Board" kind="card" name="board" face=${face} error=${error} retry=${refreshBoards}
      note=${shown && html`<${Chooser} list=${tasks?.boards ?? []} shown=${shown} />`} aside=${shown && html`<${Trouble} board=${shown} />`}
      empty=${html`<p>${hint || 'No Task Master board here. Run the service in a project that has a .taskmaster folder.'}</p>`}>
      ${shown && html`<${Shown} board=${shown} />`}
    <//>`
}

/** @param {{ list: Board[], shown: Board }} props */
function Chooser({ list, shown }) {
  const many = new Set(list.map((b) => b.project)).size > 1
  /** @param {Board} b */
  const name = (b) => (many ? `${b.project} · ${b.tag}` : b.tag)
  if (list.length < 2) return html`<bdi>${name(shown)}</bdi>`
  return html`
    <select class="chooser" aria-label="Board" value=${boardKey(shown)} onChange=${(/** @type {any} */ e) => { chosenBoard.value = e.target.value }}>
      ${list.map((b) => html`<option key=${boardKey(b)} value=${boardKey(b)}>${name(b)}${b.current ? ' (current)' : ''}</option>`)}
    </select>`
}

/** Why its figures are old. @param {{ board: Board }} props */
function Trouble({ board: { up, reason } }) {
  return !up && html`<span class="card-trouble" title=${reason ?? 'No reason is known'}><${Mark} kind="error" word="" /> cannot be read</span>`
}

/** @param {{ board: Board }} props */
function Shown({ board: shown }) {
  const counts = Object.entries(shown.tasks).filter(([, n]) => n > 0).sort(([a], [b]) => statusRank(a) - statusRank(b))
  const all = counts.reduce((sum, [, n]) => sum + n, 0)
  // As the share beside it has it: what was cancelled is no longer to be done.
  const wanted = all - (shown.tasks.cancelled ?? 0)
  const labels = `project=${JSON.stringify(shown.project)},tag=${JSON.stringify(shown.tag)}`
  /** @param {string} metric */
  const series = (metric) => `${metric}{${labels}}`
  const working = shown.items.filter((item) => item.status === 'in-progress')
  const cycle = shown.cycle ? `Dependencies go in a circle: ${shown.cycle.join(' → ')}` : ''
  return html`
    <div class="board" data-board=${boardKey(shown)}>
      <${Row} name="done" metric="taskmaster_completion_ratio" figure=${html`<${Figure} value=${shown.completion_ratio} unit="ratio" series=${series('taskmaster_completion_ratio')} label="Share of tasks done" why="There is no task to divide by." />`}
        detail=${html`<span title=${wanted < all ? `not counting ${all - wanted} cancelled` : ''}>${shown.tasks.done ?? 0} of ${wanted}</span>`} spark=${all > 0 && html`<${Bar} counts=${counts} all=${all} />`} />
      <${Row} name="in progress" figure=${html`<${Figure} value=${shown.tasks['in-progress'] ?? 0} unit="count" series=${`taskmaster_tasks{${labels},status="in-progress"}`} label="Tasks in progress" />`}
        detail=${working.length > 0 ? html`<a href=${address('tasks', working[0].id)} title=${working[0].title}>${working[0].id} <bdi>${working[0].title}</bdi></a>` : 'none'} />
      <${Row} name="ready" figure=${html`<${Figure} value=${shown.ready_tasks} unit="count" series=${series('taskmaster_ready_tasks')} label="Tasks ready to start" />`}
        detail=${`of ${count(shown.queue_depth, 'pending task')}`} />
      <${Row} name="chain" trouble=${cycle} figure=${html`<${Figure} value=${shown.critical_path_tasks} unit="count" series=${series('taskmaster_critical_path_tasks')} label="Longest chain of open tasks" why=${cycle || 'No task is open.'} />`}
        detail=${cycle || 'open tasks in a row'} />
      <${DoneBy} forecast=${shown.forecast} />
    </div>`
}

/** When no task will be open, or why nobody can tell. @param {{ forecast: Forecast|null }} props */
function DoneBy({ forecast }) {
  if (!forecast || 'missing' in forecast || forecast.p50 === null) {
    const why = !forecast ? 'nothing was seen yet' : 'missing' in forecast ? forecast.missing : 'at the pace of late it is too far away to tell'
    return html`<${Row} name="finish" figure=${html`<span class="figure-none" title=${why}>${DASH}</span>`} detail=${html`<span title=${why}>${why}</span>`} />`
  }
  const { p5, p50, p95 } = forecast
  const now = minute.value
  const when = day(p50) === day(now) ? since(p50, now) : day(p50)
  const range = p95 === null ? 'the end is open' : p5 === null ? `95 % by ${since(p95, now)}` : between(p5, p95, now)
  return html`<${Row} name="finish" figure=${html`<a class="figure" href=${address('tasks')} title=${`Half of the trials of a simulation were through by ${since(p50, now)}`}>${when}</a>`} detail=${html`<span title=${p5 === null ? 'of the trials of a simulation' : `9 of 10 trials end within ${range}`}>${range}</span>`} />`
}

/** Tasks by status. @param {{ counts: Array<[string, number]>, all: number }} props */
function Bar({ counts, all }) {
  const words = counts.map(([name, n]) => `${n} ${statusWord(name)} (${percent(n / all)})`).join(', ')
  return html`<span class="bar" role="img" aria-label=${words} title=${words}>${counts.map(([name, n]) => html`<${Part} key=${name} status=${name} n=${n} />`)}</span>`
}

/** @param {{ status: string, n: number }} props */
function Part({ status: name, n }) {
  const part = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!part.current) return
    part.current.style.background = `var(${statusColour(name)})`
    part.current.style.flexGrow = String(n)
  }, [name, n])
  return html`<i ref=${part} data-status=${name} data-count=${n}></i>`
}
