/**
 * Queries: what an expression says over the period in view, asked anew as time moves on.
 *
 * For what a selector cannot say: sums, rates, counts. A query exists while something on screen uses it, and rests while the page is hidden.
 *
 * @import { Line } from '../points.js'
 */
import { errorText, get } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { stepFor } from '../period.js'
import * as selectors from '../selector.js'
import { now } from './clock.js'
import { epoch } from './connection.js'
import { period } from './place.js'

/**
 * @typedef {{ lines: Line[], step: number, state: 'loading'|'ready'|'error', error: string }} Answer
 * @typedef {{ query: string, seconds?: number, step?: number, points?: number }} Question  `seconds`: a length of its own, up to now, instead of the period in view
 */

const POINTS = 240
/** A picture need not be newer than this. */
const LEAST_PACE_S = 5

/** @type {Map<string, { answer: import('../../vendor/signals-core.js').Signal<Answer>, uses: number, end: () => void, retry: () => void }>} */
const open = new Map()

/** @param {Question} question */
const keyOf = (question) => JSON.stringify(question)

/** @param {Question} question */
export function ask(question) {
  const key = keyOf(question)
  const held = open.get(key)
  if (held) {
    held.uses += 1
    return held
  }
  const made = { ...create(question), uses: 1 }
  open.set(key, made)
  return made
}

/** @param {Question} question */
export function leave(question) {
  const key = keyOf(question)
  const held = open.get(key)
  if (!held) return
  held.uses -= 1
  if (held.uses > 0) return
  open.delete(key)
  held.end()
}

/** @param {Question} question */
function create({ query, seconds, step: wanted, points = POINTS }) {
  const answer = signal(/** @type {Answer} */ ({ lines: [], step: 0, state: 'loading', error: '' }))
  const again = signal(0)
  let turn = 0
  /** What is asked: on a fixed grid, so that the same point has the same time in each answer. */
  const grid = computed(() => {
    const { start, end } = seconds === undefined ? period.value : { start: now.value - seconds, end: now.value }
    const step = wanted ?? stepFor(end - start, points)
    const pace = Math.max(step, LEAST_PACE_S)
    const to = Math.floor(end / pace) * pace
    return JSON.stringify([to - Math.ceil((end - start) / step) * step, to, step])
  })
  const load = async () => {
    const mine = ++turn
    const [start, end, step] = JSON.parse(grid.peek())
    try {
      const data = await get('/api/v1/query_range', { query, start, end, step })
      if (mine !== turn) return
      const lines = data.result.map((/** @type {import('../types.js').Matrix} */ { metric, values }) => ({
        key: selectors.print(metric), metric, t: values.map(([t]) => t), v: values.map(([, v]) => (Number.isFinite(Number(v)) ? Number(v) : null)),
      }))
      answer.value = { lines, step, state: 'ready', error: '' }
    } catch (error) {
      if (mine !== turn) return
      // What was known stays in view.
      if (answer.peek().state !== 'ready') answer.value = { lines: [], step, state: 'error', error: errorText(error) }
    }
  }
  const stop = effect(() => {
    grid.value
    epoch.value
    again.value
    untracked(() => { if (document.visibilityState === 'visible') load() })
  })
  const shown = () => { if (document.visibilityState === 'visible') load() }
  document.addEventListener('visibilitychange', shown)
  return {
    answer,
    retry: () => { again.value += 1 },
    end: () => {
      turn += 1
      stop()
      document.removeEventListener('visibilitychange', shown)
    },
  }
}
