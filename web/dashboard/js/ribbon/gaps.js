/**
 * When the service was off: nobody knows then whether what had begun went on, so no bar of it is drawn, but one that says so.
 *
 * Pure.
 *
 * @import { Bar } from './lanes.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @typedef {[number, number]} Gap  from, to
 */

/** Shorter ones are restarts: no more than a line on most sheets. */
const LEAST_S = 30

/** @param {TimelineEvent[]} events in any order @returns {TimelineEvent[]} those of the service itself, the oldest first */
const ownOf = (events) => events.filter((e) => e.source === 'service' && (e.kind === 'start' || e.kind === 'stop')).sort((a, b) => a.time - b.time)

/**
 * The starts that no stop came before: after a crash, or the first that is known of.
 * @param {TimelineEvent[]} events in any order @returns {Array<{ start: number, from: number|null }>} the oldest first; `from`: when the service is known to have started before, null where that is not known
 */
export function startsUnannounced(events) {
  const own = ownOf(events)
  return own.flatMap(({ kind, time }, i) => (kind === 'start' && own[i - 1]?.kind !== 'stop' ? [{ start: time, from: own[i - 1]?.time ?? null }] : []))
}

/**
 * @param {TimelineEvent[]} events in any order @param {ReadonlyMap<number, number|null>} [lastRun] when the service last ran before a start that no stop came before, where that is known
 * @returns {Gap[]} the oldest first
 */
export function gapsOf(events, lastRun = new Map()) {
  const own = ownOf(events)
  const first = Math.min(...events.map((e) => e.time))
  return own.flatMap(({ kind, time }, i) => {
    if (kind !== 'start') return []
    const before = own[i - 1]
    const ran = before?.kind === 'stop' ? before.time : lastRun.get(time) ?? null
    if (ran !== null) return [/** @type {Gap} */ ([ran, time])]
    // Before a start that is the first of all nothing is known; one after a crash, of which nothing is kept, may have followed at once.
    return before === undefined && first === time ? [/** @type {Gap} */ ([-Infinity, time])] : []
  })
}

/** Gaps as marks: it is said that nothing is known. @param {Gap[]} gaps @returns {Bar[]} */
export const gapBars = (gaps) => gaps.filter(([from, to]) => from > -Infinity && to - from >= LEAST_S)
  .map(([start, end]) => ({ start, end, state: 'unknown', title: 'Not known', words: 'the service was not running', page: 'status', item: '', seen: true }))

/**
 * Bars of tasks, with what is not known of those that were there before a gap and after it. One that began or ended within a gap has its times from the board itself.
 * @param {Bar[]} bars @param {Gap[]} gaps @returns {Bar[]}
 */
export const throughGaps = (bars, gaps) => [...bars, ...bars.flatMap(({ start, end, page, item }) =>
  gapBars(gaps.filter(([from, to]) => from > start && to < (end ?? Infinity))).map((bar) => ({ ...bar, page, item })))]

/** The parts of bars outside of gaps. @param {Bar[]} bars @param {Gap[]} gaps the oldest first @returns {Bar[]} */
export const withoutGaps = (bars, gaps) => bars.flatMap((bar) => {
  /** @type {Bar[]} */
  const parts = []
  let rest = /** @type {Bar|null} */ (bar)
  for (const [from, to] of gaps) {
    if (!rest || to <= rest.start || from >= (rest.end ?? Infinity)) continue
    if (from > rest.start) parts.push({ ...rest, end: from, words: `${rest.words}; then the service was off` })
    rest = rest.end !== null && rest.end <= to ? null : { ...rest, start: to, seen: false }
  }
  return rest ? [...parts, rest] : parts
})
