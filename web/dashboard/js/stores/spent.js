/**
 * What coding agents cost since midnight, or between midnight and the moment that is replayed, as their own metrics say, and the budget of
 * that day; asked once a minute while a page that shows it is in view.
 *
 * @import { Budget, Spent } from '../types.js'
 */
import { get } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { readTime } from '../period.js'
import { serverTime } from './clock.js'
import { epoch } from './connection.js'
import { minute } from './pace.js'
import { askedMoment } from './past.js'
import { pageName, utc } from './place.js'

/** Null until it is known. @type {import('../../vendor/signals-core.js').Signal<Spent|null>} */
export const spentToday = signal(null)

/** The budget of what is spent since midnight; null where there is none. @type {import('../../vendor/signals-core.js').Signal<Budget|null>} */
export const budgetToday = signal(null)

/**
 * The smallest budget of the day that begins at a time, of coding agents alone: what else it counts is not in what they cost.
 *
 * @param {Budget[]} budgets @param {number} start @param {string|null} currency
 */
export function budgetOf(budgets, start, currency) {
  const fits = budgets.filter((b) => b.per === 'day' && b.project === null && b.tag === null && b.of.join() === 'agents' && b.start !== null && Math.abs(b.start - start) < 1 && (currency === null || b.currency === currency))
  return fits.reduce((least, b) => (least === null || b.limit < least.limit ? b : least), /** @type {Budget|null} */ (null))
}

/** The pages that show it: on others it is not asked for. */
const PAGES = ['now', 'tasks']
const shown = computed(() => PAGES.includes(pageName.value))

let turn = 0

async function ask() {
  const mine = ++turn
  const past = untracked(() => askedMoment.value)
  const end = past ?? serverTime()
  const start = readTime('today', end, untracked(() => utc.value)) ?? end
  const spent = await get('/api/v1/costs', { start, end }).catch(() => null)
  // Money stands beside its budget; nobody kept which budgets there were.
  const asks = past === null && spent !== null && spent.money !== null
  const budgets = asks ? await get('/api/v1/budgets').catch(() => null) : []
  // An older answer must not replace a newer one; what was known stays while the service cannot be asked.
  if (mine !== turn) return
  if (spent) spentToday.value = spent
  if (spent && budgets) budgetToday.value = budgetOf(budgets, start, spent.currency)
}

/** Starts asking; called once. */
export function followSpent() {
  effect(() => {
    minute.value
    utc.value
    askedMoment.value
    if (shown.value && epoch.value > 0 && document.visibilityState === 'visible') untracked(ask)
  })
}
