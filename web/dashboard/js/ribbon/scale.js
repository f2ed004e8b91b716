/**
 * The time axis of the ribbon: where a time is, and which times are named.
 *
 * Pure. Marks and the lines of the axis are put on whole pixels by the same function, so that they meet.
 *
 * @typedef {{ start: number, end: number, left: number, right: number }} Scale  `left`, `right`: CSS pixels between which the period lies
 */

/** @param {Scale} scale @param {number} t */
export const xOf = ({ start, end, left, right }, t) => Math.round(left + ((t - start) / (end - start)) * (right - left))
/** @param {Scale} scale @param {number} x */
export const timeAt = ({ start, end, left, right }, x) => start + ((x - left) / (right - left)) * (end - start)

/** Steps between lines: what divides minutes, hours and days. */
const STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000]
/** A label needs so much room. */
const LABEL_PX = 84

/** How far the lines of the axis are apart, in seconds. @param {Scale} scale */
export function tickStep({ start, end, left, right }) {
  const room = Math.max(1, Math.floor((right - left) / LABEL_PX))
  return STEPS.find((step) => (end - start) / step <= room) ?? STEPS[STEPS.length - 1]
}

/** The first line: on a round time of the zone. @param {number} start @param {number} step @param {number} zone seconds by which the zone is behind UTC */
export const firstTick = (start, step, zone) => Math.ceil((start - zone) / step) * step + zone

/** Lengths of a view that is shorter than the period because nothing was known before. */
const LENGTHS = [300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000]

/** What is known begins later than this part of a view: a sample is never from its very start. */
const LATE = 0.02

/** Whether nothing is known of the first part of a view. @param {number} start of the view @param {number} end @param {number} known from when on anything is known; infinite for never */
export const beginsLate = (start, end, known) => known !== Infinity && known - start > Math.max(120, (end - start) * LATE)

/**
 * Where the view begins: with the period, or later where the service is so young that all there is would be a sliver at the right edge.
 * @param {{ start: number, end: number, live: boolean }} period @param {number} known from when on anything is known; infinite for never
 */
export function viewStart({ start, end, live }, known) {
  if (!live || known === Infinity || known <= start) return start
  const length = LENGTHS.find((seconds) => seconds >= end - known) ?? Infinity
  return length <= (end - start) / 2 ? end - length : start
}
