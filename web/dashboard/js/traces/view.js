/**
 * A trace as it is shown: its tree, and what is computed from it once.
 *
 * Pure.
 *
 * @import { Trace } from '../types.js'
 * @import { Tree } from './tree.js'
 * @typedef {{ id: string, tree: Tree, self: number[], path: Map<number, Array<[number, number]>>, root: number, colours: Map<string, string>, keys: string[] }} View
 *   `keys`: the name of each span in the address
 */
import { coloursOf } from '../chart/colours.js'
import { unix } from './moments.js'
import { treeOf } from './tree.js'
import { criticalPath, mainRoot, selfTimes } from './work.js'

/** How long before and after a trace its log lines are looked for, seconds. */
const AROUND_S = 60

/** @param {string} id @param {Trace} trace @returns {View} */
export function viewOf(id, trace) {
  const tree = treeOf(trace.spans)
  const path = criticalPath(tree)
  /** @type {Map<string, number>} */
  const seen = new Map()
  const keys = tree.nodes.map(({ span }) => {
    if (!span) return ''
    const before = seen.get(span.span_id) ?? 0
    seen.set(span.span_id, before + 1)
    return before === 0 ? span.span_id : `${span.span_id}.${before + 1}`
  })
  return { id, tree, self: selfTimes(tree), path, root: mainRoot(tree), colours: coloursOf([...new Set(trace.spans.map(({ service }) => service))]), keys }
}

/** The period in which log lines of a trace are looked for, as addresses have it. @param {View} view */
export function around({ tree }) {
  const t = unix(tree.begin)
  return { from: String(Math.floor(t - AROUND_S)), to: String(Math.ceil(t + tree.length + AROUND_S)), range: '' }
}
