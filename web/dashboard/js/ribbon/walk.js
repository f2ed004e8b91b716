/**
 * Walking over the marks of the ribbon by keyboard: left and right within a lane, up and down to the nearest mark of the next lane that has any.
 *
 * Pure. Only marks in view are walked over.
 *
 * @import { Bar, Lane } from './lanes.js'
 * @typedef {{ lane: number, bar: Bar }} Marked
 */
import { visible } from './lanes.js'

/** Indexes of the first and last bar in view; null where there is none. @param {Lane} lane @param {number} start @param {number} end @param {number} now @returns {[number, number]|null} */
function inView(lane, start, end, now) {
  let first = visible(lane, start)
  while (first < lane.bars.length && (lane.bars[first].end ?? now) < start) first += 1
  let last = lane.bars.length - 1
  while (last >= first && lane.bars[last].start > end) last -= 1
  return last >= first ? [first, last] : null
}

/**
 * The mark that a key leads to; null for keys that are not ours, and where nothing is in view.
 * @param {string} key @param {Lane[]} lanes @param {Marked|null} marked @param {number} start @param {number} end @param {number} now @returns {Marked|null}
 */
export function walk(key, lanes, marked, start, end, now) {
  if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(key)) return null
  const rows = lanes.map((lane, i) => ({ lane, i, view: inView(lane, start, end, now) })).filter((row) => row.view !== null)
  if (rows.length === 0) return null
  const at = marked ? rows.findIndex(({ i }) => i === marked.lane) : -1
  const here = marked && at >= 0 ? rows[at].lane.bars.findIndex((b) => same(b, marked.bar)) : -1
  if (!marked || at < 0) {
    const { lane, i, view } = rows[0]
    return { lane: i, bar: lane.bars[/** @type {[number, number]} */ (view)[1]] }
  }
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const { lane, i, view } = rows[Math.min(rows.length - 1, Math.max(0, at + (key === 'ArrowUp' ? -1 : 1)))]
    const [first, last] = /** @type {[number, number]} */ (view)
    let nearest = lane.bars[first]
    for (let n = first + 1; n <= last; n += 1) if (Math.abs(lane.bars[n].start - marked.bar.start) < Math.abs(nearest.start - marked.bar.start)) nearest = lane.bars[n]
    return { lane: i, bar: nearest }
  }
  const { lane, i, view } = rows[at]
  const [first, last] = /** @type {[number, number]} */ (view)
  const next = key === 'Home' ? first : key === 'End' ? last : (here < 0 ? last : here) + (key === 'ArrowLeft' ? -1 : 1)
  return { lane: i, bar: lane.bars[Math.min(last, Math.max(first, next))] }
}

/** Bars are made anew with new data. @param {Bar} a @param {Bar} b */
export const same = (a, b) => a === b || (a.start === b.start && a.title === b.title)
