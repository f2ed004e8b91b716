/**
 * How things are, in one line: fine or not, agents that wait or work, the work under way, how far it is, when it will be done, what it cost today.
 *
 * A part that is not known is left out. Nothing good is said while the service does not know, or while nobody can ask it.
 *
 * @import { Board, Budget } from '../types.js'
 */
import { between, count, money, quoted, since } from '../format.js'
import { computed } from '../lib.js'
import { agentsNow } from './agents.js'
import { board } from './boards.js'
import { minute } from './pace.js'
import { causes, doubt, needed, outOfDate } from './needs.js'
import { budgetToday, spentToday } from './spent.js'

/** @typedef {'ok'|'warning'|'error'|'critical'|'unknown'} State */
/** @typedef {{ key: string, words: string, title: string, page: string }} Fact  `page`: where it is told at length */

/** The worst of what needs the reader. */
export const state = computed(() => {
  if (outOfDate.value) return 'unknown'
  if (needed.value === 0) return doubt.value ? 'unknown' : 'ok'
  const worst = causes.value.some((c) => c.mark === 'critical') ? 'critical' : causes.value.some((c) => c.mark === 'error') ? 'error' : 'warning'
  return /** @type {State} */ (worst)
})

/** What agents wait for, where nothing else needs the reader: then it is the verdict. */
const onlyAgents = computed(() => (state.value === 'warning' && causes.value.every((cause) => cause.page === 'agents') ? agentsNow.value.fact?.waits ?? '' : ''))

/** The verdict itself: words, and the page that says why. */
const words = computed(() => {
  const old = outOfDate.value
  if (old) return old.at === null ? old.words : `${old.words}, as of ${since(old.at, minute.value)}`
  if (state.value === 'ok') return 'Fine'
  if (onlyAgents.value) return onlyAgents.value
  return state.value === 'unknown' ? doubt.value ?? 'Not known' : `${count(needed.value, 'thing')} ${needed.value === 1 ? 'needs' : 'need'} you`
})

export const verdict = computed(() => ({
  state: state.value,
  words: words.value,
  page: onlyAgents.value ? 'agents' : state.value === 'ok' || state.value === 'unknown' ? 'status' : 'alerts',
  facts: [...(onlyAgents.value ? [] : agentFacts.value), ...factsOf(board.value, spentToday.value, minute.value, budgetToday.value)],
}))

/** Who waits for the reader, or how many agents are at work. @type {import('../../vendor/signals-core.js').ReadonlySignal<Fact[]>} */
const agentFacts = computed(() => {
  const { fact } = agentsNow.value
  return fact ? [{ key: 'agents', words: fact.words, title: fact.title, page: 'agents' }] : []
})

/** What is known of the work. @param {Board|null} shown @param {{ money: number|null, currency: string|null }|null} spent @param {number} now @param {Budget|null} [budget] of the day @returns {Fact[]} */
export function factsOf(shown, spent, now, budget = null) {
  /** @type {Fact[]} */
  const facts = []
  if (shown) {
    const { tasks, forecast } = shown
    const all = Object.values(tasks).reduce((sum, n) => sum + n, 0) - (tasks.cancelled ?? 0)
    const [working, inReview] = [tasks['in-progress'] ?? 0, tasks.review ?? 0]
    const done = tasks.done ?? 0
    const progress = working > 0 ? `${count(working, 'task')} in progress` : 'no task in progress'
    facts.push({ key: 'working', words: inReview > 0 ? `${progress}, ${inReview} in review` : progress, title: 'Tasks that are worked on', page: 'tasks' })
    if (all > 0) facts.push({ key: 'done', words: done === all ? `all ${count(all, 'task')} done` : `${done} of ${all} done`, title: tasks.cancelled ? `not counting ${tasks.cancelled} cancelled` : 'Tasks done', page: 'tasks' })
    if (forecast && !('missing' in forecast) && forecast.p50 !== null) facts.push({ key: 'forecast', words: doneAbout(forecast, now), title: forecastTitle(forecast), page: 'tasks' })
  }
  if (spent && spent.money !== null) {
    const most = budget ? ` of ${money(budget.limit, budget.currency)}` : ''
    const title = 'What coding agents say they cost since midnight'
    facts.push({ key: 'money', words: `${money(spent.money, spent.currency)}${most} today`, title: budget ? `${title}; the budget is ${quoted(budget.name)}` : title, page: 'tasks' })
  }
  return facts
}

/** @typedef {Exclude<import('../types.js').Forecast, { missing: string }>} Known */

/** `done about 21:40 (20:50–23:10)`. @param {Known} forecast @param {number} now */
function doneAbout({ p5, p50, p95 }, now) {
  const late = p95 === null ? 'the end is open' : p5 === null ? `95 % by ${since(p95, now)}` : between(p5, p95, now)
  return `done about ${since(/** @type {number} */ (p50), now)} (${late})`
}

/** @param {Known} forecast of a past time its basis is not known */
function forecastTitle({ p5, completions, watched_days: days }) {
  const what = p5 === null ? 'Half of the trials of a simulation end by then.' : '9 of 10 trials of a simulation end within the brackets.'
  return completions === null ? what : `${what} It draws from ${count(completions, 'completion')} in ${count(Math.max(1, Math.round(days)), 'day')}.`
}
