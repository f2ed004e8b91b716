/**
 * What coding agents cost since midnight, or between midnight and the moment that is replayed, as their own metrics say; asked once a minute
 * while a page that shows it is in view.
 *
 * @import { Spent } from '../types.js'
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

/** The pages that show it: on others it is not asked for. */
const PAGES = ['now', 'tasks']
const shown = computed(() => PAGES.includes(pageName.value))

let turn = 0

async function ask() {
  const mine = ++turn
  const end = untracked(() => askedMoment.value) ?? serverTime()
  const start = readTime('today', end, untracked(() => utc.value)) ?? end
  const spent = await get('/api/v1/costs', { start, end }).catch(() => null)
  // An older answer must not replace a newer one; what was known stays while the service cannot be asked.
  if (mine === turn && spent) spentToday.value = spent
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
