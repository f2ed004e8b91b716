/**
 * The answers of queries in Explore: asked while they are on screen, asked anew as time moves on, and given up on request.
 *
 * A hidden tab asks nothing. What was known stays in view until the next answer, unless the query has changed.
 *
 * @import { Line } from '../points.js'
 */
import { ApiError, ask, errorText } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { stepFor } from '../period.js'
import { print } from '../selector.js'
import { now } from '../stores/clock.js'
import { epoch } from '../stores/connection.js'
import { period, range } from '../stores/place.js'

/**
 * @typedef {{ metric: import('../types.js').Metric, key: string, value: string, time: number }} Point
 * @typedef {{ state: 'loading'|'ready'|'error', lines: Line[], points: Point[], step: number, end: number, error: string, notes: string[], since: number, took: number, busy: boolean }} Answer
 *   `busy`: a question is under way, since `since` (ms of the browser's clock); `took`: how long the last answer took, ms
 */

/** Series of one answer at the most; more would be neither told apart nor drawn in time. A graph loads its lines itself. */
export const MOST_SERIES = { graph: 20, table: 1000, heat: 200 }
/** A graph asks for its points itself: here is asked what there is at all, and whether the query is right. */
const POINTS = { graph: 60, table: 1, heat: 120 }
/** A picture need not be newer than this. */
const LEAST_PACE_S = 5
/** Cells of a heat map cover at least this: shorter ones would mostly be empty. */
const LEAST_CELL_S = 15

/** @param {string} query @param {import('./wanted.js').View} view */
export function open(query, view) {
  const answer = signal(/** @type {Answer} */ ({ state: 'loading', lines: [], points: [], step: 0, end: 0, error: '', notes: [], since: 0, took: 0, busy: true }))
  const again = signal(0)
  /** @type {AbortController|null} */
  let under = null
  let stopped = false
  /** The period in which a graph is known to have lines. Its chart carries them on, so it is not asked again. */
  let found = ''
  const grid = computed(() => {
    // A slider that is pulled, or a view that is moved, is asked for when it rests.
    const { end: fixed, seconds } = range.value
    const { start, end } = fixed === null ? period.value : { start: fixed - seconds, end: fixed }
    const step = view === 'heat' ? Math.max(LEAST_CELL_S, stepFor(end - start, POINTS.heat)) : stepFor(end - start, POINTS[view])
    const pace = view === 'table' ? LEAST_PACE_S : Math.max(step, LEAST_PACE_S)
    const to = Math.floor(end / pace) * pace
    return JSON.stringify([to - Math.ceil((end - start) / step) * step, to, step])
  })
  const load = async () => {
    under?.abort()
    const mine = new AbortController()
    under = mine
    const [from, to, step] = JSON.parse(grid.peek())
    const asked = range.peek().name
    // What came since the last whole step is there too: a metric that has just begun is not said to be missing.
    const newest = range.peek().end ?? now.peek()
    const end = view === 'heat' ? to : Math.max(to, Math.floor(newest))
    const start = from + (end - to)
    const since = performance.now()
    answer.value = { ...answer.peek(), busy: true, since }
    try {
      const { data, warnings, infos } = view === 'table'
        ? await ask('/api/v1/query', { query, time: end, limit: MOST_SERIES.table }, mine.signal)
        : await ask('/api/v1/query_range', { query, start, end, step, limit: MOST_SERIES[view] }, mine.signal)
      if (under !== mine) return
      answer.value = { ...read(data), state: 'ready', step, end, error: '', notes: [...(warnings ?? []), ...(infos ?? [])], since, took: performance.now() - since, busy: false }
      if (view === 'graph') found = answer.peek().lines.length > 0 ? asked : ''
    } catch (error) {
      if (under !== mine) return
      const words = errorText(error)
      // What cannot be answered now cannot be answered in five seconds either.
      if (error instanceof ApiError && (error.status === 400 || error.status === 422)) stopped = true
      answer.value = { ...answer.peek(), state: 'error', error: words, busy: false, took: performance.now() - since }
    }
  }
  const wake = () => { if (!stopped && found !== range.peek().name && document.visibilityState === 'visible') load() }
  const end = effect(() => {
    grid.value
    epoch.value
    again.value
    untracked(wake)
  })
  document.addEventListener('visibilitychange', wake)
  return {
    answer,
    retry: () => {
      stopped = false
      found = ''
      again.value += 1
    },
    /** Gives up; it is not asked again until the reader says so. */
    stop: () => {
      stopped = true
      under?.abort()
    },
    end: () => {
      under?.abort()
      under = null
      end()
      document.removeEventListener('visibilitychange', wake)
    },
  }
}

/** @param {string} text */
const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : null)

/** @param {any} data @returns {{ lines: Line[], points: Point[] }} */
function read({ resultType, result }) {
  if (resultType === 'scalar' || resultType === 'string') return { lines: [], points: [{ metric: {}, key: '', value: result[1], time: result[0] }] }
  if (resultType === 'vector') {
    return { lines: [], points: result.map((/** @type {any} */ { metric, value }) => ({ metric, key: print(metric), value: value[1], time: value[0] })) }
  }
  const lines = result.map((/** @type {import('../types.js').Matrix} */ { metric, values }) => ({ key: print(metric), metric, t: values.map(([t]) => t), v: values.map(([, v]) => number(v)) }))
  const points = lines.map((/** @type {Line} */ line, /** @type {number} */ i) => ({ metric: line.metric, key: line.key, value: result[i].values.at(-1)?.[1] ?? '', time: line.t.at(-1) ?? 0 }))
  return { lines, points }
}

/** Seconds that a question has been under way. @param {Answer} answer */
export function waited(answer) {
  if (!answer.busy) return 0
  now.value // read: goes on with the clock
  return (performance.now() - answer.since) / 1000
}
