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

/** `10 min → 8 min, −27 to −12 %`. @param {Pick<Experiment, 'before'|'after'|'ratio'|'difference'|'metric'>} experiment */
export function figures({ before, after, ratio, difference, metric }) {
  if (!before || !after) return { means: DASH, interval: '' }
  const unit = unitOf(metric.__name__ ?? '')
  const signed = (/** @type {number} */ v, /** @type {string} */ text) => (v > 0 ? `+${text}` : text)
  const share = (/** @type {number} */ v) => signed(v - 1, percent(v - 1))
  const by = (/** @type {number} */ v) => signed(v, unit === 'plain' ? digits(v) : format(v, unit))
  const interval = ratio ? `${share(ratio.low)} to ${share(ratio.high)}` : difference ? `${by(difference.low)} to ${by(difference.high)}` : ''
  return { means: `${format(before.mean, unit)} → ${format(after.mean, unit)}`, interval }
}

/** The lines of half days before and after, on one scale from zero. @param {Experiment['pairs']} pairs @param {number} width @param {number} height @returns {{ before: string, after: string }} */
export function pathsOf(pairs, width, height) {
  const most = Math.max(...pairs.flatMap(({ before, after }) => [before, after]), 0)
  const least = Math.min(...pairs.flatMap(({ before, after }) => [before, after]), 0)
  const x = (/** @type {number} */ i) => ((i + 0.5) / pairs.length) * width
  const y = (/** @type {number} */ v) => height - 1.5 - ((v - least) / (most - least || 1)) * (height - 3)
  const path = (/** @type {(pair: Experiment['pairs'][number]) => number} */ of) => pairs.map((pair, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)} ${y(of(pair)).toFixed(1)}`).join('')
  return { before: path(({ before }) => before), after: path(({ after }) => after) }
}
