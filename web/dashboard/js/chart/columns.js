/**
 * Buckets of a line, and the ends of a band, as a painter holds them, and how they are carried on.
 *
 * Pure.
 *
 * @typedef {{ t: number[], v: number[], min: number[], max: number[], count: number[] }} Columns  buckets of a series; what cannot be drawn is NaN
 * @typedef {{ t: number[], low: number[], high: number[] }} Ends  of a band; NaN where it stops
 * @typedef {{ first: number, from: number, at: number, count: number }} Tail  buckets before `first` are gone, those from `from` on are replaced by `count` buckets, which begin at `at` of the tape, one column after another
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
  const gone = Math.min(lowerBound(columns.t, first), keep)
  names.forEach((name, column) => {
    const list = columns[name]
    list.length = keep
    const begin = at + column * count
    for (let i = begin; i < begin + count; i += 1) list.push(tape[i])
    if (gone > 0) list.splice(0, gone)
  })
}

/** Writes a column from a place on onto a tape. @param {number[]} tape @param {ArrayLike<number|null>} list @param {number} from */
export function addColumn(tape, list, from) {
  for (let i = from; i < list.length; i += 1) tape.push(list[i] ?? NaN)
}
