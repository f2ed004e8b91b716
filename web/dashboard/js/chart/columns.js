/**
 * Buckets of a line, and the ends of a band, as a painter holds them, and how they are carried on.
 *
 * Pure. Numbers are copied as blocks of memory: code that has just been loaded would take ten times as long to copy them one by one.
 *
 * @typedef {{ t: Float64Array, v: Float64Array, min: Float64Array, max: Float64Array, count: Float64Array }} Columns  buckets of a series; what cannot be drawn is NaN
 * @typedef {{ t: Float64Array, low: Float64Array, high: Float64Array }} Ends  of a band; NaN where it stops
 * @typedef {{ first: number, from: number, at: number, count: number }} Tail  buckets before `first` are gone, those from `from` on are replaced by `count` buckets, which begin at `at` of the tape, one column after another
 */
import { lowerBound } from '../points.js'

/** Numbers of a bucket on the tape. @type {Array<keyof Columns>} */
export const COLUMNS = ['t', 'v', 'min', 'max', 'count']

/** Numbers of each time of a band on the tape. @type {Array<keyof Ends>} */
export const ENDS = ['t', 'low', 'high']

const BYTES = Float64Array.BYTES_PER_ELEMENT
const NONE = new Float64Array(0)
/** A column has room for so many more numbers: it would else be copied as a whole at each beat. */
const ROOM = 64
/** A tape begins with room for so many. */
const LEAST = 1024

/** @returns {Columns} */
export const emptyColumns = () => ({ t: NONE, v: NONE, min: NONE, max: NONE, count: NONE })

/** @returns {Ends} */
export const emptyEnds = () => ({ t: NONE, low: NONE, high: NONE })

/** Numbers of all lines and bands that are drawn at one moment, one after another. */
export class Tape {
  #numbers = new Float64Array(0)
  length = 0

  /** Adds a list from a place on; NaN for what is not known. @param {ReadonlyArray<number|null>} list @param {number} from */
  add(list, from) {
    const part = list.slice(from)
    const end = this.length + part.length
    if (end > this.#numbers.length) {
      const longer = new Float64Array(Math.max(LEAST, end, 2 * this.#numbers.length))
      longer.set(this.#numbers)
      this.#numbers = longer
    }
    this.#numbers.set(/** @type {number[]} */ (part), this.length)
    // It would be 0.
    if (part.includes(null)) part.forEach((v, i) => { if (v === null) this.#numbers[this.length + i] = NaN })
    this.length = end
  }

  /** What was added, to be handed over with its memory. The tape is empty then. */
  take() {
    const taken = this.#numbers.subarray(0, this.length)
    this.#numbers = new Float64Array(0)
    this.length = 0
    return taken
  }
}

/** @param {Columns} columns @param {Tail} tail @param {Float64Array} tape */
export const addTail = (columns, tail, tape) => carryOn(columns, COLUMNS, tail, tape)

/** @param {Ends} ends @param {Tail} tail @param {Float64Array} tape */
export const addEnds = (ends, tail, tape) => carryOn(ends, ENDS, tail, tape)

/** @template {string} Name @param {Record<Name|'t', Float64Array>} columns @param {Name[]} names @param {Tail} tail @param {Float64Array} tape */
function carryOn(columns, names, { first, from, at, count }, tape) {
  const keep = lowerBound(columns.t, from)
  const gone = Math.min(lowerBound(columns.t, first), keep)
  names.forEach((name, column) => {
    const begin = at + column * count
    columns[name] = joined(columns[name], gone, keep, tape.subarray(begin, begin + count))
  })
}

/** Part of a column, and what follows on it: in the same memory, where that has room. @param {Float64Array} list @param {number} gone @param {number} keep @param {Float64Array} fresh */
function joined(list, gone, keep, fresh) {
  const length = keep - gone + fresh.length
  const begin = list.byteOffset + gone * BYTES
  if (begin + length * BYTES <= list.buffer.byteLength) {
    const longer = new Float64Array(list.buffer, begin, length)
    longer.set(fresh, keep - gone)
    return longer
  }
  const moved = new Float64Array(length + ROOM)
  moved.set(list.subarray(gone, keep))
  moved.set(fresh, keep - gone)
  return moved.subarray(0, length)
}
