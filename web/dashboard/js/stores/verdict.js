/**
 * How things are, in one line: fine or not, the work under way, how far it is, when it will be done, what it cost today.
 *
 * @import { Board } from '../types.js'
 */
import { clockTime, count, day, digits } from '../format.js'
import { computed } from '../lib.js'
import { board } from './boards.js'
import { now } from './clock.js'
import { doubt, failures, firing, needed } from './needs.js'

/** @typedef {'ok'|'warning'|'error'|'critical'|'unknown'} State */

/** The worst of what needs the reader. @returns {State} */
function worst() {
  if (needed.value === 0) return doubt.value ? 'unknown' : 'ok'
  const severities = [...failures.value.map((f) => f.mark), ...firing.value.map((a) => a.severity)]
  return severities.includes('critical') ? 'critical' : severities.includes('error') ? 'error' : 'warning'
}

const WORDS = { ok: 'Fine', warning: 'Needs a look', error: 'Something is wrong', critical: 'Something is badly wrong', unknown: 'Not known' }

export const verdict = computed(() => {
  const state = worst()
  return { state, words: state === 'unknown' ? doubt.value ?? WORDS.unknown : WORDS[state], facts: board.value ? factsOf(board.value) : [] }
})

/** @param {Board} shown */
function factsOf(shown) {
  const { tasks, forecast } = shown
  const all = Object.values(tasks).reduce((sum, n) => sum + n, 0) - (tasks.cancelled ?? 0)
  const working = (tasks['in-progress'] ?? 0) + (tasks.review ?? 0)
  const spent = spentToday(shown)
  return [
    working > 0 ? `${count(working, 'task')} in progress` : 'no task in progress',
    all > 0 && `${tasks.done ?? 0} of ${all} done`,
    all > 0 && all === tasks.done ? 'all done' : forecast && !('missing' in forecast) && forecast.p50 !== null && doneAbout(forecast.p50, forecast.p95),
    spent !== null && `${digits(spent)} spent this week`,
  ].filter((fact) => typeof fact === 'string')
}

/** @param {number} p50 @param {number|null} p95 */
function doneAbout(p50, p95) {
  const today = day(p50) === day(now.peek())
  const when = today ? clockTime(p50) : day(p50)
  const latest = p95 === null ? 'open end' : `95 % by ${day(p95) === day(p50) && today ? clockTime(p95) : day(p95)}`
  return `done about ${when} (${latest})`
}

/** Money of the newest week; none where no agent tells of any. @param {Board} shown */
function spentToday(shown) {
  const weeks = Object.entries(shown.cost_by_week ?? {}).sort(([a], [b]) => a.localeCompare(b))
  const newest = weeks[weeks.length - 1]
  return newest?.[1].money ?? null
}
