/**
 * What coding agents cost since midnight, or between midnight and the moment that is replayed, as their own metrics say; asked once a minute
 * while the page is in view.
 *
 * @import { Spent } from '../types.js'
 */
import { get } from '../api.js'
import { effect, signal, untracked } from '../lib.js'
import { readTime } from '../period.js'
import { serverTime } from './clock.js'
import { epoch } from './connection.js'
import { minute } from './pace.js'
import { askedMoment } from './past.js'
import { utc } from './place.js'

/** Null until it is known. @type {import('../../vendor/signals-core.js').Signal<Spent|null>} */
export const spentToday = signal(null)

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
    if (epoch.value > 0 && document.visibilityState === 'visible') untracked(ask)
  })
}
