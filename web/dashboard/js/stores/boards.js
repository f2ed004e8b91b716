/**
 * The Task Master boards as they are now, and which of them is in view.
 *
 * Asked from REST once the stream is open, after each reconnect, and soon after something moved on a board or its source changed.
 *
 * @import { Board, Tasks } from '../types.js'
 */
import { get } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { epoch, ready } from './connection.js'
import { onEvents } from './events.js'
import { past } from './past.js'
import { param } from './place.js'
import { onSamples } from './samples.js'
import { sourcesOf } from './status.js'

const SOON_MS = 250

/** What the service said last. @type {import('../../vendor/signals-core.js').Signal<{ tasks: Tasks|null, error: string|null }>} */
const told = signal({ tasks: null, error: null })
/** What is shown: that, or what was at the moment that is replayed. */
export const boards = signal(told.peek())
effect(() => {
  const { tasks, error } = told.value
  const was = past.value
  boards.value = was && tasks ? { tasks: { ...tasks, boards: tasks.boards.map(was.board) }, error } : told.value
})
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
const asked = signal(0)
/** The counts last seen in live samples, to notice a move. */
let seen = ''

/** Something may have changed. While nobody looks that is only noted. */
export function refreshBoards() {
  asked.value += 1
}

/** Starts listening; called once. */
export function followBoards() {
  effect(() => {
    asked.value
    epoch.value
    if (!ready.value) return
    clearTimeout(soon)
    soon = setTimeout(() => {
      get('/api/v1/tasks')
        .then((tasks) => { told.value = { tasks, error: null } })
        .catch((error) => { told.value = { tasks: told.peek().tasks, error: error.message } })
    }, told.peek().tasks ? SOON_MS : 0)
  })
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'taskmaster')) refreshBoards() })
  onSamples((series) => {
    const counts = series.filter((s) => s.metric.__name__ === 'taskmaster_tasks')
      .map((s) => `${s.metric.project}/${s.metric.tag}/${s.metric.status}=${s.values.at(-1)?.[1]}`).sort().join()
    if (counts && seen !== '' && counts !== seen) refreshBoards()
    if (counts) seen = counts
  })
  // A board that cannot be read any more sends no event.
  let states = ''
  effect(() => {
    const told = sourcesOf('task').map((s) => `${s.source} ${s.up} ${s.reason}`).join()
    if (told !== states && states !== '') untracked(refreshBoards)
    states = told
  })
}
