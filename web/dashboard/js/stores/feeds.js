/**
 * Feeds: the points of a selector's series over the range in view, from REST and then live.
 *
 * A feed exists while something on screen uses it. After a reconnect it asks REST for the time it missed.
 *
 * @import { Line } from '../points.js'
 * @import { Matrix } from '../types.js'
 */
import { get } from '../api.js'
import { effect, signal, untracked } from '../lib.js'
import { append, merge, trim } from '../points.js'
import * as selectors from '../selector.js'
import { serverTime } from './clock.js'
import { epoch } from './connection.js'
import { range } from './place.js'
import { onSamples, want } from './samples.js'

/**
 * @typedef {{
 *   selector: string, lines: Map<string, Line>, state: 'loading'|'ready'|'error', error: string, failedAt: number,
 *   version: import('../../vendor/signals-core.js').Signal<number>, retry: () => void
 * }} Feed
 */

const RETRY_MS = 5000

/** @type {Map<string, { feed: Feed, uses: number, close: () => void }>} */
const open = new Map()

/** @param {string} selector @returns {Feed} to be given back with `release` */
export function acquire(selector) {
  const held = open.get(selector)
  if (held) {
    held.uses += 1
    return held.feed
  }
  const made = create(selector)
  open.set(selector, { ...made, uses: 1 })
  return made.feed
}

/** @param {string} selector */
export function release(selector) {
  const held = open.get(selector)
  if (!held) return
  held.uses -= 1
  if (held.uses > 0) return
  open.delete(selector)
  held.close()
}

/** @param {string} selector */
function create(selector) {
  const parsed = selectors.parse(selector)
  /** @type {Feed} */
  const feed = { selector, lines: new Map(), state: 'loading', error: '', failedAt: 0, version: signal(0), retry: () => load(true) }
  let turn = 0
  let loadedRange = ''
  /** Where the points held end, while what follows could not be fetched yet. @type {number|null} */
  let missingSince = null
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let again

  /** @param {Matrix[]} series */
  const live = (series) => {
    if (!parsed || !range.peek().live) return
    const { step, seconds } = range.peek()
    let touched = false
    for (const { metric, values } of series) {
      if (!selectors.matches(parsed, metric)) continue
      const line = lineOf(feed, metric)
      for (const [t, text] of values) append(line, t, finite(text), step)
      touched = true
    }
    if (!touched) return
    forget(feed, serverTime() - seconds)
    feed.version.value += 1
  }

  /** @param {boolean} whole false: only what came after the newest point held */
  async function load(whole) {
    const mine = ++turn
    clearTimeout(again)
    const { name, seconds, step, end: fixed } = range.peek()
    const end = fixed ?? serverTime()
    if (whole || loadedRange !== name) {
      feed.lines.clear()
      feed.state = 'loading'
      feed.version.value += 1
    }
    // Noted before the first await: live points that arrive meanwhile must not hide the hole before them.
    missingSince = whole ? end - seconds : missingSince ?? newestOf(feed) ?? end - seconds
    try {
      const series = await fetchPoints(selector, missingSince, end, step)
      if (mine !== turn) return
      missingSince = null
      for (const { metric, values } of series) merge(lineOf(feed, metric), values.map(([t]) => t), values.map(([, text]) => finite(text)))
      feed.state = 'ready'
      loadedRange = name
      forget(feed, end - seconds)
    } catch (error) {
      if (mine !== turn) return
      // Points that are held stay in view; the header says that they are old.
      if (feed.lines.size === 0) {
        feed.state = 'error'
        feed.error = error instanceof Error ? error.message : String(error)
        feed.failedAt = serverTime()
      }
      again = setTimeout(() => load(feed.lines.size === 0), RETRY_MS)
    }
    feed.version.value += 1
  }

  const ends = [
    want([selector]),
    onSamples(live),
    effect(() => {
      const { name } = range.value
      const connections = epoch.value
      // The first connection usually opens while the first load is under way: that load covers it.
      untracked(() => {
        if (name !== loadedRange && connections <= 1 && turn > 0 && feed.state === 'loading') return
        load(name !== loadedRange || feed.state !== 'ready')
      })
    }),
  ]
  return {
    feed,
    close: () => {
      turn += 1
      clearTimeout(again)
      for (const end of ends) end()
    },
  }
}

/** @param {string} selector @param {number} start @param {number} end @param {number} step @returns {Promise<Matrix[]>} */
async function fetchPoints(selector, start, end, step) {
  if (step === 0) {
    // Every point with its own time: only so can a hole be seen.
    const seconds = Math.max(1, Math.ceil(end - start))
    const data = await get('/api/v1/query', { query: `${selector}[${seconds}s]`, time: end.toFixed(3) })
    return data.result
  }
  // On a fixed grid, so that a later load gives the same points again.
  const from = Math.floor(start / step) * step
  const to = Math.floor(end / step) * step
  const data = await get('/api/v1/query_range', { query: selector, start: from, end: to, step })
  return data.result
}

/** @param {Feed} feed @param {import('../types.js').Metric} metric */
function lineOf(feed, metric) {
  const key = selectors.print(metric)
  let line = feed.lines.get(key)
  if (!line) {
    line = { key, metric, t: [], v: [] }
    feed.lines.set(key, line)
  }
  return line
}

/** @param {Feed} feed @param {number} start */
function forget(feed, start) {
  for (const [key, line] of feed.lines) {
    trim(line, start)
    if (line.t.length === 0 || line.t[line.t.length - 1] < start) feed.lines.delete(key)
  }
}

/** @param {Feed} feed */
function newestOf(feed) {
  const ends = [...feed.lines.values()].map((line) => line.t[line.t.length - 1])
  return ends.length ? Math.min(...ends) : null
}

/** NaN and the infinities cannot be drawn: they are gaps. @param {string} text */
function finite(text) {
  const value = Number(text)
  return Number.isFinite(value) ? value : null
}
