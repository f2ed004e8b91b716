/**
 * What Explore is asked: the queries in the address, and which query a metric is best looked at with.
 *
 * Pure. The first query is `query`, the others are `b` to `f`, so that a link of one query stays short.
 *
 * @typedef {{ letter: string, param: string, text: string, hidden: boolean }} Wanted
 * @typedef {'graph'|'table'|'heat'} View
 * @import { Unit } from '../format.js'
 */
import { unitOf } from '../format.js'

const LETTERS = ['A', 'B', 'C', 'D', 'E', 'F']
/** @param {string} letter */
const paramOf = (letter) => (letter === 'A' ? 'query' : letter.toLowerCase())
/** Queries at the most. */
export const MOST_QUERIES = LETTERS.length

/** The queries of an address; there is always a first one. @param {Record<string, string>} params @returns {Wanted[]} */
export function wantedOf(params) {
  const hidden = new Set((params.hide ?? '').split(''))
  return LETTERS.map((letter) => ({ letter, param: paramOf(letter), text: params[paramOf(letter)] ?? '', hidden: hidden.has(letter.toLowerCase()) }))
    .filter(({ letter, text }) => letter === 'A' || text !== '')
}

/** What the address has of queries: one after the other, without a gap. @param {Array<{ text: string, hidden: boolean }>} queries @returns {Record<string, string>} */
export function paramsOf(queries) {
  const held = queries.filter(({ text }) => text.trim() !== '').slice(0, MOST_QUERIES)
  const params = Object.fromEntries(LETTERS.map((letter, i) => [paramOf(letter), held[i]?.text.trim() ?? '']))
  return { ...params, hide: held.map(({ hidden }, i) => (hidden ? LETTERS[i].toLowerCase() : '')).join('') }
}

/** @param {number} index */
export const letterOf = (index) => LETTERS[index]

/** @param {string} name */
const selector = (name) => (/^[a-zA-Z_:][\w:]*$/.test(name) ? name : `{${JSON.stringify(name)}}`)

/** The query that says most of a metric, by its type, or by its name where none is known. @param {string} name @param {string} type @returns {{ query: string, view: View }} */
export function queryFor(name, type) {
  if (name.endsWith('_bucket')) return { query: `histogram_quantile(0.95, sum by (le) (rate(${selector(name)}[5m])))`, view: 'graph' }
  const counter = type === 'counter' || ((type === '' || type === 'unknown') && /_(total|count|sum)$/.test(name)) || ((type === 'histogram' || type === 'summary') && /_(count|sum)$/.test(name))
  return { query: counter ? `rate(${selector(name)}[5m])` : selector(name), view: 'graph' }
}

/** How the buckets of a histogram filled, step by step: what a heat map draws. @param {string} name */
export const heatQueryFor = (name) => `sum by (le) (increase(${selector(name)}[step()] anchored))`

/**
 * The unit of what a query says, as far as the names of its metrics and its functions tell.
 * @param {string} query @param {string[]} names of the metrics in it @returns {Unit}
 */
export function unitFor(query, names) {
  const units = new Set(names.map((name) => unitOf(name.replace(/_(bucket|sum)$/, ''))))
  const [unit] = units
  if (units.size !== 1 || /\b(count|count_over_time|changes|resets|group|absent|stdvar|timestamp|time)\s*(by|without|\(|$)/.test(query)) return 'plain'
  // Values that are multiplied, divided or compared to 0 and 1 have a unit of their own.
  const bare = query.replaceAll(/\{[^}]*\}|\[[^\]]*\]|"(?:[^"\\]|\\.)*"/g, '')
  if (/[*/%^]|\bbool\b/.test(bare)) return 'plain'
  if (!/\b(rate|irate|deriv)\s*\(/.test(query)) return unit
  if (/\bhistogram_quantiles?\s*\(/.test(query)) return unit
  return unit === 'bytes' ? 'bytes_per_second' : 'plain'
}
