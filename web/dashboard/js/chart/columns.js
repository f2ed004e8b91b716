/**
 * Buckets of a line, and the ends of a band, as a painter holds them, and how they are carried on.
 *
 * Pure.
 *
 * @typedef {{ t: number[], v: number[], min: number[], max: number[], count: number[] }} Columns  buckets of a series; what cannot be drawn is NaN
 * @typedef {{ t: number[], low: number[], high: number[] }} Ends  of a band; NaN where it stops
 * @typedef {{ first: number, from: number, at: number, count: number }} Tail  buckets before `first` are gone, those from `from` on are replaced by `count` buckets that begin at `at` of the tape
 */
import { lowerBound } from '../points.js'

/** Numbers of a bucket on the tape. @type {Array<keyof Columns>} */
export const COLUMNS = ['t', 'v', 'min', 'max', 'count']

/** Numbers of each time of a band on the tape. @type {Array<keyof Ends>} */
export const ENDS = ['t', 'low', 'high']

/** @returns {Columns} */
export const emptyColumns = () => ({ t: [], v: [], min: [], max: [], count: [] })

/** @returns {Ends} */
export const emptyEnds = () => ({ t: [], low: [], high: [] })

/** @param {Columns} columns @param {Tail} tail @param {ArrayLike<number>} tape */
export const addTail = (columns, tail, tape) => carryOn(columns, COLUMNS, tail, tape)

/** @param {Ends} ends @param {Tail} tail @param {ArrayLike<number>} tape */
export const addEnds = (ends, tail, tape) => carryOn(ends, ENDS, tail, tape)

/** @template {string} Name @param {Record<Name|'t', number[]>} columns @param {Name[]} names @param {Tail} tail @param {ArrayLike<number>} tape */
function carryOn(columns, names, { first, from, at, count }, tape) {
  const keep = lowerBound(columns.t, from)
  for (const name of names) columns[name].length = keep
  for (let i = 0; i < count; i += 1) names.forEach((name, column) => columns[name].push(tape[at + i * names.length + column]))
  const gone = lowerBound(columns.t, first)
  if (gone > 0) for (const name of names) columns[name].splice(0, gone)
}
