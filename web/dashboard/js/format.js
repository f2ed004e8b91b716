/**
 * How figures, times and spans are written: three significant digits at most, a unit, a dash for none.
 *
 * Pure, and the only place that turns a number into text, so the same figure reads the same everywhere.
 *
 * @typedef {'ratio'|'bytes'|'seconds'|'count'|'bytes_per_second'|'per_day'|'score'|'plain'} Unit
 */

/** Stands where there is no number; its element's title says why. */
export const DASH = '–'
const NBSP = '\u00a0'
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** At most three significant digits, thousands grouped. @param {number} n */
export function digits(n) {
  const size = Math.abs(n)
  if (size >= 1e15) return n.toExponential(2)
  if (size >= 999.5) return Math.round(n).toLocaleString('en').replaceAll(',', '\u202f')
  if (size > 0 && size < 1e-9) return n.toExponential(2)
  const decimals = size === 0 ? 0 : Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(size))))
  const text = n.toFixed(decimals)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** @param {number} ratio 0 to 1 */
export function percent(ratio) {
  const value = ratio * 100
  const size = Math.abs(value)
  // Whole percents are what a reader can act on; below ten the first decimal still matters.
  const text = size >= 10 ? String(Math.round(value)) : String(Number(value.toFixed(size >= 1 ? 1 : 2)))
  return text + NBSP + '%'
}

/** @param {number} n */
export function bytes(n) {
  let unit = 0
  let value = n
  while (Math.abs(value) >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return digits(value) + NBSP + BYTE_UNITS[unit]
}

/** A span of time in its two largest parts: `7 m 10 s`, `3 d 4 h`. @param {number} seconds */
export function span(seconds) {
  const s = Math.abs(seconds)
  if (s < 1) return s === 0 ? `0${NBSP}s` : digits(s * 1000) + NBSP + 'ms'
  if (s < 10 && !Number.isInteger(s)) return digits(s) + NBSP + 's'
  const whole = Math.round(s)
  /** @type {Array<[number, string]>} */
  const parts = [[Math.floor(whole / 86400), 'd'], [Math.floor(whole / 3600) % 24, 'h'], [Math.floor(whole / 60) % 60, 'm'], [whole % 60, 's']]
  const first = parts.findIndex(([n]) => n > 0)
  return parts.slice(first, first + 2).filter(([n]) => n > 0).map(([n, unit]) => n + NBSP + unit).join(' ')
}

/** One part is enough where a figure says how old something is. @param {number} seconds */
export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s}${NBSP}s`
  if (s < 3600) return `${Math.floor(s / 60)}${NBSP}m`
  if (s < 86400) return `${Math.floor(s / 3600)}${NBSP}h`
  return `${Math.floor(s / 86400)}${NBSP}d`
}

/**
 * @param {number|null|undefined} value
 * @param {Unit} unit
 */
export function format(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH
  switch (unit) {
    case 'ratio': return percent(value)
    case 'bytes': return bytes(value)
    case 'bytes_per_second': return bytes(value) + '/s'
    case 'seconds': return span(value)
    case 'per_day': return `${digits(value)}${NBSP}a day`
    case 'score': return String(Math.round(value))
    default: return digits(value)
  }
}

/** The unit that a metric's name ends in, as the naming rules of the metrics have it. @param {string} name @returns {Unit} */
export function unitOf(name) {
  if (name === 'taskpulse_health_score') return 'score'
  if (name.endsWith('_ratio')) return 'ratio'
  if (name.endsWith('_bytes') || name.endsWith('_bytes_total')) return 'bytes'
  if (name.endsWith('_seconds') || name.endsWith('_seconds_total')) return 'seconds'
  return 'plain'
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const secondsFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })

/** `14:02`. @param {number} t Unix seconds */
export const clockTime = (t) => clockFormat.format(t * 1000)
/** `14:02:31`. @param {number} t Unix seconds */
export const exactTime = (t) => secondsFormat.format(t * 1000)
/** `24 Nov`. @param {number} t Unix seconds */
export const day = (t) => dayFormat.format(t * 1000)

/** `14:02` today, `23 Nov 14:02` on another day. @param {number} t Unix seconds @param {number} now Unix seconds */
export function since(t, now) {
  return day(t) === day(now) ? clockTime(t) : `${day(t)} ${clockTime(t)}`
}

/** `1 thing`, `2 things`. @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = one + 's') {
  return `${n.toLocaleString('en').replaceAll(',', '\u202f')} ${n === 1 ? one : many}`
}

/** What was said by different parts, as sentences one after the other. @param {Array<string|null|undefined>} parts */
export function sentences(parts) {
  return parts.filter((p) => !!p).map((p) => (/[.:;…]$/.test(p ?? '') ? p : `${p}.`)).join(' ')
}
