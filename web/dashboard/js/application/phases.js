/**
 * The last check of each target by phase, and how long its certificate is good.
 *
 * Pure. The time of a check that failed is no answer time: a refused connection takes a millisecond and is not fast.
 *
 * @import { Target } from '../types.js'
 * @typedef {{ phase: string, word: string, colour: string, seconds: number }} Phase
 */

/** In the order in which they come. @type {Array<{ phase: string, word: string, colour: string }>} */
export const PHASES = [
  { phase: 'resolve', word: 'DNS', colour: '--series-5' },
  { phase: 'connect', word: 'connect', colour: '--series-2' },
  { phase: 'tls', word: 'TLS', colour: '--series-4' },
  { phase: 'processing', word: 'first byte', colour: '--series-1' },
  { phase: 'transfer', word: 'transfer', colour: '--series-3' },
]
/** What no phase covers, and the whole of a check that has none. */
export const OTHER = { phase: 'other', word: 'other', colour: '--line-2' }
const WHOLE = { phase: 'whole', word: 'whole check', colour: '--data' }
/** Less than this is left over by rounding. */
const LEAST_S = 0.0005

/** The phases of the last check; none where the target is not up. @param {Target} target @param {Map<string, number>} seconds by phase @returns {Phase[]} */
export function phasesOf(target, seconds) {
  const whole = target.duration_seconds
  if (target.up !== true || whole === null) return []
  const known = PHASES.flatMap((p) => {
    const value = seconds.get(p.phase)
    return value === undefined || !(value >= 0) ? [] : [{ ...p, seconds: value }]
  })
  if (known.length === 0) return [{ ...WHOLE, seconds: whole }]
  const rest = whole - known.reduce((sum, p) => sum + p.seconds, 0)
  return rest > LEAST_S ? [...known, { ...OTHER, seconds: rest }] : known
}

/** Those that are down first, then what is not known, then by name. @param {Target[]} targets */
export function worstFirst(targets) {
  const rank = (/** @type {Target} */ t) => (t.up === false ? 0 : t.up === null ? 1 : 2)
  return [...targets].sort((a, b) => rank(a) - rank(b) || a.target.localeCompare(b.target))
}

/** What an answer took; null where there was none. @param {Target} target */
export const answerTime = (target) => (target.up === true ? target.duration_seconds : null)

const DAY_S = 86_400
/** A certificate that ends sooner is worth a word. */
const SOON_DAYS = 14

/** @param {number|null} expires @param {number} now @returns {{ days: number, state: 'ok'|'soon'|'over' }|null} */
export function certificate(expires, now) {
  if (expires === null) return null
  const days = (expires - now) / DAY_S
  return { days, state: days < 0 ? 'over' : days < SOON_DAYS ? 'soon' : 'ok' }
}
