/**
 * The Task Master boards as they are now, and which of them is in view.
 *
 * Asked from REST at the start, after each reconnect, and soon after something moved on a board; now and then
 * besides, because a board that cannot be read any more sends no event.
 *
 * @import { Board, Tasks } from '../types.js'
 */
import { get } from '../api.js'
import { computed, effect, signal } from '../lib.js'
import { epoch } from './connection.js'
import { onEvents } from './events.js'
import { param } from './place.js'
import { onSamples } from './samples.js'

const SOON_MS = 250
const NOW_AND_THEN_MS = 30_000

/** @type {import('../../vendor/signals-core.js').Signal<{ tasks: Tasks|null, error: string|null }>} */
export const boards = signal({ tasks: null, error: null })
/** `project/tag` that the reader chose, in the address; empty follows the tag that is current in the project. */
export const chosenBoard = param('board')

/** @param {Board} board */
export const boardKey = (board) => `${board.project}/${board.tag}`

/** The board in view. */
export const board = computed(() => {
  const list = boards.value.tasks?.boards ?? []
  return list.find((b) => boardKey(b) === chosenBoard.value) ?? list.find((b) => b.current) ?? list[0] ?? null
})

/** @type {ReturnType<typeof setTimeout>|undefined} */
let soon
/** The counts last seen in live samples, to notice a move. */
let seen = ''

export function refreshBoards() {
  clearTimeout(soon)
  soon = setTimeout(() => {
    get('/api/v1/tasks')
      .then((tasks) => { boards.value = { tasks, error: null } })
      .catch((error) => { boards.value = { tasks: boards.peek().tasks, error: error.message } })
  }, boards.peek().tasks ? SOON_MS : 0)
}

/** Starts listening; called once. */
export function followBoards() {
  effect(() => { if (epoch.value > 0) refreshBoards() })
  refreshBoards()
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'taskmaster')) refreshBoards() })
  onSamples((series) => {
    const counts = series.filter((s) => s.metric.__name__ === 'taskmaster_tasks')
      .map((s) => `${s.metric.project}/${s.metric.tag}/${s.metric.status}=${s.values.at(-1)?.[1]}`).sort().join()
    if (counts && counts !== seen) {
      seen = counts
      refreshBoards()
    }
  })
  setInterval(refreshBoards, NOW_AND_THEN_MS)
}
