/**
 * Forecasts of a chart's lines: what is asked, the band and the dashed mean that are drawn of an answer, and its words.
 *
 * Pure.
 *
 * @import { Band, PictureLine } from './sheet.js'
 * @import { ChartLine } from './model.js'
 * @import { ChartSpec } from './specs.js'
 * @import { SeriesForecast, SeriesForecasts } from '../types.js'
 */
import { quoted, sentences, since, span } from '../format.js'
import { print } from '../selector.js'
import { Changes } from './changes.js'
import { MOST_BANDS } from './expected.js'
import { figure } from './words.js'

/** How far ahead a forecast may reach, as the service has it. */
const [SHORTEST_S, LONGEST_S] = [60, 90 * 86_400]
/** Steps of a forecast, about. */
const STEPS = 96
/** @type {Record<'combination'|'seasonal_naive', string>} */
const METHODS = { combination: 'simple forecasts combined', seasonal_naive: 'as one season ago, which nothing was better than' }

/** How far ahead a chart of a period looks: half of it, so that the past keeps two thirds of the picture. @param {number} seconds of the period */
export const horizonOf = (seconds) => Math.round(Math.min(LONGEST_S, Math.max(SHORTEST_S, seconds / 2)))

/** When a forecast is asked for anew: with each of its steps, but not all the time. @param {number} now @param {number} horizon */
export const turnOf = (now, horizon) => Math.floor(now / Math.max(SHORTEST_S, horizon / STEPS))

/** A stack has no forecast: its lines are drawn on each other. @param {ChartSpec} spec */
export const mayForecast = (spec) => !spec.stacked

/** Values that a chart's figures can have: an interval is cut where nothing lies. @param {Pick<ChartSpec, 'unit'|'top'>} spec @returns {(v: number) => number} */
const possible = ({ unit, top }) => {
  const [floor, ceiling] = [unit === 'plain' ? -Infinity : 0, unit === 'ratio' && top === 1 ? 1 : Infinity]
  return (v) => Math.min(ceiling, Math.max(floor, v))
}

/** What is drawn of the answers for the lines that are drawn. @param {SeriesForecasts[]} answers @param {ChartLine[]} lines @param {Pick<ChartSpec, 'unit'|'top'>} spec @returns {{ bands: Band[], means: PictureLine[] }} */
export function drawnOf(answers, lines, spec) {
  const cut = possible(spec)
  const clipped = (/** @type {number[]} */ column) => column.map(cut)
  const found = lined(answers, lines).flatMap(({ line, one, step }) => (one && one.t.length > 0 ? [{ line, one, step }] : []))
  return {
    bands: found.map(({ line, one }) => ({ name: line.name, colour: line.colour, t: one.t, low: clipped(one.low), high: clipped(one.high) })),
    means: found.map(({ line, one, step }) => {
      const v = clipped(one.mean)
      const series = { key: line.key, metric: line.series.metric, t: one.t, v, min: v, max: v, last: v, count: v.map(() => 1) }
      return { series, changes: new Changes(), colour: line.colour, step, gap: Infinity, dashed: true }
    }),
  }
}

/** What is said below each line, by its key. @param {SeriesForecasts[]} answers @param {ChartLine[]} lines @param {Pick<ChartSpec, 'unit'|'top'>} spec @param {number} now @returns {Map<string, string>} */
export function wordsOf(answers, lines, spec, now) {
  return new Map(lined(answers, lines).map(({ line, one, step, level }, i) => [line.key, i >= MOST_BANDS ? `Forecasts of more than ${MOST_BANDS} lines would lie on each other: hide others` : ahead(one, step, level, spec, now)]))
}

/** @param {SeriesForecast|undefined} one @param {number} step @param {number} level @param {Pick<ChartSpec, 'unit'|'top'>} spec @param {number} now */
function ahead(one, step, level, spec, now) {
  if (!one) return 'Not forecast: of so many series, the first 12 are'
  const last = one.t.length - 1
  if (last < 0 || one.method === null) return `Cannot be forecast yet: ${one.missing ?? 'nothing is known'}`
  const [low, mean, high] = [one.low, one.mean, one.high].map((column) => figure(possible(spec)(column[last]), spec.unit))
  const reach = `Forecast: ${mean} by ${since(one.t[last], now)}; ${Math.round(level * 100)} of 100 means of ${span(step)} should lie within ${low} and ${high} then`
  return sentences([`${reach} (${METHODS[one.method]})`, one.missing && `No further: ${quoted(one.missing, 200)}`])
}

/** The forecast of each line that is drawn; those that are compared have none. @param {SeriesForecasts[]} answers @param {ChartLine[]} lines */
function lined(answers, lines) {
  const byKey = new Map(answers.flatMap(({ series, step, level }) => series.map((one) => /** @type {const} */ ([print(one.metric), { one, step, level }]))))
  const own = lines.filter((line) => !line.before)
  return own.map((line, i) => {
    const found = byKey.get(line.series.key)
    return { line, one: i < MOST_BANDS ? found?.one : undefined, step: found?.step ?? 0, level: found?.level ?? 0 }
  })
}
