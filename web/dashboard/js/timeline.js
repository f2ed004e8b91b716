/**
 * Events in words: what a reader is told of one, and how bad it is.
 *
 * Pure. The service's own titles are kept where there is nothing better to say.
 *
 * @import { Event as TimelineEvent } from './types.js'
 * @import { Mark } from './statuses.js'
 */
import { markOf, statusWord } from './statuses.js'

const FAILED = new Set(['failure', 'timed_out', 'startup_failure'])

/** @param {TimelineEvent} event */
export function wordsOf({ kind, subject, title, data }) {
  const known = /** @type {Record<string, unknown>} */ (data ?? {})
  if (kind === 'task_status') return `Task ${subject} ${typeof known.title === 'string' ? known.title : ''}`.trim() + `: ${statusWord(String(known.from))} → ${statusWord(String(known.to))}`
  return title.charAt(0).toUpperCase() + title.slice(1)
}

/** How bad it is: a run that failed is, although the event only tells of it. @param {TimelineEvent} event @returns {Mark} */
export function weightOf({ kind, severity, data }) {
  const conclusion = /** @type {Record<string, unknown>} */ (data ?? {}).conclusion
  if (kind === 'run_finished' && FAILED.has(String(conclusion))) return 'error'
  return markOf(severity)
}
