/**
 * When the service was off: nobody knows then whether what had begun went on, so no bar is drawn.
 *
 * Pure.
 *
 * @import { Bar } from './lanes.js'
 * @import { Event as TimelineEvent } from '../types.js'
 * @typedef {[number, number]} Gap  from, to
 */

/** @param {TimelineEvent[]} events in any order @returns {Gap[]} the oldest first */
export function gapsOf(events) {
  const rising = [...events].sort((a, b) => a.time - b.time)
  /** @type {Gap[]} */
  const gaps = []
  // Before a start that is the first of all nothing is known; one without a stop before it followed a crash, nobody knows when.
  let stopped = /** @type {number|null} */ (-Infinity)
  for (const { source, kind, time } of rising) {
    const own = source === 'service'
    if (own && kind === 'start' && stopped !== null) gaps.push([stopped, time])
    if (own && kind === 'stop') stopped = time
    else if ((own && kind === 'start') || stopped === -Infinity) stopped = null
  }
  return gaps
}

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
