/**
 * What a rule would have done over the last days, in words and as spans of time.
 *
 * Pure.
 *
 * @import { RuleFiring, RulePreview } from '../types.js'
 * @typedef {{ from: number, to: number }} Span  Unix seconds
 */
import { count, span } from '../format.js'

/** What a channel waits between two notices of a group, unless the settings say otherwise. */
export const GROUP_INTERVAL_S = 300
const DAY_S = 86_400

/** @param {RuleFiring[]} firings @param {number} end where those that go on are cut @returns {Span[]} */
export const spansOf = (firings, end) => firings.map(({ fired_at: from, resolved_at: to }) => ({ from, to: to ?? end }))

/**
 * How many notices a channel would have got: beginnings and ends of one rule go together, and the next notice comes after the interval.
 * @param {RuleFiring[]} firings @param {number} [interval]
 */
export function noticesOf(firings, interval = GROUP_INTERVAL_S) {
  const changes = firings.flatMap(({ fired_at: from, resolved_at: to }) => (to === null ? [from] : [from, to])).sort((a, b) => a - b)
  let notices = 0
  let sent = -Infinity
  for (const at of changes) {
    // One that waits for its time takes this change along.
    if (at <= sent) continue
    notices += 1
    sent = Math.max(at, sent + interval)
  }
  return notices
}

/** @param {RulePreview} preview */
export function wouldWords(preview) {
  const { fired, firing_seconds: seconds, firings, series, too_short: short, start, end, step_seconds: step } = preview
  const days = count(Math.round((end - start) / DAY_S), 'day')
  if (series === 0) {
    return step === null ? `No series matches this in the last ${days}, so it would never have fired.` : `Its expression had no result in ${days}, so it would not have fired.`
  }
  const held = short > 0 ? ` Its condition held ${count(short, 'time')} more, for too short a time.` : ''
  if (fired === 0) return `Would not have fired in ${days}.${held.replace(' more,', ',')}`
  const longest = Math.max(...spansOf(firings, end).map(({ from, to }) => to - from))
  const all = fired === 1 ? `for ${span(Math.round(seconds))}` : `${span(Math.round(seconds))} in all, the longest ${span(Math.round(longest))}`
  const known = firings.length < fired ? ` of the newest ${count(firings.length, 'firing')}` : ''
  return `Would have fired ${count(fired, 'time')} in ${days}, ${all}; about ${count(noticesOf(firings), 'notice')}${known}.${held}`
}
