/**
 * Where the tasks of a board stand when they are drawn as a graph: what comes first at the left, what needs it to the right.
 *
 * Pure. Layers by the longest way from a beginning; within a layer, tasks stand near those they hang on (the barycentre heuristic of Sugiyama,
 * Tagawa and Toda, 1981). Tasks that wait for each other in a circle are drawn as well: the dependency that closes the circle is marked.
 *
 * @import { Task } from '../types.js'
 * @typedef {Pick<Task, 'id'|'dependencies'|'status'>} Item  a task, or whatever else hangs together
 * @typedef {{ id: string, layer: number, row: number, critical: boolean }} Node
 * @typedef {{ from: string, to: string, critical: boolean, circular: boolean }} Edge
 * @typedef {{ nodes: Node[], edges: Edge[], layers: number, rows: number }} Graph
 */

/** Statuses of tasks that no one waits for any more. */
const OVER = new Set(['done', 'cancelled'])
/** How often the order within layers is bettered; more changes nothing that one would see. */
const SWEEPS = 6

/** @param {Item[]} items @returns {Graph} */
export function layout(items) {
  const byId = new Map(items.map((item) => [item.id, item]))
  /** @type {Edge[]} */
  const edges = []
  const circular = circles(items, byId)
  for (const item of items) {
    for (const from of new Set(item.dependencies)) {
      if (byId.has(from) && from !== item.id) edges.push({ from, to: item.id, critical: false, circular: circular.has(`${from} ${item.id}`) })
    }
  }
  const straight = edges.filter((edge) => !edge.circular)
  const layerOf = longestWays(items.map((i) => i.id), straight)
  const path = criticalPath(items, straight)
  const critical = new Set(path)
  for (const edge of straight) edge.critical = critical.has(edge.from) && path[path.indexOf(edge.from) + 1] === edge.to
  const layers = order(items, straight, layerOf)
  const nodes = layers.flatMap((ids, layer) => ids.map((id, row) => ({ id, layer, row, critical: critical.has(id) })))
  return { nodes, edges, layers: layers.length, rows: Math.max(0, ...layers.map((ids) => ids.length)) }
}

/** A line from one place to another that leaves and arrives level. @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {number} bend how far it goes on straight; below 0 where it leaves to the left */
export const curve = (x1, y1, x2, y2, bend) => `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`

/** The longest chain of open tasks, first to last; of several, the one that comes first on the board. @param {Item[]} items @param {Edge[]} edges without circles @returns {string[]} */
export function criticalPath(items, edges) {
  const open = new Set(items.filter((item) => !OVER.has(item.status)).map((item) => item.id))
  const within = edges.filter((edge) => open.has(edge.from) && open.has(edge.to))
  /** @type {Map<string, number>} */
  const length = new Map()
  /** @type {Map<string, string>} */
  const before = new Map()
  /** @type {Map<string, string[]>} */
  const needs = new Map()
  for (const { from, to } of within) needs.set(to, [...(needs.get(to) ?? []), from])
  for (const id of sorted([...open], within)) {
    length.set(id, 1)
    for (const from of needs.get(id) ?? []) {
      const through = (length.get(from) ?? 0) + 1
      if (through > (length.get(id) ?? 1)) {
        length.set(id, through)
        before.set(id, from)
      }
    }
  }
  let end = [...length.keys()].sort((a, b) => (length.get(b) ?? 0) - (length.get(a) ?? 0))[0]
  const path = []
  while (end !== undefined) {
    path.unshift(end)
    end = /** @type {string} */ (before.get(end))
  }
  return path.length > 1 ? path : []
}

/** Dependencies that close a circle, as `from to`. @param {Item[]} items @param {Map<string, Item>} byId */
function circles(items, byId) {
  const found = new Set()
  /** @type {Map<string, 'open'|'done'>} */
  const state = new Map()
  for (const { id: root } of items) {
    /** @type {Array<{ id: string, next: number }>} */
    const way = state.has(root) ? [] : [{ id: root, next: 0 }]
    if (way.length) state.set(root, 'open')
    while (way.length > 0) {
      const here = way[way.length - 1]
      const needs = byId.get(here.id)?.dependencies ?? []
      if (here.next >= needs.length) {
        state.set(here.id, 'done')
        way.pop()
        continue
      }
      const need = needs[here.next]
      here.next += 1
      if (!byId.has(need)) continue
      if (state.get(need) === 'open') found.add(`${need} ${here.id}`)
      else if (!state.has(need)) {
        state.set(need, 'open')
        way.push({ id: need, next: 0 })
      }
    }
  }
  return found
}

/** Each after all that it needs. @param {string[]} ids @param {Edge[]} edges without circles */
function sorted(ids, edges) {
  const waits = new Map(ids.map((id) => [id, 0]))
  /** @type {Map<string, string[]>} */
  const after = new Map()
  for (const { from, to } of edges) {
    waits.set(to, (waits.get(to) ?? 0) + 1)
    after.set(from, [...(after.get(from) ?? []), to])
  }
  const ready = ids.filter((id) => waits.get(id) === 0)
  for (let at = 0; at < ready.length; at += 1) {
    for (const to of after.get(ready[at]) ?? []) {
      waits.set(to, (waits.get(to) ?? 1) - 1)
      if (waits.get(to) === 0) ready.push(to)
    }
  }
  return ready
}

/** @param {string[]} ids @param {Edge[]} edges without circles */
function longestWays(ids, edges) {
  const layer = new Map(ids.map((id) => [id, 0]))
  /** @type {Map<string, string[]>} */
  const needs = new Map()
  for (const { from, to } of edges) needs.set(to, [...(needs.get(to) ?? []), from])
  for (const id of sorted(ids, edges)) layer.set(id, Math.max(0, ...(needs.get(id) ?? []).map((from) => (layer.get(from) ?? 0) + 1)))
  return layer
}

/** @param {Item[]} items @param {Edge[]} edges @param {Map<string, number>} layerOf @returns {string[][]} */
function order(items, edges, layerOf) {
  /** @type {string[][]} */
  const layers = []
  for (const { id } of items) {
    const layer = layerOf.get(id) ?? 0
    while (layers.length <= layer) layers.push([])
    layers[layer].push(id)
  }
  /** @type {Map<string, string[]>} */
  const beside = new Map()
  const add = (/** @type {string} */ a, /** @type {string} */ b) => beside.set(a, [...(beside.get(a) ?? []), b])
  for (const { from, to } of edges) {
    add(from, to)
    add(to, from)
  }
  const row = new Map(layers.flatMap((ids) => ids.map((id, at) => /** @type {[string, number]} */ ([id, at]))))
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const going = sweep % 2 === 0 ? layers : [...layers].reverse()
    for (const ids of going) {
      const middle = new Map(ids.map((id) => {
        const near = (beside.get(id) ?? []).map((other) => row.get(other) ?? 0)
        return [id, near.length ? near.reduce((a, b) => a + b, 0) / near.length : row.get(id) ?? 0]
      }))
      ids.sort((a, b) => (middle.get(a) ?? 0) - (middle.get(b) ?? 0))
      ids.forEach((id, at) => row.set(id, at))
    }
  }
  return layers
}
