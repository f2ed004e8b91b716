/**
 * Where a series is expected to be, beside its own history: which series of the service say so, and the bands that a chart draws of them.
 *
 * Pure.
 *
 * @import { Band } from './sheet.js'
 * @import { ChartLine } from './model.js'
 * @import { Series } from './series.js'
 */
import { parse, print } from '../selector.js'

const LOW = 'taskpulse_expected_low'
const HIGH = 'taskpulse_expected_high'
/** Bands of more lines would lie on one another. */
export const MOST_BANDS = 4

/**
 * The selectors of the lower and the upper end for what a chart asks; null where nobody can say: an expression, or a count that only rises.
 * What is expected of a count is its rate.
 * @param {string} query @returns {[string, string]|null}
 */
export function expectedOf(query) {
  const rate = /^\s*rate\((.*)\[\$?\w+\]\)\s*$/s.exec(query)
  const selector = parse(rate?.[1] ?? query)
  if (!selector || selector.prefix || selector.name.endsWith('_total') !== (rate !== null)) return null
  const rest = selector.matchers.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`)
  const inside = `{${[`metric=${JSON.stringify(selector.name)}`, ...rest].join(',')}}`
  return [LOW + inside, HIGH + inside]
}

/** What a line has in common with the series of its ends. @param {import('../types.js').Metric} metric */
const keyOf = (metric) => print({ ...metric, __name__: '' })
/** The same of an end, which names the metric besides. @param {import('../types.js').Metric} metric */
const endKey = ({ metric: _, ...labels }) => keyOf(labels)

/**
 * @param {Series[]} lows @param {Series[]} highs @param {ChartLine[]} lines those that are drawn @param {(series: Series) => number} gapOf how far apart two points may be @param {number} floor no band reaches below
 * @returns {Band[]}
 */
export function bandsOf(lows, highs, lines, gapOf, floor) {
  const above = new Map(highs.map((series) => [endKey(series.metric), series]))
  const below = new Map(lows.map((series) => [endKey(series.metric), series]))
  const own = lines.filter((line) => !line.before)
  return own.length > MOST_BANDS ? [] : own.flatMap(({ series, name, colour }) => {
    const key = keyOf(series.metric)
    const [low, high] = [below.get(key), above.get(key)]
    return low && high ? [{ name, colour, ...joined(low, high, gapOf(low), floor) }] : []
  })
}

/** Both ends at the times that both have; a gap where they stop. @param {Series} low @param {Series} high @param {number} gap @param {number} floor @returns {Pick<Band, 't'|'low'|'high'>} */
function joined(low, high, gap, floor) {
  /** @type {{ t: number[], low: Array<number|null>, high: Array<number|null> }} */
  const band = { t: [], low: [], high: [] }
  const add = (/** @type {number} */ t, /** @type {number|null} */ a, /** @type {number|null} */ b) => {
    band.t.push(t)
    band.low.push(a === null ? null : Math.max(floor, a))
    band.high.push(b === null ? null : Math.max(floor, b))
  }
  let at = 0
  low.t.forEach((t, i) => {
    while (at < high.t.length && high.t[at] < t) at += 1
    if (high.t[at] !== t) return
    const before = band.t[band.t.length - 1]
    if (before !== undefined && t - before > gap) add(before, null, null)
    add(t, low.v[i], high.v[at])
  })
  return band
}
