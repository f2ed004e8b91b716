/**
 * Figures of sessions in cells: a dash that says why where there is none.
 */
import { DASH } from '../format.js'
import { html } from '../lib.js'
import { boardKey, boards } from '../stores/boards.js'
import { address } from '../stores/place.js'
import { howWords, WHY } from './words.js'

/** @param {string} why */
export const none = (why) => html`<span class="figure-none" title=${why}>${DASH}<span class="unseen"> ${why}</span></span>`

/** What there is, or why there is nothing. @param {any} value null or undefined: it is not known @param {keyof typeof WHY} why @param {(value: any) => any} [write] */
export const or = (value, why, write = (/** @type {any} */ v) => v) => (value === null || value === undefined || value === '' ? none(WHY[why]) : write(value))

/** The board that a task is on, where it can be this one only: agents may say no project, or no tag. @param {{ project: string, tag: string, id: string }} task */
function boardOf({ project, tag, id }) {
  const fits = (boards.value.tasks?.boards ?? []).filter((b) => (!project || b.project === project) && (!tag || b.tag === tag) && b.items.some((item) => item.id === id))
  return fits.length === 1 ? fits[0] : undefined
}

/** A task, leading to it. @param {{ project: string, tag: string, id: string }} task @param {string} [title] what is said of it */
export function taskLink(task, title = '') {
  const board = boardOf(task)
  const name = board?.items.find((item) => item.id === task.id)?.title ?? ''
  const of = /** @type {Record<string, string>} */ (board ? { board: boardKey(board) } : {})
  return html`<a class="link" key=${`${task.project}/${task.tag}/${task.id}`} href=${address('tasks', task.id, of)} title=${[name, title].filter(Boolean).join(' · ') || undefined}><span class="task-id">${task.id}</span>${name && html` <bdi>${name}</bdi>`}</a>`
}

/** What a list has room for. */
const MOST_TASKS = 3

/** The tasks of a session, with how they are known where it did not say it itself. @param {{ tasks: import('../types.js').AgentTask[] }} props */
export function Tasks({ tasks }) {
  const [first] = tasks
  if (!first) return none(WHY.task)
  const more = tasks.length - MOST_TASKS
  return html`<span class="agent-tasks"><span class="agent-tasks-names">${tasks.slice(0, MOST_TASKS).map((task, i) => html`${i > 0 && ', '}${taskLink(task, howWords(task.how))}`)}${more > 0 && ` and ${more} more`}</span>${first.how !== 'exact' && html` <span class="tag" title=${howWords(first.how)}>${first.how === 'shared' ? 'shared' : 'by time'}</span>`}</span>`
}
