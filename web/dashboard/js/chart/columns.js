/**
 * Buckets of a line as a painter holds them, and how they are carried on.
 *
 * Pure.
 *
 * @typedef {{ t: number[], v: number[], min: number[], max: number[], count: number[] }} Columns  buckets of a series; what cannot be drawn is NaN
 * @typedef {{ first: number, from: number, at: number, count: number }} Tail  buckets before `first` are gone, those from `from` on are replaced by `count` buckets that begin at `at` of the tape
 */
import { lowerBound } from '../points.js'

/** Numbers of a bucket on the tape. @type {Array<keyof Columns>} */
export const COLUMNS = ['t', 'v', 'min', 'max', 'count']

/** @returns {Columns} */
export const emptyColumns = () => ({ t: [], v: [], min: [], max: [], count: [] })

/** @param {Columns} columns @param {Tail} tail @param {ArrayLike<number>} tape */
export function addTail(columns, { first, from, at, count }, tape) {
  const keep = lowerBound(columns.t, from)
  for (const name of COLUMNS) columns[name].length = keep
  for (let i = 0; i < count; i += 1) COLUMNS.forEach((name, column) => columns[name].push(tape[at + i * COLUMNS.length + column]))
  const gone = lowerBound(columns.t, first)
  if (gone > 0) for (const name of COLUMNS) columns[name].splice(0, gone)
}
