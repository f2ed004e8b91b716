/**
 * Which tasks of a board a graph shows: all that hang together, those still open, the longest chain, or what is around one task.
 *
 * Pure. A picture of more than a few hundred boxes says nothing, so a large board begins with the smaller choices.
 *
 * @import { Task } from '../types.js'
 * @typedef {'all'|'open'|'chain'|'around'} Choice
 */
import { criticalPath } from './layout.js'

/** More boxes than this are no picture. */
export const MOST = 300
/** So many are still seen at a glance. */
const GLANCE = 80
/** How far from a task its surroundings reach. */
const REACH = 3

const OVER = new Set(['done', 'cancelled'])

/** Tasks that need another or are needed. @param {Task[]} items */
export function linked(items) {
  const ids = new Set(items.map((i) => i.id))
  const needed = new Set(items.flatMap((i) => i.dependencies))
  return items.filter((i) => needed.has(i.id) || i.dependencies.some((d) => ids.has(d)))
}

/** @param {Task[]} items those that are linked */
export const openOnes = (items) => linked(items.filter((i) => !OVER.has(i.status)))

/** The longest chain of open tasks. @param {Task[]} items */
export function chainOf(items) {
  const ids = new Set(items.map((i) => i.id))
  const edges = items.flatMap((i) => i.dependencies.filter((d) => ids.has(d) && d !== i.id).map((from) => ({ from, to: i.id, critical: false, circular: false })))
  const on = new Set(criticalPath(items, edges))
  return items.filter((i) => on.has(i.id))
}

/** What a task waits for and what waits for it, a few steps far. @param {Task[]} items @param {string} id */
export function around(items, id) {
  const byId = new Map(items.map((i) => [i.id, i]))
  /** @type {Map<string, string[]>} */
  const after = new Map()
  for (const item of items) for (const need of item.dependencies) after.set(need, [...(after.get(need) ?? []), item.id])
  const near = new Set([id])
  /** @param {(id: string) => string[]} next */
  const walk = (next) => {
    let edge = [id]
    for (let step = 0; step < REACH; step += 1) {
      edge = edge.flatMap(next).filter((other) => byId.has(other) && !near.has(other))
      for (const other of edge) near.add(other)
    }
  }
  walk((one) => byId.get(one)?.dependencies ?? [])
  walk((one) => after.get(one) ?? [])
  return items.filter((i) => near.has(i.id))
}

/** What is shown where the reader chose nothing. @param {number} all how many hang together @param {number} open how many of them are open @param {boolean} chosen whether a task is chosen @returns {Choice} */
export function usualChoice(all, open, chosen) {
  if (all <= GLANCE) return 'all'
  if (chosen) return 'around'
  return open <= GLANCE ? 'open' : 'chain'
}
