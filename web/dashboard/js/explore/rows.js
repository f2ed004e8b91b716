/**
 * Rows of answers as a table: their columns, their order, and as text to copy or to keep.
 *
 * Pure.
 *
 * @import { Line } from '../points.js'
 * @import { Metric } from '../types.js'
 * @typedef {{ metric: Metric, key: string, value: string, letter: string }} Row
 */
import { byName } from '../order.js'

/** Labels that have a column of their own. */
const MOST_COLUMNS = 12

/** The columns: query, metric and labels that some row has, value last. @param {Row[]} rows @param {boolean} several queries @returns {string[]} */
export function columnsOf(rows, several) {
  const labels = new Set(rows.flatMap((row) => Object.keys(row.metric)))
  const named = labels.delete('__name__')
  return [...(several ? ['query'] : []), ...(named ? ['__name__'] : []), ...[...labels].sort().slice(0, MOST_COLUMNS), 'value']
}

/** @param {string} text @returns {number|null} null for NaN, infinities and texts */
export const numberOf = (text) => (text !== '' && Number.isFinite(Number(text)) ? Number(text) : null)

/** The rows by a column, downwards with `-` before it; as they came without one. @template {Row} T @param {T[]} rows @param {string} order @returns {T[]} */
export function sorted(rows, order) {
  const column = order.replace(/^-/, '')
  if (column === '') return rows
  const sign = order.startsWith('-') ? -1 : 1
  const by = column === 'value'
    ? (/** @type {T} */ a, /** @type {T} */ b) => rank(a.value) - rank(b.value)
    : column === 'query' ? (/** @type {T} */ a, /** @type {T} */ b) => byName(a.letter, b.letter)
      : (/** @type {T} */ a, /** @type {T} */ b) => byName(a.metric[column] ?? '', b.metric[column] ?? '')
  return [...rows].sort((a, b) => sign * by(a, b) || 0)
}

/** Not-a-number stands below everything. @param {string} value */
function rank(value) {
  if (value === '+Inf') return Number.MAX_VALUE
  if (value === '-Inf') return -Number.MAX_VALUE
  return numberOf(value) ?? -Number.MAX_VALUE
}

/** With tabs between cells, as spreadsheets take it. @param {Row[]} rows @param {string[]} columns */
export function tsv(rows, columns) {
  const cell = (/** @type {Row} */ row, /** @type {string} */ column) => (column === 'value' ? row.value : column === 'query' ? row.letter : row.metric[column] ?? '').replaceAll(/[\t\n\r]+/g, ' ')
  return [columns.map((c) => (c === '__name__' ? 'metric' : c)).join('\t'), ...rows.map((row) => columns.map((c) => cell(row, c)).join('\t'))].join('\n')
}

/** @param {string} text as a cell of CSV; one that a spreadsheet would take for a formula begins with a quote */
function quoted(text) {
  const safe = /^[=+\-@\t]/.test(text) && !/^[-+]?(\d|\.\d|Inf$)/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Lines as CSV: a row a point. @param {Array<{ letter: string, lines: Line[] }>} answers */
export function csvOf(answers) {
  const out = ['query,series,time,value']
  for (const { letter, lines } of answers) {
    for (const line of lines) {
      const key = quoted(line.key)
      line.t.forEach((t, i) => out.push(`${letter},${key},${new Date(t * 1000).toISOString()},${line.v[i] ?? ''}`))
    }
  }
  return out.join('\n')
}
