/**
 * The newest figures of a metric: those of the live stream, or as long as none came, those that are stored.
 *
 * Pure.
 *
 * @import { Series } from '../chart/series.js'
 * @import { Newest } from '../stores/samples.js'
 */

/** @param {Newest[]} live @param {Iterable<Series>} stored the courses over the period in view @returns {Newest[]} */
export function newestKnown(live, stored) {
  if (live.length > 0) return live
  return [...stored].flatMap(({ metric, t, last }) => {
    const at = last.findLastIndex((v) => !Number.isNaN(v))
    return at < 0 ? [] : [{ metric, t: t[at], v: last[at] }]
  })
}
