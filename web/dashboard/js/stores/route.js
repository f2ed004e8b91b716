/**
 * Where the reader is: page and time range, both kept in the address so that it always leads back.
 *
 * `#/`, `#/status`, `#/series/<selector>`, each with `?range=`.
 */
import { computed, signal } from '../lib.js'

/** @typedef {'15m'|'1h'|'6h'|'24h'|'7d'} RangeName */
/** @typedef {{ name: RangeName, seconds: number, step: number, words: string }} Range  `step` 0: every point */

/** @type {Range[]} */
export const RANGES = [
  { name: '15m', seconds: 900, step: 0, words: 'last 15 minutes' },
  { name: '1h', seconds: 3600, step: 0, words: 'last hour' },
  { name: '6h', seconds: 21_600, step: 60, words: 'last 6 hours' },
  { name: '24h', seconds: 86_400, step: 240, words: 'last 24 hours' },
  { name: '7d', seconds: 604_800, step: 1800, words: 'last 7 days' },
]
const DEFAULT = RANGES[1]

/** @typedef {{ page: 'overview'|'status'|'series'|'unknown', selector: string, range: Range }} Route */

/** @param {string} hash @returns {Route} */
export function readHash(hash) {
  const [path, query = ''] = hash.replace(/^#/, '').split('?')
  const range = RANGES.find((r) => r.name === new URLSearchParams(query).get('range')) ?? DEFAULT
  if (path === '' || path === '/') return { page: 'overview', selector: '', range }
  if (path === '/status') return { page: 'status', selector: '', range }
  const series = /^\/series\/(.+)$/.exec(path)
  if (!series) return { page: 'unknown', selector: '', range }
  try {
    return { page: 'series', selector: decodeURIComponent(series[1]), range }
  } catch {
    return { page: 'unknown', selector: '', range }
  }
}

/** @param {Route['page']} page @param {Range} range @param {string} [selector] */
export function address(page, range, selector = '') {
  const path = page === 'series' ? `/series/${encodeURIComponent(selector)}` : page === 'status' ? '/status' : '/'
  return `#${path}?range=${range.name}`
}

/** @type {import('../../vendor/signals-core.js').Signal<Route>} */
export const route = signal(readHash(location.hash))
export const range = computed(() => route.value.range)

/** The history of a series over the range in view. @param {string} selector */
export const historyOf = (selector) => address('series', range.value, selector)

addEventListener('hashchange', () => { route.value = readHash(location.hash) })
