/**
 * How long a task has taken, the same figure wherever it stands, and since when that is known.
 *
 * Pure.
 *
 * @import { Task } from '../types.js'
 * @typedef {{ seconds: number, least: boolean, from: number|null }} Taken  `least`: it may have taken longer, since not all of it was watched; `from`: since when it was
 */
import { span } from '../format.js'

/** @param {Task} task @param {number} now Unix seconds @returns {Taken|null} null where nothing of it was seen */
export function takenBy({ status, in_progress_since: started, execution_seconds: whole, cost }, now) {
  if (status !== 'in-progress' && status !== 'review') return whole === null ? null : { seconds: whole, least: false, from: null }
  const from = started ?? (cost?.start_seen === false && whole === null ? cost.since ?? null : null)
  if (from === null) return null
  const unwatched = cost?.unwatched_seconds ?? 0
  // To the minute, at which the page looks again.
  const seconds = Math.max(60, Math.round((now - from - unwatched) / 60) * 60)
  return { seconds, least: started === null || unwatched > 0, from }
}

/** `at least 5 m`. @param {Taken} taken */
export const takenWords = ({ seconds, least }) => `${least ? 'at least ' : ''}${span(Math.round(seconds))}`
