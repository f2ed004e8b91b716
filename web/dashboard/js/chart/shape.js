/**
 * The shape of what a chart draws: which pixels times lie on, where a line is broken, where it has a band.
 *
 * Pure.
 */
import { lowerBound } from '../points.js'

/** Height of the lane of event ticks between the plot and its time axis, in CSS pixels. */
export const LANE = 7
/** A picture is moved by whole pixels; a shift that is a whole number but for this part of a pixel counts as one. */
export const NEARLY = 1e-3

/**
 * The same length of time with its ends on a grid of whole pixels, so that a later one is a whole number of pixels further.
 * @param {[number, number]} span @param {number} pixels of the plot's width @returns {[number, number]}
 */
export function onPixels([start, end], pixels) {
  // A length that is the difference of two times of the clock has errors in its last digits: a grid of them would drift.
  const length = Math.round((end - start) * 1000) / 1000
  if (!(pixels > 0)) return [start, end]
  const to = (Math.ceil((end * pixels) / length - NEARLY) * length) / pixels
  return [to - length, to]
}

/** The pixel of a place. One that lies halfway between two would else be put now on this and now on that one, by the error of its last digit. @param {number} at */
export const pixelOf = (at) => Math.round(at - NEARLY)

/** Stretches without a gap, as from and to (both within) of the buckets to be drawn. @param {{ t: ArrayLike<number>, v: ArrayLike<number|null> }} series @param {number} gap @param {{ from: number, end: number, until: number }} view @returns {Array<[number, number]>} */
export function stretches({ t, v }, gap, { from: first, end, until }) {
  /** @type {Array<[number, number]>} */
  const found = []
  let from = -1
  // Two before: the line enters with one, and the other shows that this one does not stand alone.
  let i = Math.max(0, lowerBound(t, first) - 2)
  for (; i < t.length; i += 1) {
    const drawn = v[i] !== null && Number.isFinite(v[i])
    const broken = from >= 0 && t[i] - t[i - 1] > gap
    if (from >= 0 && (!drawn || broken)) {
      found.push([from, i - 1])
      from = -1
    }
    if (t[i] > until || (t[i] > end && (i === 0 || t[i - 1] > end))) break
    if (drawn && from < 0) from = i
  }
  if (from >= 0) found.push([from, i - 1])
  return found
}

/**
 * The parts of a stretch whose buckets hold samples that differ by more than `least`, each with the neighbours that its band runs out to.
 * @param {{ min: ArrayLike<number>, max: ArrayLike<number>, count: ArrayLike<number> }} series @param {number} from @param {number} to @param {number} least @returns {Array<[number, number]>}
 */
export function ranges({ min, max, count }, from, to, least) {
  /** @type {Array<[number, number]>} */
  const found = []
  for (let i = from; i <= to; i += 1) {
    if (count[i] < 2 || !(max[i] - min[i] > least)) continue
    const before = found[found.length - 1]
    if (before && i - 1 <= before[1]) before[1] = Math.min(to, i + 1)
    else found.push([Math.max(from, i - 1), Math.min(to, i + 1)])
  }
  return found
}
