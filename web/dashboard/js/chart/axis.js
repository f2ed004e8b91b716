/**
 * The value axis of a chart: where its lines are, and what they are called.
 *
 * Pure. Labels of one axis share a unit, and have as many decimals as it takes to tell neighbours apart.
 *
 * @import { Unit } from '../format.js'
 */
import { clockTime, DASH, day, exactTime } from '../format.js'

const NBSP = '\u00a0'
/** @type {Array<[number, string]>} */
const DECIMAL = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, ''], [1e-3, 'm'], [1e-6, 'µ'], [1e-9, 'n']]
/** @type {Array<[number, string]>} */
const BINARY = [[1024 ** 5, 'PiB'], [1024 ** 4, 'TiB'], [1024 ** 3, 'GiB'], [1024 ** 2, 'MiB'], [1024, 'KiB'], [1, 'B']]
/** @type {Array<[number, string]>} */
const TIME = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']]

/** What is less than this in the smallest unit, or more in the largest one, is written with an exponent. */
const TINY = 1e-4
const HUGE = 1e6
/** Plain figures are written so from here on, as everywhere. */
const HUGE_PLAIN = 1e15
/** Down to here plain figures are read more easily with decimals than as so many thousandths. */
const DECIMAL_FROM = 0.01
/** A number has no more digits that count. */
const MOST_DECIMALS = 12
/** Places of lines are exact up to so many decimals; a power of two may have many more, and a rounded one serves as well. */
const EXACT_DECIMALS = 3

/** @param {Unit} unit */
export const isBinary = (unit) => unit === 'bytes' || unit === 'bytes_per_second'

/** @param {number} most the greatest value on the axis @param {Unit} unit @returns {[number, string]} what a label counts, and its sign */
function scaleOf(most, unit) {
  if (unit === 'ratio') return [0.01, '%']
  if (unit === 'score') return [1, '']
  if (isBinary(unit) || unit === 'seconds') {
    const scales = isBinary(unit) ? BINARY : TIME
    const [factor, sign] = scales.find(([size]) => most >= size * 0.9999) ?? scales[scales.length - 1]
    return [factor, unit === 'bytes_per_second' ? `${sign}/s` : sign]
  }
  if (most >= DECIMAL_FROM * 0.9999 && most < 1000) return [1, '']
  return DECIMAL.find(([size]) => most >= size * 0.9999) ?? DECIMAL[DECIMAL.length - 1]
}

/** How the lines of an axis are called. @param {number[]} values rising @param {Unit} unit */
export function labels(values, unit) {
  const most = Math.max(...values.map(Math.abs), 0)
  if (most === 0) return values.map(() => (unit === 'ratio' ? `0${NBSP}%` : '0'))
  const [scale, its] = scaleOf(most, unit)
  const step = Math.min(...values.slice(1).map((v, i) => Math.abs(v - values[i])).filter((d) => d > 0), most)
  const exponent = most / scale < TINY || most / scale >= HUGE || (scale === 1e12 && most >= HUGE_PLAIN)
  const [factor, sign] = exponent && unit !== 'ratio' ? [1, BASE[unit] ?? ''] : [scale, its]
  const write = exponent ? exponential(most / factor, step / factor) : decimal(step / factor)
  return values.map((v) => {
    if (!Number.isFinite(v)) return DASH
    const text = v === 0 ? '0' : write(v / factor)
    return sign && (v !== 0 || unit === 'ratio') ? `${text}${NBSP}${sign}` : text
  })
}

/** What is written with an exponent counts these. @type {Partial<Record<Unit, string>>} */
const BASE = { bytes: 'B', bytes_per_second: 'B/s', seconds: 's' }

/** With as many decimals as it takes. @param {number} step between lines @returns {(n: number) => string} */
function decimal(step) {
  const least = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))
  const exact = fraction(step)
  const decimals = Math.min(MOST_DECIMALS, exact <= EXACT_DECIMALS ? Math.max(least, exact) : Math.min(exact, least + 1))
  return (n) => n.toFixed(decimals)
}

/** With as many digits before the exponent as it takes. @param {number} most @param {number} step between lines @returns {(n: number) => string} */
function exponential(most, step) {
  const [size, large] = [step, most].map((n) => Math.floor(Math.log10(n) + 1e-9))
  const exact = fraction(step / 10 ** size)
  const digits = Math.max(0, large - size + (exact <= EXACT_DECIMALS ? exact : 1))
  // A smaller figure of the axis needs fewer.
  return (n) => n.toExponential(Math.min(MOST_DECIMALS, digits)).replace(/\.?0+e/, 'e')
}

/** How many decimals a step has: 2.5 has one, 0.25 two. @param {number} step */
function fraction(step) {
  for (let decimals = 0; decimals < MOST_DECIMALS; decimals += 1) {
    const shifted = step * 10 ** decimals
    if (Math.abs(shifted - Math.round(shifted)) < 1e-6 * Math.max(1, shifted)) return decimals
  }
  return MOST_DECIMALS
}

/** Steps between lines. */
const STEPS = [1, 2, 2.5, 5, 10]

/**
 * Round places for the lines of an axis.
 * @param {number} min @param {number} max @param {number} most how many find room @param {Unit} unit
 */
export function splits(min, max, most, unit) {
  if (!(max > min)) return [min]
  const [factor] = isBinary(unit) || unit === 'seconds' ? scaleOf(Math.max(Math.abs(min), Math.abs(max)), unit) : [1]
  const rough = (max - min) / factor / Math.max(1, most)
  const step = factor * (isBinary(unit) ? 2 ** Math.ceil(Math.log2(rough) - 1e-9) : round(rough))
  const out = []
  // By the number of the last line: beyond the greatest number a sum would grow no more.
  const last = Math.floor(max / step + 1e-6)
  for (let i = Math.ceil(min / step - 1e-6); i <= last; i += 1) out.push(Number((i * step).toPrecision(12)))
  return out
}

/** @param {number} rough */
function round(rough) {
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-9)
  return (STEPS.find((s) => s * power >= rough * 0.9999) ?? 10) * power
}

/** Where an axis may end. */
const ENDS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
const BINARY_ENDS = [1, 1.5, 2]

/** The next round number. @param {number} n @param {boolean} binary round for bytes: a power of two, or one and a half of it */
export function roundUp(n, binary) {
  const base = binary ? 2 : 10
  const power = base ** Math.floor(Math.log(n) / Math.log(base) + 1e-9)
  return Math.min(Number.MAX_VALUE, ((binary ? BINARY_ENDS : ENDS).find((s) => s * power >= n * 0.999) ?? base) * power)
}

/** The time, and the date where the day changes. @param {number} t @param {number|undefined} before @param {boolean} [utc] @param {boolean} [exact] with seconds */
export function timeLabel(t, before, utc = false, exact = false) {
  const clock = exact ? exactTime(t, utc) : clockTime(t, utc)
  const midnight = /^00:00(:00)?$/.test(clock)
  return midnight || (before !== undefined && day(before, utc) !== day(t, utc)) ? day(t, utc) : clock
}

/** A time as it is read at the cursor: with seconds, and with the day where that is not today. @param {number} t @param {number} now @param {boolean} utc */
export function pointLabel(t, now, utc) {
  const date = day(t, utc)
  return `${date === day(now, utc) ? '' : `${date} `}${exactTime(t, utc)}${utc ? ' UTC' : ''}`
}
