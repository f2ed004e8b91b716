/**
 * The lines of a chart out of its buckets: which, in what order, under what name, in which colour.
 *
 * @import { Buckets } from '../stores/buckets.js'
 * @import { ChartSpec } from './specs.js'
 * @import { Series } from './series.js'
 * @typedef {{ series: Series, buckets: Buckets, key: string, name: string, colour: string, before: boolean }} ChartLine
 *   `key`: of the line in its chart, the same for what it is compared with; `before`: drawn to compare with
 */
import { coloursOf } from './colours.js'
import { highestFirst } from './series.js'
import { byName } from '../order.js'
import { print } from '../selector.js'

/** So many lines stand in the order of their names. */
const MOST_NAMED = 8
/** Most lines that are drawn of one chart. */
export const MOST_LINES = 20

/**
 * @param {ChartSpec} spec @param {Buckets[]} now @param {Buckets[]} before the same questions, asked of an earlier time
 * @returns {{ lines: ChartLine[], total: number }} `total`: how many series there are
 */
export function linesOf(spec, now, before) {
  const chosen = pick(spec, now)
  // Two queries may find the same series.
  const keyOf = (/** @type {{ series: Series, buckets: Buckets }} */ { series, buckets }) => (now.length > 1 && spec.selectors.length > 1 ? `${series.key} ${buckets.query}` : series.key)
  // Charts of different metrics show the same thing in one colour; two metrics in one chart differ by their names alone.
  const labels = new Map(chosen.map((one) => [keyOf(one), print({ ...one.series.metric, __name__: '' })]))
  const colours = coloursOf(chosen.map(keyOf), (key) => labels.get(key) ?? key)
  const lines = chosen.map((one, i) => line(spec, one, keyOf(one), spec.colour?.(one.series.metric, i) ?? /** @type {string} */ (colours.get(keyOf(one))), false))
  const earlier = new Map(before.flatMap((buckets) => [...buckets.lines.values()].map((series) => [keyOf({ series, buckets }), { series, buckets }])))
  const compared = lines.flatMap((l) => {
    const held = earlier.get(l.key)
    return held ? [line(spec, held, l.key, l.colour, true)] : []
  })
  const total = now.reduce((sum, b) => sum + Math.max(b.total, b.lines.size), 0)
  return { lines: [...lines, ...compared], total: spec.pick ? lines.length : total }
}

/** @param {ChartSpec} spec @param {Buckets[]} now */
function pick(spec, now) {
  const owner = new Map(now.flatMap((buckets) => [...buckets.lines.values()].map((series) => [series, buckets])))
  const all = [...owner.keys()]
  // Few are found by their names, many by what they are.
  const picked = spec.pick ? spec.pick(all) : all.length > MOST_NAMED ? highestFirst(all) : all.sort((a, b) => byName(a.key, b.key))
  return picked.slice(0, MOST_LINES).map((series) => ({ series, buckets: /** @type {Buckets} */ (owner.get(series)) }))
}

/** @param {ChartSpec} spec @param {{ series: Series, buckets: Buckets }} one @param {string} key @param {string} colour @param {boolean} before @returns {ChartLine} */
const line = (spec, { series, buckets }, key, colour, before) => ({ series, buckets, key, name: spec.name(series.metric, buckets.query), colour, before })
