/**
 * The spans of a trace as a tree, in the order in which they are read: a span, then what began within it, the earliest first.
 *
 * Pure, and for whatever was sent: spans that came twice, that share an id, whose parent never came, that are each other's parents, that end
 * before they begin; chains of any depth. Clocks of machines differ: spans stand where their own clock has them, and what lies outside its parent
 * is marked, never moved.
 *
 * @import { Moment } from './moments.js'
 * @import { Span } from '../types.js'
 */
import { earlier, momentOf, secondsTo } from './moments.js'

/**
 * @typedef {{
 *   span: Span|null, from: number, to: number, parent: number, depth: number, children: number[], end: number,
 *   early: number, late: number, circular: boolean, shared: boolean, undated: boolean
 * }} Node
 *   `span`: null for the head of those whose parent is not there; `from`, `to`: seconds since the trace began, `to` never before `from`;
 *   `parent`, `children`: places in the list, -1 for none; `end`: the place behind all that is below it; `early`, `late`: seconds that it begins
 *   before its parent, or ends after it; `circular`: it would be its own ancestor; `shared`: another span has its id; `undated`: its time cannot be read
 * @typedef {{ nodes: Node[], begin: Moment, length: number, spans: number, twice: number, orphans: number, circles: number }} Tree
 *   `length`: seconds from the first beginning to the last end; `twice`: spans left out, since they are there already
 */

/** Times are rounded on their way here: a difference below this is none. */
const TOLERANCE_S = 1e-6
const ROOT = -1
const ORPHAN = -2

/** @param {Span[]} sent @returns {Tree} */
export function treeOf(sent) {
  const spans = once(sent)
  const starts = spans.map(({ start }) => momentOf(start))
  const begin = starts.reduce((/** @type {Moment|null} */ first, at) => (at && (!first || earlier(at, first) < 0) ? at : first), null) ?? { s: 0, ns: 0 }
  const from = starts.map((at) => (at ? secondsTo(begin, at) : 0))
  const to = spans.map(({ duration_seconds: length }, i) => from[i] + (length > 0 ? length : 0))
  const sharers = byId(spans)
  const parents = spans.map((span, i) => parentOf(span, i, spans, sharers))
  /** @type {number[][]} */
  const below = spans.map(() => [])
  parents.forEach((parent, i) => { if (parent >= 0) below[parent].push(i) })
  const inOrder = (/** @type {number} */ a, /** @type {number} */ b) => from[a] - from[b] || to[b] - to[a] || (spans[a].span_id < spans[b].span_id ? -1 : 1)
  below.forEach((children) => children.sort(inOrder))
  const all = spans.map((_, i) => i)
  const roots = all.filter((i) => parents[i] === ROOT).sort(inOrder)
  const orphans = all.filter((i) => parents[i] === ORPHAN).sort(inOrder)
  const circular = circlesOf([...roots, ...orphans], all.slice().sort(inOrder), parents, below, from)
  circular.forEach((i) => { below[parents[i]] = below[parents[i]].filter((child) => child !== i) })

  /** @type {Node[]} */
  const nodes = []
  /** @param {number[]} heads @param {number} above @param {number} depth */
  const add = (heads, above, depth) => {
    /** What is still to be written, the next last. @type {Array<{ i: number, parent: number, depth: number }>} */
    const waiting = heads.map((i) => ({ i, parent: above, depth })).reverse()
    while (waiting.length > 0) {
      const { i, parent, depth: deep } = /** @type {{ i: number, parent: number, depth: number }} */ (waiting.pop())
      const at = nodes.length
      const over = nodes[parent]?.span ? nodes[parent] : null
      const outside = (/** @type {number} */ seconds) => (over && starts[i] && !over.undated && seconds > TOLERANCE_S ? seconds : 0)
      nodes.push({
        span: spans[i], from: from[i], to: to[i], parent, depth: deep, children: [], end: at + 1,
        early: outside((over?.from ?? 0) - from[i]), late: outside(to[i] - (over?.to ?? 0)),
        circular: circular.has(i), shared: (sharers.get(spans[i].span_id)?.length ?? 0) > 1, undated: starts[i] === null,
      })
      nodes[parent]?.children.push(at)
      for (let child = below[i].length - 1; child >= 0; child -= 1) waiting.push({ i: below[i][child], parent: at, depth: deep + 1 })
    }
  }
  add(roots, -1, 0)
  add([...circular].sort(inOrder), -1, 0)
  const length = to.reduce((most, end) => Math.max(most, end), 0)
  if (orphans.length > 0) {
    nodes.push({ ...head(length), end: nodes.length + 1 })
    add(orphans, nodes.length - 1, 1)
  }
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const above = nodes[nodes[at].parent]
    if (above) above.end = Math.max(above.end, nodes[at].end)
  }
  return { nodes, begin, length, spans: spans.length, twice: sent.length - spans.length, orphans: orphans.length, circles: circular.size }
}

/** What stands above the spans whose parent is not there. @param {number} length @returns {Node} */
const head = (length) => ({ span: null, from: 0, to: length, parent: -1, depth: 0, children: [], end: 0, early: 0, late: 0, circular: false, shared: false, undated: false })

/** A span that was sent again is one span. @param {Span[]} sent */
function once(sent) {
  const seen = new Set()
  return sent.filter(({ span_id, service, name, kind, start, duration_seconds }) => {
    const key = JSON.stringify([span_id, service, name, kind, start, duration_seconds])
    return !seen.has(key) && seen.add(key)
  })
}

/** @param {Span[]} spans */
function byId(spans) {
  /** @type {Map<string, number[]>} */
  const found = new Map()
  spans.forEach(({ span_id }, i) => {
    const same = found.get(span_id)
    if (same) same.push(i)
    else found.set(span_id, [i])
  })
  return found
}

/**
 * The parent of a span. Both sides of a call may share an id, as Zipkin's clients have it: then the server's side is a child of the client's,
 * and a child of that id is put below the span of its own service.
 * @param {Span} span @param {number} i @param {Span[]} spans @param {Map<string, number[]>} sharers
 */
function parentOf(span, i, spans, sharers) {
  if (span.kind === 'server') {
    const client = sharers.get(span.span_id)?.find((other) => spans[other].kind === 'client')
    if (client !== undefined) return client
  }
  const parent = span.parent_span_id
  if (parent === null || parent === undefined || /^0*$/.test(parent)) return ROOT
  const among = sharers.get(parent)
  if (!among) return ORPHAN
  return among.find((other) => other !== i && spans[other].service === span.service) ?? among.find((other) => other !== i) ?? i
}

/**
 * Spans at which a circle of parents is cut open: in each circle the one that began first.
 * @param {number[]} heads what has no parent @param {number[]} all in order @param {number[]} parents @param {number[][]} below @param {number[]} from
 */
function circlesOf(heads, all, parents, below, from) {
  const reached = new Uint8Array(parents.length)
  /** @param {number[]} begun */
  const reach = (begun) => {
    const waiting = [...begun]
    while (waiting.length > 0) {
      const i = /** @type {number} */ (waiting.pop())
      if (reached[i]) continue
      reached[i] = 1
      for (const child of below[i]) waiting.push(child)
    }
  }
  reach(heads)
  /** @type {Set<number>} */
  const cut = new Set()
  for (const i of all) {
    if (reached[i]) continue
    const way = new Set()
    let at = i
    while (!way.has(at)) {
      way.add(at)
      at = parents[at]
    }
    // From here the way goes round.
    let first = at
    for (let next = parents[at]; next !== at; next = parents[next]) if (from[next] < from[first]) first = next
    cut.add(first)
    reach([first])
  }
  return cut
}
