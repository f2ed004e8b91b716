/**
 * The order of a table's rows.
 *
 * Pure.
 *
 * @import { Column } from './Table.js'
 */
import { byName } from '../order.js'

/** Rows by the value of a column; rows without a value come last in either direction, equal ones keep their order. @param {any[]} rows @param {Column[]} columns @param {string} order the column's key, `-` before it for the highest first */
export function sortRows(rows, columns, order) {
  const column = columns.find((c) => c.key === order.replace(/^-/, ''))
  if (!column) return rows
  const sign = order.startsWith('-') ? -1 : 1
  return rows.map((row) => ({ row, value: column.value(row) })).sort((a, b) => {
    if (missing(a.value) || missing(b.value)) return Number(missing(a.value)) - Number(missing(b.value))
    return sign * compare(/** @type {number|string} */ (a.value), /** @type {number|string} */ (b.value))
  }).map(({ row }) => row)
}

/** @param {number|string|null|undefined} value */
const missing = (value) => value === null || value === undefined || Number.isNaN(value)

/** @param {number|string} a @param {number|string} b */
function compare(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return byName(String(a), String(b))
}
