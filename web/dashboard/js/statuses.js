/**
 * Task statuses and severities: their order, words, colours and shapes, the same everywhere.
 *
 * @import { Severity } from './types.js'
 */

/** In the order in which work moves; also the order of the stacked chart, from below. @type {Array<{ status: string, word: string, colour: string }>} */
export const STATUSES = [
  { status: 'done', word: 'done', colour: '--series-done' },
  { status: 'review', word: 'in review', colour: '--series-review' },
  { status: 'in-progress', word: 'in progress', colour: '--series-progress' },
  { status: 'pending', word: 'pending', colour: '--series-pending' },
  { status: 'blocked', word: 'blocked', colour: '--series-blocked' },
  { status: 'deferred', word: 'deferred', colour: '--series-deferred' },
  { status: 'cancelled', word: 'cancelled', colour: '--series-cancelled' },
]

/** @param {string} status */
export const statusRank = (status) => (STATUSES.findIndex((s) => s.status === status) + 1) || STATUSES.length + 1
/** @param {string} status */
export const statusWord = (status) => STATUSES.find((s) => s.status === status)?.word ?? status
/** @param {string} status */
export const statusColour = (status) => STATUSES.find((s) => s.status === status)?.colour ?? '--series-other'

/** @typedef {'ok'|'info'|'warning'|'error'|'critical'|'none'} Mark */

/** The mark of a severity: colour and shape together. @param {Severity} severity @returns {Mark} */
export function markOf(severity) {
  if (severity === 'warning' || severity === 'error' || severity === 'critical') return severity
  return 'info'
}

/** Whether an alert fires, or fired and is not known to have ended. @param {{ state: import('./types.js').AlertState }} alert */
export const isOn = ({ state }) => state === 'firing' || state === 'unknown'

/** How a CI run ended, in a word and by a mark; what GitHub may add one day is said in its own word. @type {Record<string, { word: string, mark: Mark }>} */
const CONCLUSIONS = {
  success: { word: 'succeeded', mark: 'ok' },
  failure: { word: 'failed', mark: 'error' },
  timed_out: { word: 'timed out', mark: 'error' },
  startup_failure: { word: 'could not start', mark: 'error' },
  cancelled: { word: 'was cancelled', mark: 'none' },
  skipped: { word: 'was skipped', mark: 'none' },
  neutral: { word: 'ended', mark: 'none' },
  stale: { word: 'was given up', mark: 'none' },
  action_required: { word: 'waits for somebody', mark: 'warning' },
}
/** @type {Record<string, string>} */
const UNDER_WAY = { in_progress: 'runs', queued: 'waits for a runner', waiting: 'waits', pending: 'waits', requested: 'waits' }

/** What became of a run, or where it is. @param {{ conclusion: string|null, status: string }} run */
export const runWord = ({ conclusion, status }) => (conclusion !== null
  ? CONCLUSIONS[conclusion]?.word ?? `ended: ${conclusion.replaceAll('_', ' ')}`
  : UNDER_WAY[status] ?? status.replaceAll('_', ' '))
/** @param {string|null} conclusion @returns {Mark} */
export const runMark = (conclusion) => (conclusion === null ? 'info' : CONCLUSIONS[conclusion]?.mark ?? 'none')
