/**
 * What the page of tasks says of a board: its columns, what a filter finds, the history of a task.
 *
 * Pure.
 *
 * @import { Board, Event as TimelineEvent, Task } from '../types.js'
 */
import { statusRank, statusWord } from '../statuses.js'

/** What is worked on first, then what waits, then what is over. @type {Record<string, number>} */
const ORDER = { 'in-progress': 0, review: 1, blocked: 2, pending: 3, done: 4, deferred: 5, cancelled: 6 }
/** These have a column even without a task: a board without work in progress says so. */
const ALWAYS = ['in-progress', 'pending', 'done']

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

/**
 * @typedef {{ from: string, to: string, at: number, until: number|null }} Move  `until`: when the next move came, null for the last
 */

/** The moves of a task, oldest first. @param {TimelineEvent[]} events @param {Board} board @param {string} id @returns {Move[]} */
export function movesOf(events, board, id) {
  const moves = events.filter((e) => e.kind === 'task_status' && e.subject === id && e.data?.project === board.project && e.data?.tag === board.tag)
    .sort((a, b) => a.time - b.time)
  return moves.map((e, i) => ({ from: String(e.data.from), to: String(e.data.to), at: e.time, until: moves[i + 1]?.time ?? null }))
}
