/**
 * Where the value axis of a chart begins and ends.
 *
 * Pure. Zero is in view, unless all values lie so close together that nothing would be seen of them: then the axis floats, which its labels say.
 * Values that do not differ at all have zero in view: nothing more would be seen of them, and labels that tell parts of them apart are long.
 * An end that was chosen stays as long as the data fits and needs a fair part of it, so that the picture does not breathe.
 *
 * @import { Unit } from '../format.js'
 */
import { isBinary, roundUp, splits } from './axis.js'

/** Values that differ by less than this part of their size make the axis float. */
const CLOSE = 0.1
/** Values that differ by less are one value: sums of decimal numbers have errors of this size. */
const CONSTANT = 1e-9
/** What is smaller than this is drawn as zero: a part of it may be too small to be a number. */
const SMALLEST = 1e-300
/** An end is kept while the data needs at least so much of it. */
const FAIR = 0.45

/** What an axis shows where all there is is zero. @param {Unit} unit */
const oneOf = (unit) => (unit === 'score' ? 100 : isBinary(unit) ? 1024 : 1)

/**
 * @param {Unit} unit @param {{ top?: number, zero?: boolean }} wishes `top`: the axis ends there at the least; `zero`: areas and bars stand on it
 * @returns {(bounds: [number, number]|null) => [number, number]}
 */
export function steadyScale(unit, { top, zero = false } = {}) {
  const binary = isBinary(unit)
  /** @type {[number, number]} */
  let held = [0, 0]
  /** A ratio cannot pass 1, and an axis that stays put is worth more than a few spare pixels. */
  const whole = (unit === 'ratio' && top === 1) || unit === 'score'
  return (bounds) => {
    const [min, max] = (bounds ?? [0, 0]).map((v) => (Math.abs(v) < SMALLEST ? 0 : v))
    if (whole && min >= 0 && max <= oneOf(unit)) return (held = [0, oneOf(unit)])
    const size = Math.max(Math.abs(min), Math.abs(max))
    if (!zero && top === undefined && Math.sign(min) === Math.sign(max) && max - min > size * CONSTANT && max - min < size * CLOSE) return (held = floating(min, max, unit, held))
    const least = top ?? 0
    const high = max > 0 || least > 0 ? Math.max(max * 1.05, least) : 0
    const low = min < 0 ? min * 1.05 : 0
    if (high === 0 && low === 0) return (held = [0, oneOf(unit)])
    held = finite([0 - end(-low, -held[0], binary), end(high, held[1], binary)])
    return held
  }
}

/** Ends whose distance is a number too. @param {[number, number]} ends @returns {[number, number]} */
const finite = ([low, high]) => (Number.isFinite(high - low) ? [low, high] : [low / 2, high / 2])

/** @param {number} needed @param {number} held @param {boolean} binary */
function end(needed, held, binary) {
  if (needed <= 0) return 0
  return needed <= held && needed >= held * FAIR ? held : roundUp(needed, binary)
}

/** @param {number} min @param {number} max @param {Unit} unit @param {[number, number]} held @returns {[number, number]} */
function floating(min, max, unit, held) {
  if (held[0] <= min && held[1] >= max && max - min >= (held[1] - held[0]) * 0.3 && held[0] !== 0 && held[1] !== 0) return held
  const span = max - min
  const [first, second] = splits(min - span, max + span, 5, unit)
  const step = second === undefined ? span : second - first
  return [Math.floor((min - span * 0.2) / step) * step, Math.ceil((max + span * 0.2) / step) * step]
}
