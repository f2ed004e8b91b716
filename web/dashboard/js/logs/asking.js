/**
 * The lines of a query and how many there are over time: asked when the query or the time changes, and when the reader asks for more.
 *
 * Nothing is asked anew by itself: what is read stays where it is. What comes in later is followed (`tail.js`) or asked for.
 *
 * @import { LogLine, LogVolume } from '../types.js'
 */
import { ApiError, ask, errorText } from '../api.js'
import { signal } from '../lib.js'
import { serverTime } from '../stores/clock.js'
import { atEnd, fresh, inParts, nsOf } from './lines.js'
import { withLevels } from './query.js'

/**
 * @typedef {{ query: string, start: number, end: number, bars: number }} Question  Unix seconds; `bars`: parts of the time
 * @typedef {{
 *   state: 'loading'|'ready'|'error', query: string, parts: LogLine[][], count: number, more: boolean, error: string, refused: boolean, failedAt: number, older: ''|'busy'|string,
 *   busy: boolean, since: number, start: number, end: number
 * }} Found  `refused`: the query is what is wrong; `older`: the lines before these are under way, or why they did not come; `since`: of the browser's clock, ms
 * @typedef {{ state: 'loading'|'ready'|'error', volume: LogVolume|null, error: string }} Counted
 */

/** Lines of a page, and how many are read in all: for more, a shorter time is needed. */
export const PAGE = 100
export const MOST_LINES = 5000
/** As many as the service gives at once. */
const MOST_AT_ONCE = 10_000

export function open() {
  const found = signal(/** @type {Found} */ ({ state: 'loading', query: '', parts: [], count: 0, more: false, error: '', refused: false, failedAt: 0, older: '', busy: false, since: 0, start: 0, end: 0 }))
  const counted = signal(/** @type {Counted} */ ({ state: 'loading', volume: null, error: '' }))
  /** @type {AbortController|null} */
  let under = null
  /** @type {Question} */
  let held = { query: '', start: 0, end: 0, bars: 0 }

  /** @param {AbortController} mine */
  async function lines(mine) {
    const { query, start, end } = held
    try {
      const { data } = await ask('/api/v1/logs', { query, start: nsOf(start), end: nsOf(end), limit: PAGE }, mine.signal)
      if (under === mine) found.value = { ...found.peek(), state: 'ready', query, parts: inParts(data.lines), count: data.lines.length, more: data.more, error: '', refused: false, older: '', busy: false, start, end }
    } catch (error) {
      if (under === mine) found.value = { ...found.peek(), state: 'error', query, parts: [], count: 0, more: false, error: errorText(error), refused: error instanceof ApiError && (error.status === 400 || error.status === 422), failedAt: serverTime(), older: '', busy: false, start, end }
    }
  }
  /** All levels are counted, also those that are not shown: they can be chosen then. @param {AbortController} mine */
  async function volume(mine) {
    const { query, start, end, bars } = held
    try {
      const { data } = await ask('/api/v1/logs/volume', { query: withLevels(query, new Set()) ?? query, start: nsOf(start), end: nsOf(end), buckets: bars }, mine.signal)
      if (under === mine) counted.value = { state: 'ready', volume: data, error: '' }
    } catch (error) {
      if (under === mine) counted.value = { state: 'error', volume: null, error: errorText(error) }
    }
  }
  return {
    found,
    counted,
    /** @param {Question} question */
    show(question) {
      held = question
      under?.abort()
      under = new AbortController()
      found.value = { ...found.peek(), busy: true, since: performance.now() }
      lines(under)
      volume(under)
    },
    /** The lines before those that are there. */
    async older() {
      const mine = under
      const before = found.peek()
      if (!mine || before.busy || before.older === 'busy') return
      const last = before.parts.at(-1)?.at(-1)?.ns
      if (last === undefined) return
      found.value = { ...before, older: 'busy' }
      // Lines of one time may be on both sides of the end of a page.
      const limit = Math.min(MOST_AT_ONCE, PAGE + atEnd(before.parts).length)
      try {
        const { data } = await ask('/api/v1/logs', { query: before.query, start: nsOf(before.start), end: String(BigInt(last) + 1n), limit }, mine.signal)
        const more = fresh(before.parts, data.lines)
        if (under === mine) found.value = { ...found.peek(), parts: [...before.parts, ...inParts(more)], count: before.count + more.length, more: data.more && more.length > 0, older: '' }
      } catch (error) {
        if (under === mine) found.value = { ...found.peek(), older: errorText(error) }
      }
    },
    stop() {
      under?.abort()
    },
    end() {
      under?.abort()
      under = null
    },
  }
}
