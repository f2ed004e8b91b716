/**
 * Walking through a trace: which rows are open, where a key leads, what a search finds.
 *
 * Pure.
 *
 * @import { Node } from './tree.js'
 */

/** The rows in view, as places in the tree: all but those below a closed one. @param {Node[]} nodes @param {ReadonlySet<number>} closed @returns {number[]} */
export function rowsOf(nodes, closed) {
  const rows = []
  for (let at = 0; at < nodes.length; at = closed.has(at) ? nodes[at].end : at + 1) rows.push(at)
  return rows
}

/** The closed rows once everything above a row is open; the same set where it is open already. @param {Node[]} nodes @param {ReadonlySet<number>} closed @param {number} at @returns {ReadonlySet<number>} */
export function opened(nodes, closed, at) {
  const above = []
  for (let parent = nodes[at]?.parent ?? -1; parent >= 0; parent = nodes[parent].parent) if (closed.has(parent)) above.push(parent)
  if (above.length === 0) return closed
  const left = new Set(closed)
  for (const parent of above) left.delete(parent)
  return left
}

/** What is closed when only errors and what leads to them are open. @param {Node[]} nodes */
export function withoutErrors(nodes) {
  const holds = new Uint8Array(nodes.length)
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const { span, parent } = nodes[at]
    if ((span?.status === 'error' || holds[at]) && parent >= 0) holds[parent] = 1
  }
  return new Set(nodes.flatMap((node, at) => (node.children.length > 0 && !holds[at] ? [at] : [])))
}

/** Rows that Page Up and Page Down pass. */
const PAGE = 12

/**
 * What a key does in the tree, as in every tree: up and down by rows, right opens and goes in, left closes and goes out.
 * @param {string} key @param {Node[]} nodes @param {number[]} rows @param {ReadonlySet<number>} closed @param {number} at a place in the tree
 * @returns {{ to: number }|{ open: number }|{ close: number }|null}
 */
export function stepped(key, nodes, rows, closed, at) {
  if (rows.length === 0) return null
  const row = rows.indexOf(at)
  const go = (/** @type {number} */ to) => ({ to: rows[Math.max(0, Math.min(rows.length - 1, to))] })
  const parent = nodes[at]?.children.length > 0
  switch (key) {
    case 'ArrowDown': return go(row + 1)
    case 'ArrowUp': return go(row - 1)
    case 'PageDown': return go(row + PAGE)
    case 'PageUp': return go(row - PAGE)
    case 'Home': return go(0)
    case 'End': return go(rows.length - 1)
    case 'ArrowRight': return !parent ? null : closed.has(at) ? { open: at } : { to: nodes[at].children[0] }
    case 'ArrowLeft': return parent && !closed.has(at) ? { close: at } : nodes[at]?.parent >= 0 ? { to: nodes[at].parent } : null
    default: return null
  }
}

/** What of a span a search looks through, in small letters. @param {NonNullable<Node['span']>} span */
export function wordsOf(span) {
  const pairs = (/** @type {Record<string, unknown>} */ of) => Object.entries(of ?? {}).map(([key, value]) => `${key}=${valueText(value)}`)
  return [
    span.service, span.name, span.kind, span.status, span.message, span.span_id, ...pairs(span.attributes), ...pairs(span.resource),
    ...(span.events ?? []).flatMap((event) => [event.name, ...pairs(event.attributes)]), ...(span.links ?? []).flatMap((link) => [link.trace_id, link.span_id]),
  ].join('\n').toLowerCase()
}

/** The places of the spans that hold all words of a search. @param {Node[]} nodes @param {string[]} texts of the spans, by place @param {string} wanted */
export function found(nodes, texts, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
  return words.length === 0 ? [] : nodes.flatMap((node, at) => (node.span && words.every((word) => texts[at].includes(word)) ? [at] : []))
}

/** An attribute's value as text. @param {unknown} value */
export const valueText = (value) => (typeof value === 'string' ? value : JSON.stringify(value) ?? '')

/** The next of some places after one, or before it; round and round. @param {number[]} places rising @param {number} at @param {1|-1} step */
export function next(places, at, step) {
  if (places.length === 0) return -1
  const beyond = step > 0 ? places.find((place) => place > at) : places.findLast((place) => place < at)
  return beyond ?? (step > 0 ? places[0] : places[places.length - 1])
}
