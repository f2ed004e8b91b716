/**
 * The time line: what changed, newest first.
 *
 * The stream brings the newest; REST brings those of the range in view, for the ticks below the charts.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { get } from '../api.js'
import { effect, signal } from '../lib.js'
import { serverTime } from './clock.js'
import { epoch, subscribe } from './connection.js'
import { address, range } from './place.js'

/** Nobody reads more than this many, or can distinguish them on a lane. */
const KEPT = 1000

/** @type {import('../../vendor/signals-core.js').Signal<TimelineEvent[]|null>} null until something is known */
export const events = signal(null)

/** @type {Set<(fresh: TimelineEvent[]) => void>} */
const listeners = new Set()

/** Calls a listener with new events, not with old ones. @param {(fresh: TimelineEvent[]) => void} listener */
export function onEvents(listener) {
  listeners.add(listener)
}

/** @param {TimelineEvent[]} more */
function add(more) {
  const byId = new Map((events.peek() ?? []).map((e) => [e.id, e]))
  for (const event of more) byId.set(event.id, event)
  events.value = [...byId.values()].sort((a, b) => b.time - a.time).slice(0, KEPT)
}

/** Which page an event leads to. @type {Record<string, string>} */
const PAGES = { taskmaster: 'tasks', github: 'ci', probe: 'application', alert: 'alerts', advice: 'alerts', service: 'status' }

/** Where the reader finds what an event is about. @param {TimelineEvent} event */
export function placeOf(event) {
  const page = PAGES[event.source] ?? 'now'
  return address(page, page === 'tasks' || page === 'application' ? event.subject : '')
}

/** Starts listening; called once. */
export function followEvents() {
  subscribe({
    topic: 'events',
    onFrame: (frame) => {
      add(frame.data)
      if (frame.type === 'update') for (const listener of listeners) listener(frame.data)
    },
  })
  effect(() => {
    if (epoch.value === 0) return
    const end = range.value.end ?? serverTime()
    get('/api/v1/events', { start: end - range.value.seconds, end }).then(add).catch(() => undefined)
  })
}
