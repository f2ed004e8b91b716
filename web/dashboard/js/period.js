/**
 * The period in view, in words, in the address and in seconds.
 *
 * Pure. A period either ends now and moves on (`range=1h`), or stands (`from=…&to=…`), or stands relative to now (`from=now-2d&to=now-1d`).
 *
 * @typedef {{ from: string, to: string }} Choice  as the address has it
 * @typedef {{ start: number, end: number, live: boolean, words: string }} Period  Unix seconds
 */
import { clockTime, day, span } from './format.js'

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** What one click chooses. @type {Array<[string, string]>} */
export const PRESETS = [
  ['15m', 'last 15 minutes'], ['1h', 'last hour'], ['6h', 'last 6 hours'], ['24h', 'last 24 hours'],
  ['2d', 'last 2 days'], ['7d', 'last 7 days'], ['30d', 'last 30 days'],
]
/** @type {Choice} */
export const DEFAULT = { from: 'now-1h', to: 'now' }
/** What no chart can show: shorter than this, longer than that. */
export const SHORTEST_S = 10
export const LONGEST_S = 400 * 86_400

/** Seconds of `90m`, `2d`; null for anything else. @param {string} text */
export function seconds(text) {
  const found = /^(\d+(?:\.\d+)?)\s*([smhdw])$/.exec(text.trim())
  return found ? Number(found[1]) * UNITS[/** @type {keyof UNITS} */ (found[2])] : null
}

/**
 * A point in time as people write it: `now`, `now-6h`, `-6h`, `14:00`, `yesterday`, `2026-11-25`, `2026-11-25 14:00`, Unix seconds.
 * Null where it says no time.
 * @param {string} text @param {number} now Unix seconds @param {boolean} [utc]
 */
export function readTime(text, now, utc = false) {
  const said = text.trim().toLowerCase()
  if (said === 'now') return now
  const ago = /^(?:now\s*)?-\s*(.+)$/.exec(said)
  if (ago) {
    const length = seconds(ago[1])
    return length === null ? null : now - length
  }
  if (/^\d{9,11}(\.\d+)?$/.test(said)) return Number(said)
  if (said === 'today') return startOfDay(now, utc)
  if (said === 'yesterday') return startOfDay(startOfDay(now, utc) - 3600, utc)
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(said)
  if (clock) {
    const at = startOfDay(now, utc) + Number(clock[1]) * 3600 + Number(clock[2]) * 60 + Number(clock[3] ?? 0)
    if (Number(clock[1]) > 23 || Number(clock[2]) > 59) return null
    return at > now ? at - 86_400 : at
  }
  const date = /^(\d{4})-(\d{2})-(\d{2})(?:[ t](\d{1,2}):(\d{2})(?::(\d{2}))?)?(z)?$/.exec(said)
  if (!date) return null
  const [year, month, dayOfMonth, hour, minute, second] = date.slice(1, 7).map((part) => Number(part ?? 0))
  const at = utc || date[7] ? Date.UTC(year, month - 1, dayOfMonth, hour, minute, second) : new Date(year, month - 1, dayOfMonth, hour, minute, second).getTime()
  return Number.isFinite(at) && month <= 12 && hour <= 24 ? at / 1000 : null
}

/** @param {number} t @param {boolean} utc */
function startOfDay(t, utc) {
  const date = new Date(t * 1000)
  if (utc) date.setUTCHours(0, 0, 0, 0)
  else date.setHours(0, 0, 0, 0)
  return date.getTime() / 1000
}

/** What the address says of time. @param {Record<string, string>} params @returns {Choice} */
export function choiceOf(params) {
  if (params.range && seconds(params.range) !== null) return { from: `now-${params.range}`, to: 'now' }
  return params.from ? { from: params.from, to: params.to || 'now' } : DEFAULT
}

/** What the address has of a choice. @param {Choice} choice @returns {Record<string, string>} */
export function paramsOf({ from, to }) {
  if (to === 'now' && from.startsWith('now-')) return { range: from.slice('now-'.length), from: '', to: '' }
  return { range: '', from, to }
}

/** The period of a choice. One that says no time, or ends before it begins, is the default. @param {Choice} choice @param {number} now @param {boolean} [utc] @returns {Period} */
export function resolve(choice, now, utc = false) {
  const start = readTime(choice.from, now, utc)
  const end = readTime(choice.to, now, utc)
  if (start === null || end === null || end - start < SHORTEST_S || end - start > LONGEST_S) return choice === DEFAULT ? { start: now - 3600, end: now, live: true, words: 'last hour' } : resolve(DEFAULT, now, utc)
  return { start, end, live: choice.to === 'now', words: wordsOf(choice, start, end, now) }
}

/** @param {Choice} choice @param {number} start @param {number} end @param {number} now */
function wordsOf(choice, start, end, now) {
  if (choice.to === 'now' && choice.from.startsWith('now-')) {
    const name = choice.from.slice('now-'.length)
    return PRESETS.find(([preset]) => preset === name)?.[1] ?? `last ${span(seconds(name) ?? end - start)}`
  }
  const dayOf = (/** @type {number} */ t) => (day(t) === day(now) ? '' : `${day(t)} `)
  return `${dayOf(start)}${clockTime(start)} to ${day(end) === day(start) ? '' : dayOf(end)}${clockTime(end)}`
}

/** Steps that divide hours and days evenly. */
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400]

/** A step becomes at most so much longer to hold as many samples as its neighbours. */
const LONGER = 4

/**
 * The step at which a period has about one point for every pixel.
 * @param {number} length seconds @param {number} pixels @param {number} [sampling] seconds between samples: a longer step is a multiple of it, where a near one is, so that each holds as many
 */
export function stepFor(length, pixels, sampling = 0) {
  const wanted = length / Math.max(1, pixels)
  const long = STEPS.filter((step) => step >= wanted)
  const [first] = long
  return long.find((step) => step <= first * LONGER && (sampling <= 1 || step <= sampling || step % sampling === 0)) ?? first ?? STEPS[STEPS.length - 1]
}

/** Buckets up to this long are drawn once they are closed. */
const SHORT_STEP_S = 15

/** Where a live chart ends: with its newest closed bucket, or with the open one where it would be long until that is closed. @param {number} end @param {number} step */
export const liveEnd = (end, step) => (step <= SHORT_STEP_S ? Math.floor(end / step) : Math.ceil(end / step)) * step
