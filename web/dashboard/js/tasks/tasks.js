/**
 * What the page of tasks says of a board: its columns, what a filter finds, the history of a task, the usual time, commits.
 *
 * Pure.
 *
 * @import { Board, CiRepository, CiRun, Event as TimelineEvent, Task } from '../types.js'
 */
import { statusRank, statusWord } from '../statuses.js'

/** What is worked on first, then what waits, then what is over. @type {Record<string, number>} */
const ORDER = { 'in-progress': 0, review: 1, blocked: 2, pending: 3, done: 4, deferred: 5, cancelled: 6 }
/** These have a column even without a task: a board without work in progress says so. */
const ALWAYS = ['in-progress', 'pending', 'done']
/** Figures of fewer tasks are not called usual. */
const LEAST_USUAL = 3

/** @param {string} status */
const order = (status) => ORDER[status] ?? 7 + statusRank(status)

/** The board as columns, one a status. @param {Task[]} items @returns {Array<{ status: string, items: Task[] }>} */
export function columns(items) {
  /** @type {Map<string, Task[]>} */
  const found = new Map(ALWAYS.map((status) => [status, []]))
  for (const item of items) {
    const held = found.get(item.status)
    if (held) held.push(item)
    else found.set(item.status, [item])
  }
  return [...found].sort(([a], [b]) => order(a) - order(b)).map(([status, list]) => ({ status, items: sorted(status, list) }))
}

/** What can be started first; what was done last first; else as the board has it. @param {string} status @param {Task[]} list */
function sorted(status, list) {
  if (status === 'pending') return [...list.filter((i) => i.ready), ...list.filter((i) => !i.ready)]
  if (status === 'done' || status === 'cancelled') return [...list].sort((a, b) => (b.updated_at ?? 0) - (a.updated_at ?? 0))
  return list
}

/** Tasks that have each word in their number, title, status or priority. @param {Task[]} items @param {string} text */
export function filtered(items, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return items
  return items.filter((i) => {
    const said = `${i.id} ${i.title} ${statusWord(i.status)} ${i.priority} ${i.ready ? 'ready' : ''}`.toLowerCase()
    return words.every((word) => said.includes(word))
  })
}

/** The median time in which tasks of the board were done; null where too few were seen. @param {Task[]} items */
export function usualTime(items) {
  const times = items.flatMap((i) => (i.execution_seconds === null ? [] : [i.execution_seconds])).sort((a, b) => a - b)
  return times.length < LEAST_USUAL ? null : times[times.length >> 1]
}

/**
 * @typedef {{ from: string, to: string, at: number, until: number|null }} Move  `until`: when the next move came, null for the last
 */

/** The moves of a task, oldest first. @param {TimelineEvent[]} events @param {Board} board @param {string} id @returns {Move[]} */
export function movesOf(events, board, id) {
  const moves = events.filter((e) => e.kind === 'task_status' && e.subject === id && e.data?.project === board.project && e.data?.tag === board.tag)
    .sort((a, b) => a.time - b.time)
  return moves.map((e, i) => ({ from: String(e.data.from), to: String(e.data.to), at: e.time, until: moves[i + 1]?.time ?? null }))
}

/** When a task was worked on, by what was seen. @param {Move[]} moves @param {Task} item @returns {Array<[number, number]>} */
export function workedOn(moves, item) {
  /** @type {Array<[number, number]>} */
  const times = moves.filter((m) => m.to === 'in-progress' || m.to === 'review').map((m) => [m.at, m.until ?? Infinity])
  const since = item.in_progress_since ?? (item.status === 'in-progress' || item.status === 'review' ? item.cost?.since : undefined)
  if (times.length === 0 && since !== undefined && since !== null) times.push([since, Infinity])
  return times
}

/** @typedef {{ sha: string, repo: string, title: string, branch: string, at: number, runs: CiRun[] }} Commit */

/** Commits whose runs began while a task was worked on, newest first. @param {CiRepository[]} repositories @param {Array<[number, number]>} times @returns {Commit[]} */
export function commitsOf(repositories, times) {
  /** @type {Map<string, Commit>} */
  const found = new Map()
  for (const { repo, runs } of repositories) {
    for (const run of runs) {
      if (run.sha === '' || !times.some(([from, to]) => run.created >= from && run.created <= to)) continue
      const held = found.get(`${repo} ${run.sha}`)
      if (held) held.runs.push(run)
      else found.set(`${repo} ${run.sha}`, { sha: run.sha, repo, title: run.title, branch: run.branch, at: run.created, runs: [run] })
    }
  }
  return [...found.values()].sort((a, b) => b.at - a.at)
}
