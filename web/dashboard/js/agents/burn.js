/**
 * The picture of a budget that burns down: what is left of it over its period, and what is expected to be left at its end.
 *
 * Pure: times and amounts in, places on the sheet out.
 *
 * @import { Budget } from '../types.js'
 * @import { Line } from '../points.js'
 * @typedef {{ x: (t: number) => number, y: (v: number) => number, top: number, bottom: number }} Sheet  `top`, `bottom`: the amounts at the edges
 */
import { money, quoted, since } from '../format.js'

/** @typedef {{ width: number, height: number, left: number, right: number, above: number, below: number }} Size */

/** @param {Size} size @param {Budget & { start: number, end: number }} budget @param {number[]} left amounts that must be in view */
export function sheetOf(size, budget, left) {
  const top = budget.limit
  const bottom = Math.min(0, ...left)
  const [w, h] = [size.width - size.left - size.right, size.height - size.above - size.below]
  return {
    top, bottom,
    x: (/** @type {number} */ t) => size.left + (Math.min(1, Math.max(0, (t - budget.start) / (budget.end - budget.start)))) * w,
    y: (/** @type {number} */ v) => size.above + ((top - v) / (top - bottom || 1)) * h,
  }
}

/** What is left, in steps: an amount holds until the next one is known. Before the first sample of the period nothing was spent that was seen. @param {Sheet} sheet @param {Line|undefined} line of what was used @param {{ start: number, limit: number }} budget @param {number} gap */
export function leftPath(sheet, line, { start, limit }, gap) {
  if (!line) return ''
  let path = ''
  let before = -Infinity
  line.t.forEach((t, i) => {
    const v = line.v[i]
    if (v === null || t < start) return
    const [x, y] = [sheet.x(t).toFixed(1), sheet.y(limit - v).toFixed(1)]
    path += t - before > gap ? `M${x} ${y}` : `H${x}V${y}`
    before = t
  })
  return path
}

/** What is left at the end, as the forecast has it, the least first; null without one. @param {Budget} budget @returns {{ low: number, value: number|null, high: number }|null} */
export function leftAtEnd({ limit, forecast }) {
  if (!forecast || typeof forecast.low !== 'number' || typeof forecast.high !== 'number') return null
  return { low: limit - forecast.high, value: typeof forecast.value === 'number' ? limit - forecast.value : null, high: limit - forecast.low }
}

/** Whether it holds for each task, tag or project, and so has no end. @param {Pick<Budget, 'per'>} budget */
export const isOfEach = ({ per }) => per === 'task' || per === 'tag' || per === 'project'

/** What it is for: `a day, of agents`, `each task, of agents on tasks of app`. @param {Budget} budget */
export function forWords({ per, of, project, tag, ...budget }) {
  const narrowed = [project && `project ${quoted(project, 60)}`, tag && `tag ${quoted(tag, 60)}`].filter(Boolean).join(', ')
  return `${isOfEach({ per, ...budget }) ? 'each' : 'a'} ${per}, of ${of.join(' and ')}${narrowed ? ` on tasks of ${narrowed}` : ''}`
}

/** How a budget stands, in a sentence or two. @param {Budget} budget @param {number} now */
export function standing(budget, now) {
  const { currency, limit, used, crossed_at: crossed, exhaustion, forecast, end } = budget
  if (used === null) return 'Nothing is known of what was spent.'
  if (crossed !== null) return `It was used up at ${since(crossed, now)}${used > limit ? `; ${money(used - limit, currency)} more was spent since` : ''}.`
  const left = `${money(limit - used, currency)} is left.`
  if (exhaustion?.value) {
    const range = !exhaustion.low ? '' : exhaustion.high ? ` (between ${since(exhaustion.low, now)} and ${since(exhaustion.high, now)})` : ` (at the earliest ${since(exhaustion.low, now)}; it may also last)`
    return `${left} It is expected to be used up about ${since(exhaustion.value, now)}${range}.`
  }
  if (exhaustion?.low) return `${left} It may be used up from ${since(exhaustion.low, now)} on, but is expected to last${end === null ? ' the next four weeks' : ''}.`
  return forecast ? `${left} It is expected to last${end === null ? '' : ` until ${since(end, now)}`}.` : left
}
