/**
 * Experiments in words: where they stand, and their figures before and after.
 *
 * Pure.
 *
 * @import { Experiment } from '../types.js'
 * @import { Mark } from '../statuses.js'
 */
import { DASH, digits, format, percent, quoted, unitOf } from '../format.js'

/** @type {Record<Experiment['state'], { word: string, mark: Mark }>} */
const STATES = {
  too_early: { word: 'too early', mark: 'info' },
  verified: { word: 'helped', mark: 'ok' },
  regressed: { word: 'made it worse', mark: 'warning' },
  ineffective: { word: 'no effect', mark: 'none' },
  inconclusive: { word: 'not clear', mark: 'info' },
  confounded: { word: 'cannot be told apart', mark: 'info' },
  unknown: { word: 'not known', mark: 'none' },
}

/** @param {Experiment['state']} state */
export const standing = (state) => STATES[state] ?? STATES.unknown

/** What was changed, or what is looked at where nobody named it. @param {Pick<Experiment, 'title'|'expr'>} experiment */
export const nameOf = ({ title, expr }) => quoted(title || expr, 120)

/** A ratio beyond this, either way, is none that anything can be said of. */
const MOST_TIMES = 10

/** The figures of an experiment. @param {Pick<Experiment, 'before'|'after'|'ratio'|'difference'|'unit_of'|'control'>} experiment */
export const figures = ({ before, after, ratio, difference, ...of }) => figuresOf({ before: before?.mean ?? null, after: after?.mean ?? null, ratio, difference }, of)

/** `10 min`, `8 min`, both with an arrow between them, and `−27 to −12 %`; what that is beside is said. @param {{ before: number|null, after: number|null, ratio: Experiment['ratio'], difference: Experiment['difference'] }} means @param {{ unit_of?: string, control?: string|null }} [of] */
export function figuresOf({ before, after, ratio, difference }, { unit_of: name = '', control = null } = {}) {
  if (before === null || after === null) return { before: DASH, after: DASH, means: DASH, interval: '' }
  const unit = unitOf(name)
  const signed = (/** @type {number} */ v, /** @type {string} */ text) => (v > 0 ? `+${text}` : text)
  const share = (/** @type {number} */ v) => signed(v - 1, percent(v - 1))
  const by = (/** @type {number} */ v) => signed(v, unit === 'plain' ? digits(v) : format(v, unit))
  const beyond = ratio && (ratio.high > MOST_TIMES || ratio.low < 1 / MOST_TIMES)
  const between = beyond ? 'too wide an interval' : ratio ? `${share(ratio.low)} to ${share(ratio.high)}` : difference ? `${by(difference.low)} to ${by(difference.high)}` : ''
  const interval = control && between && !beyond ? `${between} beside the others` : between
  const [was, is] = [format(before, unit), format(after, unit)]
  return { before: was, after: is, means: `${was} → ${is}`, interval }
}
