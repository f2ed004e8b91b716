/**
 * Pieces of advice: where each stands, in which order they are read, and what of them is shown where.
 *
 * Pure.
 *
 * @import { Recommendation } from '../types.js'
 * @import { Mark } from '../statuses.js'
 */
import { markOf } from '../statuses.js'

/** How bad things are, the worst first. @type {Record<string, number>} */
const WEIGHT = { critical: 0, error: 1, warning: 2, notice: 3, info: 4, debug: 5 }

/** What comes first is worth most; what weighs as much stands in the order in which it was given. @param {Recommendation[]} list */
export const byPriority = (list) => [...list].sort((a, b) => (WEIGHT[a.severity] ?? 9) - (WEIGHT[b.severity] ?? 9) || a.created - b.created || a.id.localeCompare(b.id))

/** What is to be decided, what is to be done, what was done, and what was set aside: the newest first where something was decided. @param {Recommendation[]} list */
export function partsOf(list) {
  const newest = (/** @type {Recommendation[]} */ some) => [...some].sort((a, b) => b.updated - a.updated || a.id.localeCompare(b.id))
  const of = (/** @type {string} */ status) => list.filter((one) => one.status === status)
  return { open: byPriority(of('open')), accepted: newest(of('accepted')), done: newest(of('applied')), aside: newest(of('dismissed')) }
}

/** The mark of a piece: its weight as long as somebody should decide. @param {Recommendation} advice @returns {Mark} */
export const markOfAdvice = ({ status, severity }) => (status === 'open' ? markOf(severity) : 'info')
