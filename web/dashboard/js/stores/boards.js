/**
 * The Task Master boards as they are now, and which of them is in view.
 *
 * Asked from REST once the stream is open, after each reconnect, and soon after something moved on a board or its source changed.
 *
 * @import { Board, Tasks } from '../types.js'
 */
import { computed, effect, signal, untracked } from '../lib.js'
import { isOwn } from '../own.js'
import { shareTasks } from '../share.js'
import { onEvents } from './events.js'
import { past } from './past.js'
import { param } from './place.js'
import { refreshed } from './refreshed.js'
import { onSamples } from './samples.js'
import { sourcesOf } from './status.js'

const { told, refresh, follow } = refreshed('/api/v1/tasks', shareTasks)
/** What is shown: what the service said last, or what was at the moment that is replayed. */
export const boards = signal(/** @type {{ tasks: Tasks|null, error: string|null }} */ ({ tasks: null, error: null }))
effect(() => {
  const { data, error } = told.value
  const was = past.value
  boards.value = { tasks: was && data ? { ...data, boards: data.boards.map(was.board) } : data, error }
})
/** Something may have changed. */
export const refreshBoards = refresh
/** `project/tag` that the reader chose, in the address; empty follows the tag that is current in the project. */
export const chosenBoard = param('board')

/** @param {Board} board */
export const boardKey = (board) => `${board.project}/${board.tag}`

/** The board in view. */
export const board = computed(() => {
  const list = boards.value.tasks?.boards ?? []
  return list.find((b) => boardKey(b) === chosenBoard.value) ?? list.find((b) => b.current) ?? list[0] ?? null
})

/** The counts last seen in live samples, to notice a move. */
let seen = ''

/** Starts listening; called once. */
export function followBoards() {
  follow()
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'taskmaster')) refreshBoards() })
  onSamples((series) => {
    const counts = series.filter((s) => s.metric.__name__ === 'taskmaster_tasks' && isOwn(s.metric))
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
