/**
 * How figures, times and spans are written: three significant digits at most, a unit, a dash for none.
 *
 * The only place that turns a number or a time into text, so the same figure reads the same everywhere. Pure but for the time zone, which the reader chooses.
 *
 * @typedef {'ratio'|'bytes'|'seconds'|'count'|'bytes_per_second'|'per_day'|'score'|'plain'} Unit
 */

import { utc } from './zone.js'

/** Stands where there is no number; its element's title says why. */
export const DASH = '–'
const NBSP = '\u00a0'
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A whole number, thousands apart. @param {number} n */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f')

/** At most three significant digits, thousands grouped. @param {number} n */
export function digits(n) {
  const size = Math.abs(n)
  if (size >= 1e15) return n.toExponential(2)
  if (size >= 999.5) return grouped(Math.round(n))
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
  const text = size >= 10 ? String(Math.round(value)) : size >= 1 ? String(Number(value.toFixed(1))) : digits(value)
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
  if (s < 1) return s === 0 ? `0${NBSP}s` : s < 1e-6 ? digits(s * 1e9) + NBSP + 'ns' : s < 0.001 ? digits(s * 1e6) + NBSP + 'µs' : digits(s * 1000) + NBSP + 'ms'
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

/** How long ago something was: `56 m ago`, `just now`. @param {number} seconds */
export const ago = (seconds) => (seconds < 5 ? 'just now' : `${age(seconds)} ago`)

/** Signs that stand before an amount. @type {Record<string, string>} */
const SIGNS = { USD: '$', EUR: '€', GBP: '£' }

/** An amount of money: `$4.10`, `$412`, `$0.0034`. Without a currency it is a plain figure. @param {number} amount @param {string|null} [currency] ISO code */
export function money(amount, currency = null) {
  const size = Math.abs(amount)
  const text = size === 0 || (size >= 0.01 && size < 100) ? size.toFixed(2) : digits(size)
  const sign = amount < 0 ? '-' : ''
  if (currency === null) return sign + text
  return SIGNS[currency] ? sign + SIGNS[currency] + text : `${sign}${text}${NBSP}${currency}`
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

// Written here rather than by `Intl`, which takes 35 ms to begin: a tenth of the time until the first number stands on the page.
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sept', 'Oct', 'Nov', 'Dec']
/** A time in the zone that the reader chose, or in the one that is named: its year, month, day, hour, minute and second. @param {number} t Unix seconds @param {boolean} [inUtc] */
function partsOf(t, inUtc = utc.value) {
  const d = new Date(t * 1000)
  return inUtc
    ? [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate(), d.getUTCHours(), d.getUTCMinutes(), d.getUTCSeconds()]
    : [d.getFullYear(), d.getMonth(), d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()]
}
/** @param {number[]} parts */
const clock = (parts) => parts.map((part) => String(part).padStart(2, '0')).join(':')

/** `14:02`. @param {number} t Unix seconds @param {boolean} [inUtc] */
export const clockTime = (t, inUtc) => clock(partsOf(t, inUtc).slice(3, 5))
/** `14:02:31`. @param {number} t Unix seconds @param {boolean} [inUtc] */
export const exactTime = (t, inUtc) => clock(partsOf(t, inUtc).slice(3))
/** `24 Nov`; no line breaks in it. @param {number} t Unix seconds @param {boolean} [inUtc] */
export function day(t, inUtc) {
  const [, month, date] = partsOf(t, inUtc)
  return `${date}${NBSP}${MONTHS[month]}`
}
/** @param {number} t Unix seconds */
const year = (t) => String(partsOf(t)[0])

/** `14:02` today, `23 Nov 14:02` on another day, `23 Nov 2025 14:02` in another year. @param {number} t Unix seconds @param {number} now Unix seconds */
export function since(t, now) {
  if (year(t) !== year(now)) return `${day(t)}${NBSP}${year(t)}${NBSP}${clockTime(t)}`
  return day(t) === day(now) ? clockTime(t) : `${day(t)}${NBSP}${clockTime(t)}`
}

/** From one time to another, each as short as it can be: `20:50–23:10`, `26 Nov 20:50 – 27 Nov 01:10`. @param {number} from @param {number} to @param {number} now Unix seconds */
export function between(from, to, now) {
  const start = since(from, now)
  const end = day(from) === day(to) ? clockTime(to) : since(to, now)
  return (start + end).includes(NBSP) ? `${start} – ${end}` : `${start}–${end}`
}

/** Names of others may be 10,000 characters: so much of one is enough in a sentence. @param {string} text @param {number} [most] */
export function clip(text, most = 120) {
  const letters = [...text.slice(0, 2 * most + 2)]
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join('')}…`
}

/** What could turn the direction of the text around it, or belongs to a script written from right to left. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/
/** A name of others as it stands in a sentence: short, and without power over the words around it. @param {string} text @param {number} [most] */
export function quoted(text, most = 60) {
  const short = clip(text, most)
  return TURNS.test(short) ? `\u2068${short.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')}\u2069` : short
}

/** `1 thing`, `2 things`. @param {number} n @param {string} one @param {string} [many] */
export function count(n, one, many = one + 's') {
  return `${grouped(n)} ${n === 1 ? one : many}`
}

/** What the service says begins a sentence: with a capital. Not for what may begin with a name of others. @param {string|null|undefined} text */
export const capital = (text) => (text ? text.charAt(0).toUpperCase() + text.slice(1) : '')

/** What was said by different parts, as sentences one after the other. @param {Array<string|null|undefined>} parts */
export function sentences(parts) {
  return parts.filter((p) => !!p).map((p) => (/[.:;…]$/.test(p ?? '') ? p : `${p}.`)).join(' ')
}
