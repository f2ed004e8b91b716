/**
 * What happened since the reader looked last: the time is kept in this browser, the events come from the service.
 *
 * A visit ends when the page is hidden or left. What happened while it was in view was seen.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { computed, effect, signal } from '../lib.js'
import { serverTime } from './clock.js'
import { epoch } from './connection.js'
import { eventsSince, onEvents } from './events.js'

const KEY = 'taskpulse.seen'
/** Someone who was away for less has missed nothing. */
const SHORTEST_S = 60
/** Older than this is history, not news. */
const LONGEST_S = 7 * 86_400

/** When the reader looked last, on the service's clock; null on a first visit. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const lastSeen = signal(remembered())
/** What happened since. @type {import('../../vendor/signals-core.js').Signal<TimelineEvent[]|null>} */
const missed = signal(null)

function remembered() {
  try {
    const at = Number(localStorage.getItem(KEY))
    return at > 0 ? at : null
  } catch {
    return null
  }
}

function leave() {
  try {
    localStorage.setItem(KEY, String(Math.round(serverTime())))
  } catch {
    // Then the next visit is a first one.
  }
}

function ask() {
  const end = serverTime()
  const since = lastSeen.peek()
  if (since === null || end - since < SHORTEST_S) {
    missed.value = []
    return
  }
  eventsSince(Math.max(since, end - LONGEST_S), end).then((events) => { missed.value = events }).catch(() => undefined)
}

/** Starts; called once. */
export function followVisits() {
  effect(() => { if (epoch.value > 0) ask() })
  onEvents((fresh) => { if (document.visibilityState === 'hidden') missed.value = [...fresh, ...(missed.peek() ?? [])] })
  addEventListener('pagehide', leave)
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') leave()
    else {
      lastSeen.value = remembered()
      ask()
    }
  })
}

/** @typedef {{ key: string, words: string, mark: import('../statuses.js').Mark, page: string, item: string }} News */

/** It, in few lines, each leading to what it tells of; null until it is known. */
export const news = computed(() => missed.value && summary(missed.value))

/** @param {TimelineEvent[]} events @returns {News[]} */
export function summary(events) {
  /** @type {News[]} */
  const out = []
  const moves = events.filter((e) => e.kind === 'task_status')
  const done = new Set(moves.filter((e) => e.data?.to === 'done').map((e) => e.subject))
  const reopened = new Set(moves.filter((e) => e.data?.reopened).map((e) => e.subject))
  const started = new Set(moves.filter((e) => e.data?.to === 'in-progress' && !done.has(e.subject)).map((e) => e.subject))
  const parts = [plural(done.size, 'task', 'done'), plural(reopened.size, '', 'reopened'), plural(started.size, done.size ? '' : 'task', 'started')].filter(Boolean)
  if (parts.length) out.push({ key: 'tasks', words: parts.join(', '), mark: 'ok', page: 'tasks', item: '' })
  const runs = events.filter((e) => e.kind === 'run_finished')
  const failed = runs.filter((e) => e.severity !== 'info' || /fail|timed/.test(String(e.data?.conclusion)))
  if (runs.length) {
    const last = failed[0]
    const words = failed.length === 0 ? `${plural(runs.length, 'CI run', '')}, none failed`
      : failed.length === 1 ? `CI failed once: ${last.data?.workflow} #${last.data?.number} on ${last.data?.branch}` : `CI failed ${failed.length} times in ${plural(runs.length, 'run', '')}`
    out.push({ key: 'ci', words, mark: failed.length ? 'error' : 'ok', page: 'ci', item: '' })
  }
  for (const target of new Set(events.filter((e) => e.kind === 'probe_down').map((e) => e.subject))) {
    const own = events.filter((e) => e.source === 'probe' && e.subject === target)
    const downs = own.filter((e) => e.kind === 'probe_down').length
    const words = own[0].kind === 'probe_up' ? own[0].title : own[0].title
    out.push({ key: `probe ${target}`, words: downs > 1 ? `${target} went down ${downs} times` : words, mark: own[0].kind === 'probe_up' ? 'info' : 'error', page: 'application', item: target })
  }
  const fired = events.filter((e) => e.source === 'alert' && /fir/.test(e.kind))
  if (fired.length) out.push({ key: 'alerts', words: `${plural(fired.length, 'alert', '')} fired`, mark: 'warning', page: 'alerts', item: '' })
  const restarts = events.filter((e) => e.source === 'service' && e.kind === 'start').length
  if (restarts) out.push({ key: 'service', words: restarts > 1 ? `the service started ${restarts} times` : 'the service started', mark: 'info', page: 'status', item: '' })
  return out
}

/** @param {number} n @param {string} noun @param {string} verb */
function plural(n, noun, verb) {
  if (n === 0) return ''
  return [String(n), noun && (n === 1 ? noun : `${noun}s`), verb].filter(Boolean).join(' ')
}
