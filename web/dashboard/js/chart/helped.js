/**
 * What of a chart a change can be followed by, and what is sent to follow it.
 *
 * Pure.
 *
 * @import { ChartLine } from './model.js'
 * @import { ChartSpec } from './specs.js'
 * @typedef {{ words: string, expr: string }} Offer  `expr` gives one series
 */
import { print } from '../selector.js'

/** Lines that are offered. */
const MOST = 20

/**
 * The lines of a chart, each as a query that gives it alone: a series by its selector, a line of an expression by its labels.
 * @param {Pick<ChartSpec, 'query'|'title'>} spec @param {Array<Pick<ChartLine, 'name'|'before'> & { series: Pick<ChartLine['series'], 'metric'> }>} lines @param {string[]} queries as they are asked @returns {Offer[]}
 */
export function offersOf(spec, lines, queries) {
  const now = lines.filter((l) => !l.before).slice(0, MOST)
  if (spec.query === undefined) return now.map(({ name, series }) => ({ words: name, expr: print(series.metric) }))
  if (queries.length !== 1) return []
  const [query] = queries
  return now.length === 1 ? [{ words: spec.title, expr: query }] : now.map(({ name, series }) => ({ words: name, expr: alone(query, series.metric) }))
}

/** Of the series of an expression the one with these labels. @param {string} query @param {Record<string, string|undefined>} metric */
function alone(query, metric) {
  const labels = Object.entries(metric).filter(([name, value]) => name !== '__name__' && value !== undefined && value !== '')
  const one = labels.reduce((inner, [name, value]) => `label_replace(${inner}, ${JSON.stringify(name)}, ${JSON.stringify(String(value).replaceAll('$', '$$$$'))}, "", "")`, 'vector(1)')
  return `(${query}) and on (${labels.map(([name]) => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name))).join(', ')}) ${one}`
}

/** The time that a field holds; null where it holds none, or one in the future. @param {string} field `2026-11-26T18:00` @param {number} now Unix seconds @param {boolean} utc */
export function momentOf(field, now, utc) {
  const at = new Date(utc ? `${field}Z` : field).getTime() / 1000
  return Number.isFinite(at) && at <= now ? at : null
}
