/**
 * A change as a picture: half days before it, the change, half days after it; the means of both, and where the mean after it may lie.
 *
 * Pure.
 *
 * @import { Experiment } from '../types.js'
 * @typedef {Pick<Experiment, 'pairs'|'before'|'after'|'ratio'|'difference'>} Compared
 */

/** Room between the two sides, as a part of the width. */
const BETWEEN = 0.04
/** Above and below, so that no line is cut. */
const EDGE = 3

/** Where the mean after the change may lie, by the interval. @param {Compared} compared @returns {[number, number]|null} */
export function rangeOf({ before, ratio, difference }) {
  if (!before) return null
  const ends = ratio ? [before.mean * ratio.low, before.mean * ratio.high] : difference ? [before.mean + difference.low, before.mean + difference.high] : null
  return ends && [Math.min(...ends), Math.max(...ends)]
}

/**
 * Paths of both sides on one scale that holds zero: bars of half days, lines of means, the band of the interval.
 * @param {Compared} compared @param {number} width @param {number} height
 */
export function pictureOf(compared, width, height) {
  const { pairs, before, after } = compared
  const range = rangeOf(compared)
  const all = [...pairs.flatMap((p) => [p.before, p.after]), ...(range ?? []), 0].filter(Number.isFinite)
  const [most, least] = [Math.max(...all), Math.min(...all)]
  const side = (width * (1 - BETWEEN)) / 2
  const right = width - side
  const each = side / Math.max(1, pairs.length)
  const y = (/** @type {number} */ v) => height - EDGE - ((v - least) / (most - least || 1)) * (height - 2 * EDGE)
  const bars = (/** @type {number} */ left, /** @type {(pair: Experiment['pairs'][number]) => number} */ of) => pairs.map((pair, i) => {
    const [top, zero] = [y(of(pair)), y(0)]
    return Number.isFinite(top) ? `M${(left + i * each + each * 0.15).toFixed(1)} ${zero.toFixed(1)}h${(each * 0.7).toFixed(1)}V${top.toFixed(1)}h${(-each * 0.7).toFixed(1)}Z` : ''
  }).join('')
  const mean = (/** @type {number} */ left, /** @type {{ mean: number }|null} */ of) => (of ? `M${left.toFixed(1)} ${y(of.mean).toFixed(1)}h${side.toFixed(1)}` : '')
  return {
    before: bars(0, (pair) => pair.before), after: bars(right, (pair) => pair.after),
    meanBefore: mean(0, before), meanAfter: mean(right, after),
    /** The mean before, carried on, so that the eye sees how far apart they are. */
    carried: before ? `M${side.toFixed(1)} ${y(before.mean).toFixed(1)}H${width.toFixed(1)}` : '',
    interval: range ? `M${right.toFixed(1)} ${y(range[1]).toFixed(1)}h${side.toFixed(1)}V${y(range[0]).toFixed(1)}h${(-side).toFixed(1)}Z` : '',
    change: `M${(width / 2).toFixed(1)} 0V${height}`,
    side, right,
  }
}
