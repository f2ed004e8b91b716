/**
 * What sessions cost, by whatever it is asked for: rows, the line of what belongs to nothing, and the total.
 *
 * Pure. Money is added up in micro-dollars, as the agents say it.
 *
 * @import { AgentCostRow, AgentCosts } from '../types.js'
 */
import { folderName } from './words.js'

/** What costs are asked by, and how one of them is called. @type {Array<[string, string]>} */
export const BY = [
  ['task', 'task'], ['tag', 'tag'], ['day', 'day'], ['week', 'week'], ['model', 'model'], ['branch', 'branch'], ['commit', 'commit'], ['session', 'session'], ['agent', 'agent'], ['repository', 'repository'],
]
/** What is asked for, of what an address says. @param {string} text @returns {string} */
export const byOf = (text) => (BY.some(([name]) => name === text) ? text : 'task')

/** The part of a row's key; null where it belongs to nothing. @param {AgentCostRow} row @param {string} by */
export const partOf = ({ key }, by) => key[by] ?? null

/** A part of a key, in short. @param {string} part @param {string} by */
export function partText(part, by) {
  if (by === 'commit') return part.slice(0, 10)
  // A repository that has no name is its folder.
  return by === 'repository' && /^([/\\]|[a-z]:)/i.test(part) ? folderName(part) : part
}

/** The task of a key `project/tag/id`, of which only the last part is always there. @param {string} part @returns {{ project: string, tag: string, id: string }} */
export function taskOf(part) {
  const parts = part.split('/')
  const id = parts.pop() ?? ''
  const tag = parts.pop() ?? ''
  return { project: parts.join('/'), tag, id }
}

/** Rows that belong to something, and the sum of those that do not; null where there is none. @param {AgentCosts} answer @param {string} by @returns {{ rows: AgentCostRow[], none: AgentCostRow|null }} */
export function split({ rows }, by) {
  const none = rows.filter((row) => partOf(row, by) === null)
  return { rows: rows.filter((row) => partOf(row, by) !== null), none: none.length > 0 ? added(none) : null }
}

/** Figures that add up, each null where nobody said it. @type {Array<keyof AgentCostRow>} */
const ADDED = ['active_seconds', 'waiting_seconds', 'wall_seconds', 'cpu_seconds', 'ci_seconds', 'ci_cost_usd', 'retries', 'errors', 'lines_added', 'lines_removed']

/** The sum of what is known; null where nothing is. @param {Array<number|null|undefined>} list @returns {number|null} */
const sum = (list) => list.reduce((/** @type {number|null} */ all, n) => (n == null ? all : (all ?? 0) + n), null)

/** Several rows as one; a figure that none of them has is absent. @param {AgentCostRow[]} list @returns {AgentCostRow} */
export function added(list) {
  const micros = sum(list.map((row) => row.cost_usd_micros))
  const further = Object.fromEntries(ADDED.map((name) => [name, sum(list.map((row) => /** @type {number|null|undefined} */ (row[name])))]))
  /** @type {Record<string, number>} */
  const tokens = {}
  for (const row of list) for (const [kind, n] of Object.entries(row.tokens)) tokens[kind] = (tokens[kind] ?? 0) + n
  return { ...list[0], ...further, key: {}, cost_usd: micros === null ? null : micros / 1e6, cost_usd_micros: micros, tokens, requests: list.reduce((all, row) => all + row.requests, 0), how: [...new Set(list.flatMap((row) => row.how))] }
}

/** By how much the rows do not come to the total, in micro-dollars; 0 where they do. @param {AgentCosts} answer */
export const difference = ({ rows, total }) => rows.reduce((sum, row) => sum + (row.cost_usd_micros ?? 0), 0) - (total.cost_usd_micros ?? 0)

/** The share of the total; null where it cannot be told. @param {AgentCostRow} row @param {AgentCostRow} total */
export const share = (row, total) => (row.cost_usd_micros !== null && total.cost_usd_micros ? row.cost_usd_micros / total.cost_usd_micros : null)
