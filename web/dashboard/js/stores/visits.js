/**
 * Since when the reader has been away: kept in this browser for all its tabs. What happened meanwhile comes from the service.
 *
 * A visit ends when the page is hidden or left. A tab that was never in view was no visit. Who was away for less than a minute, or
 * loads the page anew, still sees what was told before.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 * @typedef {{ from: number, left: number }} Visit  what happened after `from` was told, until the page was left
 */
import { errorText } from '../api.js'
import { summary } from '../away.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { replayed, serverTime } from './clock.js'
import { epoch } from './connection.js'
import { eventsSince } from './events.js'
import { minute } from './pace.js'

const KEY = 'taskpulse.visit'
/** Who was away for less has missed nothing. */
const SHORTEST_S = 60
/** What is older is history, not news. */
const LONGEST_S = 7 * 86_400
/** The service gives no more events at once. */
const MOST_EVENTS = 1000

/** From when on news are told, on the service's clock; null on a first visit, or before the page was in view. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const lastSeen = signal(null)
/** Whether this is the first visit of this browser. */
export const firstVisit = signal(false)
/** What happened since; null until it is known. @type {import('../../vendor/signals-core.js').Signal<TimelineEvent[]|null>} */
const missed = signal(null)
/** Why it is not known. @type {import('../../vendor/signals-core.js').Signal<string|null>} */
export const unknown = signal(null)
/** Whether more happened than can be told. */
export const cut = computed(() => (missed.value?.length ?? 0) >= MOST_EVENTS)

/** It, in few lines, in a replay up to its moment; null until it is known. */
export const news = computed(() => {
  const at = replayed.value
  return missed.value && summary(at === null ? missed.value : missed.value.filter((e) => e.time <= at), minute.value)
})

/** @returns {Visit|null} */
function remembered() {
  try {
    const { from, left } = JSON.parse(localStorage.getItem(KEY) ?? '{}')
    return Number.isFinite(from) && Number.isFinite(left) ? { from, left } : null
  } catch {
    return null
  }
}

/** @param {Visit} visit */
function remember(visit) {
  try {
    localStorage.setItem(KEY, JSON.stringify(visit))
  } catch {
    // Then the next visit is a first one.
  }
}

/** From when on news are told to who comes at a time. @param {Visit|null} visit @param {number} now */
export function newsFrom(visit, now) {
  if (!visit) return null
  // A clock that was put back must not hide what happens now.
  const left = Math.min(visit.left, now)
  return Math.max(now - left < SHORTEST_S ? Math.min(visit.from, now) : left, now - LONGEST_S)
}

let turn = 0

function arrive() {
  const now = serverTime()
  const visit = remembered()
  firstVisit.value = visit === null
  lastSeen.value = newsFrom(visit, now)
  // Before the stream is open, its opening asks.
  if (epoch.peek() > 0) ask()
}

/** Asks what happened since. */
export async function ask() {
  const mine = ++turn
  const since = lastSeen.peek()
  if (since === null) {
    missed.value = []
    return
  }
  try {
    const events = await eventsSince(since)
    if (mine !== turn) return
    unknown.value = null
    missed.value = events
  } catch (error) {
    if (mine === turn) unknown.value = errorText(error)
  }
}

function leave() {
  const now = serverTime()
  remember({ from: lastSeen.peek() ?? now, left: now })
}

/** The reader has read it: here, and in other tabs. */
export function markSeen() {
  const now = serverTime()
  turn += 1
  lastSeen.value = now
  missed.value = []
  remember({ from: now, left: now })
}

/** Starts; called once. */
export function followVisits() {
  let visiting = false
  const look = () => {
    if (document.visibilityState === 'visible') {
      if (visiting) return
      visiting = true
      arrive()
    } else if (visiting) {
      visiting = false
      leave()
    }
  }
  // The stream opens after the page: then the service can be asked, and again after it was lost.
  effect(() => { if (epoch.value > 0 && untracked(() => visiting)) untracked(ask) })
  addEventListener('pagehide', () => {
    if (visiting) leave()
    visiting = false
  })
  addEventListener('pageshow', look)
  addEventListener('storage', (event) => {
    const visit = event.key === KEY ? remembered() : null
    // Marked as seen in another tab.
    if (visit && visit.from === visit.left && visiting && visit.from > (lastSeen.peek() ?? 0)) {
      lastSeen.value = visit.from
      missed.value = []
    }
  })
  document.addEventListener('visibilitychange', look)
  look()
}
