/**
 * Of a query with many series, those with the highest values: what is drawn and listed.
 *
 * Pure: the queries that find them and that ask for them alone.
 *
 * @import { Selector } from '../selector.js'
 * @import { Metric } from '../types.js'
 * @typedef {{ query: string, keeps: (metric: Metric) => boolean }} Narrowed  `keeps`: the query may find others beside them
 */
import { print } from '../selector.js'

/** Series of one question that are drawn and listed. */
export const MOST_SERIES = 20
/** So many series are read as they are, and the highest of them drawn: asking which are highest, and for those alone, would take three answers. */
export const MOST_READ = 50
/** A selector by the values of its labels may find more than were meant. */
export const LOADED = 400

/** The query that finds them. @param {string} query @param {boolean} plain a selector, whose samples are looked at one by one @param {number} seconds @param {number} step */
export const topQuery = (query, plain, seconds, step) =>
  (plain ? `topk(${MOST_SERIES}, max_over_time(${query}[${seconds}s]))` : `topk(${MOST_SERIES}, max_over_time((${query})[${seconds}s:${step}s]))`)

/**
 * The query for these series alone.
 * @param {string} query @param {Selector|null} plain @param {Metric[]} metrics whose names `max_over_time` has dropped @param {{ seconds: number, width: number, time: number }} when @returns {Narrowed}
 */
export function narrowed(query, plain, metrics, { seconds, width, time }) {
  const keys = new Set(metrics.map(nameless))
  const keeps = (/** @type {Metric} */ metric) => keys.has(nameless(metric))
  if (!plain) return { query: `(${query}) and (topk(${MOST_SERIES}, max_over_time((${query})[${seconds}s:${width}s] @ ${time})))`, keeps }
  const labels = [...new Set(metrics.flatMap((m) => Object.keys(m)))].filter((l) => l !== '__name__').sort()
  const matchers = labels.map((label) => `${label}=~${JSON.stringify([...new Set(metrics.map((m) => m[label] ?? ''))].map(literal).join('|'))}`)
  // Matchers of one label add up, so those of the query stay.
  const [, name, inside] = /^\s*([^{\s]*)\s*(?:\{([^]*)\})?\s*$/.exec(query) ?? ['', query, '']
  const all = [inside?.trim().replace(/,$/, ''), ...matchers].filter(Boolean).join(',')
  return { query: `${name}{${all}}`, keeps }
}

/** @param {Metric} metric */
const nameless = ({ __name__, ...labels }) => print(labels)
/** A text as a regular expression that means it. @param {string} text */
const literal = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
