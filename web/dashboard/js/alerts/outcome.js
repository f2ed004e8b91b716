/**
 * What a rule would have done over the last days, in words and as spans of time.
 *
 * Pure.
 *
 * @import { RuleFiring, RulePreview } from '../types.js'
 * @typedef {{ from: number, to: number }} Span  Unix seconds
 */
import { count, span } from '../format.js'

const DAY_S = 86_400

/** @param {RuleFiring[]} firings @param {number} end where those that go on are cut @returns {Span[]} */
export const spansOf = (firings, end) => firings.map(({ fired_at: from, resolved_at: to }) => ({ from, to: to ?? end }))

/** @param {RulePreview} preview */
export function wouldWords(preview) {
  const { fired, firing_seconds: seconds, firings, notices, series, too_short: short, start, end, step_seconds: step } = preview
  const days = count(Math.round((end - start) / DAY_S), 'day')
  if (series === 0) {
    return step === null ? `No series matches this in the last ${days}, so it would never have fired.` : `Its expression had no result in ${days}, so it would not have fired.`
  }
  const held = short > 0 ? ` Its condition held ${count(short, 'time')} more, for too short a time.` : ''
  if (fired === 0) return `Would not have fired in ${days}.${held.replace(' more,', ',')}`
  const longest = Math.max(...spansOf(firings, end).map(({ from, to }) => to - from))
  const all = fired === 1 ? `for ${span(Math.round(seconds))}` : `${span(Math.round(seconds))} in all, the longest ${span(Math.round(longest))}`
  const known = firings.length < fired ? ` of the newest ${count(firings.length, 'firing')}` : ''
  return `Would have fired ${count(fired, 'time')} in ${days}, ${all}; about ${count(notices, 'notice')}${known}.${held}`
}
