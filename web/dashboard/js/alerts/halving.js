/**
 * Which rules made noise: what each did in words, and the changes that would have halved its firings.
 *
 * Pure.
 *
 * @import { AlertNoise, HalvedBy, ProfileOffer, RuleNoise } from '../types.js'
 * @import { KnownRule } from '../stores/alerts.js'
 * @typedef {{ change: string, words: string }} Halving  `change`: as the address of the editor has it, `for 5m` or `limit 0.97`
 */
import { count, span } from '../format.js'
import { limitWords } from '../headline.js'

const DAY_S = 86_400
/** Rules that fired less often are not tried again by the service, nor are more than this. */
const FEWEST_FIRED = 4

/** What all of it comes to, in a sentence. @param {AlertNoise} noise */
export function noiseWords({ rules, start, end }) {
  const days = count(Math.round((end - start) / DAY_S), 'day')
  if (rules.length === 0) return `No rule fired in the last ${days}.`
  const sum = (/** @type {(rule: RuleNoise) => number} */ of) => rules.reduce((total, rule) => total + of(rule), 0)
  const [short, seen] = [sum((r) => r.ended_within_a_minute), sum((r) => r.acknowledged)]
  return `${count(rules.length, 'rule')} fired ${count(sum((r) => r.fired), 'time')} in the last ${days}; ${short || 'none'} of these ended within a minute, ${seen || 'none'} ${seen === 1 ? 'was' : 'were'} acknowledged.`
}

/** What another profile would have done. @param {ProfileOffer} offer */
export const offerWords = ({ profile, fired, fired_then: then, notices, notices_then: left }) =>
  `${count(fired, 'alert')} of weight made about ${count(notices, 'notice')}. With the profile ${profile} it would have been ${count(then, 'alert')} and about ${count(left, 'notice')}.`

/** The changes that would have halved the firings of a rule, the `for` first. @param {RuleNoise} noise @param {KnownRule|undefined} rule as it is now @returns {Halving[]} */
export function halvingsOf({ halved_by_for: hold, halved_by_threshold: limit }, rule) {
  const then = (/** @type {HalvedBy} */ by) => `${by.fired_then} instead of ${count(by.fired, 'time')}`
  const found = []
  if (hold && hold.value !== null) found.push({ change: `for ${lengthText(hold.value)}`, words: `for ${span(hold.value)}: ${then(hold)}` })
  if (limit && limit.value !== null) found.push({ change: `limit ${limit.value}`, words: `${limitWords({ op: rule?.op ?? null, threshold: limit.value }, rule?.metric ?? '') || `limit ${limit.value}`}: ${then(limit)}` })
  return found
}

/** Why no change is named. @param {RuleNoise} noise */
export const noneWords = ({ fired }) => (fired < FEWEST_FIRED ? 'It fired too seldom to be tried again.' : 'None was found: only the loudest five rules are tried again, and no alert that was acknowledged may be missed.')

/** A length of time as settings have it. @param {number} seconds */
export const lengthText = (seconds) => (seconds % 3600 === 0 ? `${seconds / 3600}h` : seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`)

/** A rule with a change; as it is where the change does not fit it. @param {Record<string, any>} rule as settings have it @param {string} change @returns {Record<string, any>} */
export function changed(rule, change) {
  const [what, to] = [change.slice(0, change.indexOf(' ')), change.slice(change.indexOf(' ') + 1)]
  if (what === 'for') return { ...rule, for: to }
  const limit = /^([^]*(?:>=?|<=?)\s*)[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*$/.exec(rule.expr ?? '')
  return what === 'limit' && limit ? { ...rule, expr: limit[1] + to } : rule
}
