/**
 * The time line: what changed, newest first.
 *
 * The stream brings the newest; REST brings those of the period in view where it reaches back further.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { get } from '../api.js'
import { batch, computed, effect, signal, untracked } from '../lib.js'
import { print } from '../selector.js'
import { awake } from './awake.js'
import { now, replayed, serverTime } from './clock.js'
import { socketState, subscribe } from './connection.js'
import { address, historyOf, range } from './place.js'

/** Nobody reads more than this many, or can distinguish them on a lane. */
const KEPT = 1000
/** A snapshot has at most so many; one with fewer holds all that there are. */
const SNAPSHOT = 100

/** The newest, without a gap from `heldFrom` on; null until something is known. @type {import('../../vendor/signals-core.js').Signal<TimelineEvent[]|null>} */
const recent = signal(null)
/** From here on every event is held. */
const heldFrom = signal(Infinity)
/** Those of the period in view, where it begins before. @type {import('../../vendor/signals-core.js').Signal<TimelineEvent[]>} */
const earlier = signal([])

/** What is known of the time up to now, or up to the moment that is replayed; null until something is known. */
export const events = computed(() => {
  const at = replayed.value
  const all = recent.value && merged(recent.value, earlier.value)
  return all && (at === null ? all : all.filter((e) => e.time <= at))
})

/** @type {Set<(fresh: TimelineEvent[]) => void>} */
const listeners = new Set()

/** Calls a listener with new events, not with old ones. @param {(fresh: TimelineEvent[]) => void} listener */
export function onEvents(listener) {
  listeners.add(listener)
}

/** @param {TimelineEvent[]} some @param {TimelineEvent[]} more */
function merged(some, more) {
  if (more.length === 0) return some
  const byId = new Map([...some, ...more].map((e) => [e.id, e]))
  return [...byId.values()].sort((a, b) => b.time - a.time)
}

/** @param {TimelineEvent[]} snapshot */
function begin(snapshot) {
  const held = recent.peek() ?? []
  const ids = new Set(held.map((e) => e.id))
  const overlap = snapshot.some((e) => ids.has(e.id))
  const from = snapshot.length < SNAPSHOT ? -Infinity : snapshot[snapshot.length - 1].time
  batch(() => {
    // What lies between them and those held before is not known, unless some are the same.
    recent.value = overlap ? merged(held, snapshot) : snapshot
    heldFrom.value = overlap ? Math.min(heldFrom.peek(), from) : from
  })
  begun(null)
}

/** @param {TimelineEvent[]} fresh */
function append(fresh) {
  const all = merged(recent.peek() ?? [], fresh)
  batch(() => {
    recent.value = all.slice(0, KEPT)
    if (all.length > KEPT) heldFrom.value = all[KEPT - 1].time
  })
  for (const listener of listeners) listener(fresh)
}

/** @type {(value: unknown) => void} */
let begun = () => {}
const firstSnapshot = new Promise((resolve) => { begun = resolve })

/** Events since a time, from what is held where that reaches back so far. @param {number} start @param {number} [end] @returns {Promise<TimelineEvent[]>} newest first */
export async function eventsSince(start, end = serverTime()) {
  if (socketState.peek() === 'open') await firstSnapshot
  if (start >= heldFrom.peek()) return (recent.peek() ?? []).filter((e) => e.time >= start && e.time <= end)
  return get('/api/v1/events', { start, end })
}

/** Which page an event leads to. @type {Record<string, string>} */
const PAGES = { taskmaster: 'tasks', github: 'ci', probe: 'application', alert: 'alerts', advice: 'advice', service: 'status' }

/** Pages that show what an event is about by its name. */
const ITEMS = ['tasks', 'application', 'advice']

/** Where the reader finds what an event is about. @param {TimelineEvent} event */
export function placeOf(event) {
  if (event.source === 'anomaly' && event.data?.metric) return historyOf(print(event.data.metric))
  if (event.kind.startsWith('experiment_')) return address('advice', '', { open: `experiment ${event.subject}` })
  if (event.kind.startsWith('action_')) return address('advice', '', { open: `run ${event.subject}` })
  if (event.source === 'agents') return address('agents', '', { session: `${event.data?.agent}/${event.subject}` })
  const page = PAGES[event.source] ?? 'now'
  return address(page, ITEMS.includes(page) ? event.subject : '')
}

/** Starts listening; called once. */
export function followEvents() {
  subscribe({
    topic: 'events',
    always: true,
    onFrame: (frame) => (frame.type === 'snapshot' ? begin(frame.data) : append(frame.data)),
  })
  effect(() => {
    const { end, seconds } = range.value
    const from = heldFrom.value
    if (from === Infinity || !awake.value) return
    untracked(() => {
      const to = end ?? now.peek()
      if (to - seconds >= from) earlier.value = []
      else get('/api/v1/events', { start: to - seconds, end: to }).then((answer) => { earlier.value = answer }).catch(() => undefined)
    })
  })
}
