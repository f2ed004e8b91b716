/**
 * Live samples: which are wanted, the newest of each series, and whether they still come.
 *
 * All wants share one subscription, limited to what is on screen. Charts listen through `onSamples`; single
 * figures read `newest`.
 *
 * @import { Matrix, Metric } from '../types.js'
 */
import { batch, computed, effect, signal } from '../lib.js'
import { own } from '../own.js'
import * as selectors from '../selector.js'
import { awake } from './awake.js'
import { now, serverTime } from './clock.js'
import { earlyMatch, socketState, subscribe } from './connection.js'
import { past } from './past.js'

/** @typedef {{ metric: Metric, t: number, v: number }} Newest */
/** @typedef {Matrix} LiveSeries  a series with the samples that have just come */

/** No sample for this long, and what is shown is no longer live. */
const STALE_AFTER_S = 15
/** Subscribed on every page, to see that data still arrives. */
const PULSE = ['system_cpu_utilization_ratio', 'taskpulse_health_score'].map(own)
/** What is no longer wanted is still subscribed for this long: whoever changes pages wants much of it again. */
const LINGER_MS = 5000
/** A series without a sample for this long has ended: its figure is a dash. */
export const ENDED_AFTER_S = 300

/** @type {Map<string, number>} */
const wanted = new Map(PULSE.map((selector) => [selector, 1]))
/** @type {Map<string, Newest>} */
const newestByKey = new Map()
/** Who listens, by the name of the metric; '' for all of them. @type {Map<string, Set<(series: LiveSeries[]) => void>>} */
const listeners = new Map()
/** What the service sends. @type {Set<string>} */
let subscribed = new Set()
let queued = false
let end = () => {}
/** @type {ReturnType<typeof setTimeout>|undefined} */
let lingering

/** Rises with each frame of samples. */
export const samplesVersion = signal(0)
/** When the newest sample of all was measured, on the service's clock. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const lastSampleAt = signal(null)
/** When samples last arrived, same clock. */
const arrivedAt = signal(-Infinity)

const loadedAt = serverTime()
// Nothing came while nobody looked, since nothing was asked for.
effect(() => { if (awake.value && arrivedAt.peek() > -Infinity) arrivedAt.value = serverTime() })

/** @type {import('../../vendor/signals-core.js').ReadonlySignal<'connecting'|'live'|'stale'>} */
export const link = computed(() => {
  const fresh = now.value - arrivedAt.value <= STALE_AFTER_S
  if (socketState.value === 'open' && fresh) return 'live'
  // A service that has just started needs a moment for its first sample: that is not stale yet.
  const early = lastSampleAt.value === null && now.value - loadedAt <= STALE_AFTER_S
  return early && socketState.value !== 'lost' ? 'connecting' : 'stale'
})

/** What is on screen. */
export const wantedSelectors = () => [...wanted.keys()]

/** Asks for live samples of these selectors. @param {string[]} list @returns {() => void} ends it */
export function want(list) {
  for (const selector of list) wanted.set(selector, (wanted.get(selector) ?? 0) + 1)
  queue()
  return () => {
    for (const selector of list) {
      const uses = (wanted.get(selector) ?? 0) - 1
      if (uses > 0) wanted.set(selector, uses)
      else wanted.delete(selector)
    }
    queue()
  }
}

/**
 * Calls a listener with the samples of each frame: those of one metric, or all where no name is given or only its beginning.
 * @param {(series: LiveSeries[]) => void} listener @param {string} [name] @param {boolean} [prefix] @returns {() => void}
 */
export function onSamples(listener, name = '', prefix = false) {
  const key = prefix ? '' : name
  const held = listeners.get(key) ?? new Set()
  listeners.set(key, held.add(listener))
  return () => {
    held.delete(listener)
    if (held.size === 0 && listeners.get(key) === held) listeners.delete(key)
  }
}

/** Each frame is sorted by name once, however many charts there are. @param {Matrix[]} series */
function tell(series) {
  for (const listener of listeners.get('') ?? []) listener(series)
  /** @type {Map<string, Matrix[]>} */
  const byName = new Map()
  for (const one of series) {
    const name = one.metric.__name__ ?? ''
    if (!listeners.has(name)) continue
    const held = byName.get(name)
    if (held) held.push(one)
    else byName.set(name, [one])
  }
  for (const [name, list] of byName) for (const listener of listeners.get(name) ?? []) listener(list)
}

/** The newest samples that a selector matches and that have not ended. @param {string} selector @returns {Newest[]} */
export function newest(selector) {
  samplesVersion.value // read, so that the caller runs again at the next frame
  const parsed = selectors.parse(selector)
  if (!parsed) return []
  if (past.value) return past.value.newest(parsed)
  const from = (lastSampleAt.value ?? 0) - ENDED_AFTER_S
  // A series that ended has a marker that is no number.
  return [...newestByKey.values()].filter((s) => s.t >= from && !Number.isNaN(s.v) && selectors.matches(parsed, s.metric))
}

/** Subscribes at the end of the turn, so that a page's dozen wants make one subscription. */
function queue() {
  if (queued) return
  queued = true
  queueMicrotask(() => {
    queued = false
    clearTimeout(lingering)
    const match = [...wanted.keys()].sort()
    if (match.some((selector) => !subscribed.has(selector))) follow(match)
    else if (match.length < subscribed.size) lingering = setTimeout(follow, LINGER_MS, match)
  })
}

/** @param {string[]} match */
function follow(match) {
  subscribed = new Set(match)
  end()
  end = subscribe({ topic: 'samples', match, onFrame: (frame) => take(frame.data) })
}

/** @param {Matrix[]} series */
function take(series) {
  let latest = lastSampleAt.peek() ?? -Infinity
  const before = latest
  for (const { metric, values } of series) {
    const [t, text] = values[values.length - 1] ?? [0, 'NaN']
    const key = selectors.print(metric)
    const held = newestByKey.get(key)
    if (!held || t >= held.t) newestByKey.set(key, { metric, t, v: Number(text) })
    if (t > latest) latest = t
  }
  batch(() => {
    if (latest > -Infinity) lastSampleAt.value = latest
    // After a restart the first snapshot holds old samples: those are history, not a sign of life.
    if (latest > before && serverTime() - latest <= STALE_AFTER_S) arrivedAt.value = serverTime()
    tell(series)
    samplesVersion.value += 1
  })
  forgetEnded(latest)
}

/** Series of ended processes and removed disks would pile up over weeks. @param {number} latest */
function forgetEnded(latest) {
  for (const [key, sample] of newestByKey) if (sample.t < latest - 2 * ENDED_AFTER_S) newestByKey.delete(key)
}

// The first page wants more than this in a moment, and `boot.js` has subscribed to it.
follow(earlyMatch.length > 0 ? earlyMatch : PULSE)
