/**
 * Silences in words, and what is sent to make one.
 *
 * Pure.
 *
 * @import { Alert, GettableSilence, SilenceMatcher } from '../types.js'
 * @typedef {{ matchers: SilenceMatcher[], startsAt: string, endsAt: string, createdBy: string, comment: string }} Draft
 */
import { clockTime, day, quoted, since, span } from '../format.js'
import { ruleWords } from '../headline.js'
import { parse } from '../selector.js'

/** Most matchers of a silence, as the service has it. */
const MOST_MATCHERS = 32
/** Who made it: the dashboard knows no names of people. */
const AUTHOR = 'the dashboard'

/** How long a silence lasts; the last one is until a time that the reader names. @type {Array<{ key: string, words: string, seconds: number }>} */
export const LENGTHS = [
  { key: '1h', words: '1 hour', seconds: 3600 }, { key: '4h', words: '4 hours', seconds: 14_400 },
  { key: '1d', words: '1 day', seconds: 86_400 }, { key: 'until', words: 'until …', seconds: 0 },
]

/** What a comparison says between a label and its value, by `isEqual` and `isRegex`. */
const SAYS = { 'true false': 'is', 'false false': 'is not', 'true true': 'is like', 'false true': 'is not like' }
/** Labels that Alertmanager names; others go by their own names. @type {Record<string, string>} */
const LABELS = { alertname: 'the rule', __name__: 'the metric' }

/** Which alerts: `High CPU usage where instance is a and mountpoint is not /boot`. @param {SilenceMatcher[]} matchers */
export function matcherWords(matchers) {
  const named = matchers.find((m) => m.name === 'alertname' && m.isEqual && !m.isRegex)
  const rest = matchers.filter((m) => m !== named).map(({ name, value, isEqual, isRegex }) => (
    `${LABELS[name] ?? quoted(name)} ${SAYS[/** @type {keyof SAYS} */ (`${isEqual} ${isRegex}`)]} ${value === '' ? 'empty' : quoted(value)}`))
  const head = named ? quoted(ruleWords(named.value)) : 'Alerts'
  return rest.length > 0 ? `${head} where ${rest.join(' and ')}` : head
}

/** As people of Alertmanager write them. @param {SilenceMatcher[]} matchers */
export const matcherText = (matchers) => matchers.map(({ name, value, isEqual, isRegex }) => `${name}${isEqual ? '=' : '!'}${isRegex ? '~' : isEqual ? '' : '='}${JSON.stringify(value)}`).join(', ')

/** The matchers that a reader wrote: `alertname="cpu", host=~"db.*"`. Null where they cannot be read, or there is none. @param {string} text @returns {SilenceMatcher[]|null} */
export function readMatchers(text) {
  const inside = text.trim().replace(/^\{(.*)\}$/s, '$1').trim()
  const found = inside === '' ? null : parse(`x{${inside}}`)
  return found && found.matchers.map(({ label, op, value }) => ({ name: label, value, isEqual: op.startsWith('='), isRegex: op.endsWith('~') }))
}

/** Exactly this alert: its rule and all its labels but the severity, which may change. @param {Alert} alert @returns {SilenceMatcher[]} */
export function matchersOf(alert) {
  const labels = Object.entries({ alertname: alert.rule, ...alert.labels }).filter(([name, value]) => name !== 'severity' && value !== '')
  return labels.slice(0, MOST_MATCHERS).map(([name, value]) => ({ name, value, isEqual: true, isRegex: false }))
}

/** Every alert of a rule. @param {string} rule @returns {SilenceMatcher[]} */
export const matchersOfRule = (rule) => [{ name: 'alertname', value: rule, isEqual: true, isRegex: false }]

/**
 * When a silence ends that begins now. Null where that is no time, or none in the future.
 * @param {string} key of LENGTHS @param {string} until what a field for a date and a time holds: `2026-11-26T18:00` @param {number} now Unix seconds @param {boolean} utc
 */
export function endOf(key, until, now, utc) {
  const length = LENGTHS.find((l) => l.key === key)?.seconds ?? 0
  if (length > 0) return now + length
  const at = new Date(utc ? `${until}Z` : until).getTime() / 1000
  return Number.isFinite(at) && at > now ? at : null
}

/** What a field for a date and a time holds of a time. @param {number} t Unix seconds @param {boolean} utc */
export function fieldTime(t, utc) {
  const date = new Date(t * 1000)
  if (utc) return date.toISOString().slice(0, 16)
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`
}

/** @param {number} n */
const two = (n) => String(n).padStart(2, '0')

/** @param {SilenceMatcher[]} matchers @param {number} start @param {number} end Unix seconds @param {string} comment @returns {Draft} */
export const draftOf = (matchers, start, end, comment) => ({ matchers, startsAt: iso(start), endsAt: iso(end), createdBy: AUTHOR, comment: comment.trim() })

/** The same again from now on, until the end that it had. @param {GettableSilence} silence @param {number} end when it was to end @param {number} now Unix seconds @returns {Draft} */
export const againOf = ({ matchers, startsAt, createdBy, comment }, end, now) => ({ matchers, startsAt: iso(Math.max(now, timeOf(startsAt))), endsAt: iso(end), createdBy, comment })

/** @param {number} t Unix seconds */
const iso = (t) => new Date(t * 1000).toISOString()
/** Unix seconds of a time as Alertmanager writes it. @param {string} text */
export const timeOf = (text) => new Date(text).getTime() / 1000

/** Those that hold back, or will, the one that ends first before the others. @param {GettableSilence[]} list */
export const coming = (list) => list.filter((s) => s.status.state !== 'expired')
  .sort((a, b) => Number(b.status.state === 'active') - Number(a.status.state === 'active') || timeOf(a.endsAt) - timeOf(b.endsAt))

/** `ends in 3 h 10 m, 18:40`; `begins 22:00, ends 27 Nov 06:00`. @param {GettableSilence} silence @param {number} now Unix seconds */
export function whenWords({ status, startsAt, endsAt }, now) {
  const [start, end] = [timeOf(startsAt), timeOf(endsAt)]
  if (status.state === 'pending') return `begins ${since(start, now)}, ends ${since(end, now)}`
  return `ends in ${span(Math.max(60, Math.ceil((end - now) / 60) * 60))}, ${day(end) === day(now) ? clockTime(end) : since(end, now)}`
}
