/**
 * Where the time of a trace went: what each span did itself, and which spans the whole waited for.
 *
 * Pure.
 *
 * @import { Node, Tree } from './tree.js'
 */

/** Seconds in which a span ran and none of its children did, by place. What a child does outside of it is not its own. @param {Tree} tree */
export function selfTimes({ nodes }) {
  return nodes.map((node) => {
    if (!node.span) return 0
    let busy = 0
    let upTo = node.from
    // Children are in the order of their beginnings.
    for (const child of node.children) {
      const [from, to] = [Math.max(nodes[child].from, upTo), Math.min(nodes[child].to, node.to)]
      if (to <= from) continue
      busy += to - from
      upTo = to
    }
    return Math.max(0, node.to - node.from - busy)
  })
}

/** The span that the critical path begins with: the longest root; without roots, the longest of those whose parent is missing. @param {Tree} tree */
export function mainRoot({ nodes }) {
  let found = -1
  const better = (/** @type {Node} */ a, /** @type {Node} */ b) => (a.parent === -1 && b.parent !== -1) || (a.parent === b.parent && a.to - a.from > b.to - b.from)
  nodes.forEach((node, at) => {
    const heads = node.span && (node.parent === -1 || nodes[node.parent].span === null)
    if (heads && (found < 0 || better(node, nodes[found]))) found = at
  })
  return found
}

/**
 * The critical path: the stretches of time in which a span, had it been faster, would have let the whole end earlier. Read from the end: what
 * ended last was waited for, before it what ended last before that one began, and between them the span itself.
 * @param {Tree} tree @returns {Map<number, Array<[number, number]>>} by place, each stretch once, the latest first
 */
export function criticalPath(tree) {
  const { nodes } = tree
  /** @type {Map<number, Array<[number, number]>>} */
  const found = new Map()
  const root = mainRoot(tree)
  if (root < 0) return found
  /** @param {number} at @param {number} from @param {number} to */
  const add = (at, from, to) => {
    if (to <= from) return
    const own = found.get(at)
    if (own) own.push([from, to])
    else found.set(at, [[from, to]])
  }
  /** @param {number} at @param {number} since @param {number} upTo */
  const enter = (at, since, upTo) => ({ at, since: Math.max(nodes[at].from, since), now: Math.min(nodes[at].to, upTo), next: 0, children: lastFirst(nodes, at) })
  const way = [enter(root, nodes[root].from, nodes[root].to)]
  while (way.length > 0) {
    const here = way[way.length - 1]
    const child = here.children[here.next]
    here.next += 1
    if (child === undefined || here.now <= here.since) {
      add(here.at, here.since, here.now)
      way.pop()
      continue
    }
    const to = Math.min(nodes[child].to, nodes[here.at].to)
    const from = Math.max(nodes[child].from, here.since)
    // One that still ran when the next began was not waited for; one without time inside its parent neither.
    if (to > here.now || to <= from) continue
    add(here.at, to, here.now)
    here.now = from
    way.push(enter(child, here.since, to))
  }
  return found
}

/** @param {Node[]} nodes @param {number} at */
function lastFirst(nodes, at) {
  const end = nodes[at].to
  return nodes[at].children.slice().sort((a, b) => Math.min(nodes[b].to, end) - Math.min(nodes[a].to, end) || nodes[b].from - nodes[a].from)
}

/** @param {Array<[number, number]>} stretches */
export const lengthOf = (stretches) => stretches.reduce((sum, [from, to]) => sum + to - from, 0)

/**
 * What takes the time, added up: by service, or by service and name.
 * @typedef {{ key: string, service: string, name: string, spans: number, errors: number, self: number, path: number }} Taken  seconds
 * @param {Tree} tree @param {number[]} self @param {Map<number, Array<[number, number]>>} path @param {boolean} byName @returns {Taken[]} the most first
 */
export function takenBy({ nodes }, self, path, byName) {
  /** @type {Map<string, Taken>} */
  const found = new Map()
  nodes.forEach(({ span }, at) => {
    if (!span) return
    const key = JSON.stringify(byName ? [span.service, span.name] : [span.service])
    const row = found.get(key) ?? { key, service: span.service, name: byName ? span.name : '', spans: 0, errors: 0, self: 0, path: 0 }
    row.spans += 1
    row.errors += span.status === 'error' ? 1 : 0
    row.self += self[at]
    row.path += lengthOf(path.get(at) ?? [])
    found.set(key, row)
  })
  return [...found.values()].sort((a, b) => b.self - a.self || (a.key < b.key ? -1 : 1))
}
