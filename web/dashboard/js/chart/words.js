/**
 * A chart in words: for those who do not see it.
 *
 * Pure.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { ChartLine } from './model.js'
 * @import { Unit } from '../format.js'
 */
import { count, format } from '../format.js'
import { bucketAt, figuresOf, gapOf } from './series.js'

/** Lines that a summary names. */
const NAMED = 5

/** A figure of a chart; an infinity is told from no number. @param {number|null} value @param {Unit} unit */
export const figure = (value, unit) => (value === Infinity ? '∞' : value === -Infinity ? '−∞' : format(value, unit))

/** What all figures of a table count besides what stands behind each: there is no room for more behind them. @param {Unit} unit */
export const tableUnit = (unit) => (unit === 'bytes_per_second' ? 'per second' : '')

/** A figure in a table that says its `tableUnit`. @param {number|null} value @param {Unit} unit */
export const columnFigure = (value, unit) => figure(value, unit === 'bytes_per_second' ? 'bytes' : unit)

/** @param {ChartSpec} spec @param {ChartLine[]} lines @param {number} start @param {number} end */
export function summary(spec, lines, start, end) {
  const parts = lines.filter((l) => !l.before).slice(0, NAMED).map(({ name, series }) => {
    const { last, min, max, mean } = figuresOf(series, start, end)
    if (last === null) return `${name}: no sample`
    return `${name} ${figure(last, spec.unit)}, between ${figure(min, spec.unit)} and ${figure(max, spec.unit)}, ${figure(mean, spec.unit)} on average`
  })
  const more = lines.filter((l) => !l.before).length - parts.length
  return `${parts.join('; ')}${more > 0 ? `; and ${count(more, 'more line')}` : ''}.`
}

/** What the lines are at a time. @param {ChartSpec} spec @param {ChartLine[]} lines @param {number} time */
export function atCursor(spec, lines, time) {
  return lines.slice(0, 2 * NAMED).map(({ name, series, buckets, before }) => {
    const at = bucketAt(series, time, buckets.step, gapOf(series, buckets.step, buckets.sampling))
    return `${name}${before ? ' before' : ''} ${at < 0 ? 'no sample' : figure(series.v[at], spec.unit)}`
  }).join(', ')
}
