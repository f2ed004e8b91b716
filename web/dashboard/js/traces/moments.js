/**
 * Moments to the nanosecond: a number holds the seconds since 1970 to a quarter of a microsecond only, and spans may be shorter.
 *
 * Pure.
 *
 * @typedef {{ s: number, ns: number }} Moment  whole Unix seconds, and nanoseconds beyond them
 */

const SHAPE = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)$/

/** A time of RFC 3339; null for what is none. @param {unknown} text @returns {Moment|null} */
export function momentOf(text) {
  const found = SHAPE.exec(String(text))
  const s = found ? Date.parse(`${found[1].replace(/[t ]/, 'T')}${found[3].toUpperCase()}`) / 1000 : NaN
  return found && Number.isFinite(s) ? { s, ns: Number((found[2] ?? '').padEnd(9, '0')) } : null
}

/** Seconds from one moment to another. @param {Moment} from @param {Moment} to */
export const secondsTo = (from, to) => to.s - from.s + (to.ns - from.ns) / 1e9

/** @param {Moment} a @param {Moment} b */
export const earlier = (a, b) => a.s - b.s || a.ns - b.ns

/** As Unix seconds, to a quarter of a microsecond. @param {Moment} moment */
export const unix = ({ s, ns }) => s + ns / 1e9
