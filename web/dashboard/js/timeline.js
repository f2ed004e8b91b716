/**
 * Events in words: what a reader is told of one, and how bad it is.
 *
 * Pure. The service's own titles are kept where there is nothing better to say.
 *
 * @import { Event as TimelineEvent } from './types.js'
 * @import { Mark } from './statuses.js'
 */
import { capital, quoted } from './format.js'
import { markOf, runMark, runWord, statusWord } from './statuses.js'

/** @typedef {Record<string, any>} Data */

/** `CI #812 on main`. @param {Data} data */
export const runName = (data) => `${quoted(String(data.workflow ?? 'Run'))}${data.number === undefined ? '' : ` #${data.number}`}`
  + `${data.attempt > 1 ? `, attempt ${data.attempt},` : ''}${data.branch ? ` on ${quoted(String(data.branch))}` : ''}`

/** What stands in the place of a title that a task does not have. */
export const NO_TITLE = 'no title'

/** `Task 7 Load test`, `Task 7, no title`. @param {string} id @param {unknown} title */
export const taskName = (id, title) => `Task ${quoted(id, 24)}${typeof title === 'string' && title !== '' ? ` ${quoted(title, 100)}` : `, ${NO_TITLE}`}`

/** What each kind says. Probes begin with the name of their target, which is not ours to capitalise. @type {Record<string, (event: TimelineEvent, data: Data) => string>} */
const KINDS = {
  task_status: ({ subject }, data) => `${taskName(subject, data.title)}: ${statusWord(String(data.from))} → ${statusWord(String(data.to))}`,
  run_started: (_, data) => `${runName(data)} started`,
  run_finished: (_, data) => `${runName(data)} ${runWord({ conclusion: String(data.conclusion), status: '' })}`,
  alert_firing: ({ title }) => `Alert: ${quoted(title, 200)}`,
  alert_resolved: ({ title }) => `Alert over: ${quoted(title, 200)}`,
  probe_down: ({ title }) => quoted(title, 200),
  probe_up: ({ title }) => quoted(title, 200),
  log_template_new: ({ title }) => quoted(title, 200),
  log_burst: ({ title }) => quoted(title, 200),
}

/** @param {TimelineEvent} event */
export function wordsOf(event) {
  const data = /** @type {Data} */ (event.data ?? {})
  return KINDS[event.kind]?.(event, data) ?? capital(quoted(event.title, 200))
}

/** How bad it is: a run that failed is, although the event only tells of it; an alert that is over is not. @param {TimelineEvent} event @returns {Mark} */
export function weightOf({ kind, severity, data }) {
  const conclusion = /** @type {Data} */ (data ?? {}).conclusion
  if (kind === 'run_finished' && runMark(String(conclusion)) === 'error') return 'error'
  return kind === 'alert_resolved' ? 'info' : markOf(severity)
}
