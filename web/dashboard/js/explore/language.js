/**
 * PromQL as the editor sees it: tokens to colour, and what can be written at the caret.
 *
 * Pure, over the grammar of lezer-promql, which reads unfinished queries too. Whether a query is right says the service alone.
 *
 * @typedef {'function'|'metric'|'label'|'string'|'number'|'keyword'|'comment'|''} TokenKind
 * @typedef {{ kind: 'name'|'label'|'value'|'duration'|'operator', from: number, to: number, word: string, metric: string, label: string, quoted: boolean, closed: boolean }} Context
 *   `from`–`to`: what a completion replaces; `word`: what stands of it before the caret; `metric`: the selector around it, or the one that is grouped;
 *   `quoted`: the opening quote of a value is there; `closed`: what follows is there already, such as the closing quote
 */
import { parser } from '../../vendor/lezer-promql.js'

/** Longer queries are shown without colours: reading them would delay the keys. */
export const LONGEST = 6000

/** @type {Record<string, TokenKind>} */
const KINDS = {
  FunctionIdentifier: 'function', AggregateOp: 'function', Identifier: 'metric', MetricName: 'metric', LabelName: 'label', QuotedLabelName: 'label',
  StringLiteral: 'string', NumberDurationLiteral: 'number', NumberDurationLiteralInDurationContext: 'number', LineComment: 'comment',
  By: 'keyword', Without: 'keyword', On: 'keyword', Ignoring: 'keyword', Bool: 'keyword', GroupLeft: 'keyword', GroupRight: 'keyword', Offset: 'keyword',
  And: 'keyword', Or: 'keyword', Unless: 'keyword', Atan2: 'keyword', Smoothed: 'keyword', Anchored: 'keyword',
}

/** The text in pieces, each with its kind. @param {string} text @returns {Array<{ text: string, kind: TokenKind }>} */
export function tokens(text) {
  if (text.length > LONGEST) return [{ text, kind: '' }]
  /** @type {Array<{ text: string, kind: TokenKind }>} */
  const out = []
  let at = 0
  parser.parse(text).iterate({
    enter: (node) => {
      const kind = KINDS[node.name]
      if (!kind || node.from < at) return
      if (node.from > at) out.push({ text: text.slice(at, node.from), kind: '' })
      out.push({ text: text.slice(node.from, node.to), kind })
      at = node.to
    },
  })
  if (at < text.length) out.push({ text: text.slice(at), kind: '' })
  return out
}

/** What can be written at the caret; null where nothing can be offered, as within a comment. @param {string} text @param {number} at @returns {Context|null} */
export function contextAt(text, at) {
  if (text.length > LONGEST) return null
  const tree = parser.parse(text)
  const node = tree.resolveInner(at, -1)
  if (node.name === 'LineComment') return null
  const within = (/** @type {string} */ name) => ancestor(node, name)
  const matchers = within('LabelMatchers')
  if (matchers && !(at === matchers.to && text[at - 1] === '}')) return inMatchers(text, at, node, matchers)
  const grouping = within('GroupingLabels')
  if (grouping && !(at === grouping.to && text[at - 1] === ')')) {
    const word = wordBefore(text, at)
    return context('label', text, at - word.length, at, { metric: grouped(text, grouping), closed: true })
  }
  if (node.name === 'StringLiteral') return null
  const matrix = within('MatrixSelector') ?? within('SubqueryExpr')
  const opened = text.lastIndexOf('[', at - 1)
  if (matrix && opened >= matrix.from && !text.slice(opened, at).includes(']')) {
    return context('duration', text, at - wordBefore(text, at).length, at, { closed: /^[\w.]*\]/.test(text.slice(at)) })
  }
  return nameOrOperator(text, at)
}

/** @param {string} text @param {number} at @returns {Context|null} */
function nameOrOperator(text, at) {
  const word = wordBefore(text, at)
  // A number is complete as it is.
  if (/^\d/.test(word)) return null
  const before = text.slice(0, at - word.length).trimEnd()
  const afterWord = /\b(and|or|unless|by|without|on|ignoring|bool|atan2)$/i.test(before)
  const begins = before === '' || afterWord || /[-+*/%^=<>!(,~:[]$/.test(before)
  return context(begins ? 'name' : 'operator', text, at - word.length, at + wordAfter(text, at), { closed: /^[\w:]*\s*\(/.test(text.slice(at)) })
}

/** @param {string} text @param {number} at @param {any} node @param {any} matchers @returns {Context|null} */
function inMatchers(text, at, node, matchers) {
  const metric = text.slice(matchers.parent?.from ?? matchers.from, matchers.from).trim()
  const matcher = ancestor(node, 'UnquotedLabelMatcher') ?? ancestor(node, 'QuotedLabelMatcher')
  const label = matcher ? text.slice(matcher.firstChild.from, matcher.firstChild.to).replace(/^["'`]|["'`]$/g, '') : ''
  if (node.name === 'StringLiteral' && matcher && node.from > matcher.from) {
    const quote = text[node.from]
    const ended = node.to - node.from > 1 && text[node.to - 1] === quote
    if (at <= node.from || (ended && at === node.to)) return null
    return context('value', text, node.from + 1, ended ? node.to - 1 : at, { metric, label, closed: ended }, at)
  }
  if (node.name === 'StringLiteral') return null
  // After `=` the quote is still to be written.
  if (/[=~]\s*$/.test(text.slice(matchers.from, at))) return context('value', text, at, at, { metric, label: label || labelBefore(text, at), quoted: false })
  const word = wordBefore(text, at)
  const before = text.slice(matchers.from, at - word.length).trimEnd()
  if (!/[{,]$/.test(before)) return null
  return context('label', text, at - word.length, at + wordAfter(text, at), { metric, closed: /^\w*\s*[=!]/.test(text.slice(at)) })
}

/** @param {Context['kind']} kind @param {string} text @param {number} from @param {number} to @param {Partial<Context>} more @param {number} [at] @returns {Context} */
function context(kind, text, from, to, more, at = to) {
  return { kind, from, to, word: text.slice(from, Math.min(at, to)), metric: '', label: '', quoted: true, closed: false, ...more }
}

/** @param {string} text @param {number} at */
const wordBefore = (text, at) => /[\w:.]*$/.exec(text.slice(0, at))?.[0] ?? ''
/** @param {string} text @param {number} at */
const wordAfter = (text, at) => /^[\w:]*/.exec(text.slice(at))?.[0].length ?? 0
/** @param {string} text @param {number} at */
const labelBefore = (text, at) => /(\w+)\s*[=!]~?\s*$/.exec(text.slice(0, at))?.[1] ?? ''

/** @param {any} node @param {string} name */
function ancestor(node, name) {
  for (let at = node; at; at = at.parent) if (at.name === name) return at
  return null
}

/** The first metric of what is grouped. @param {string} text @param {any} grouping */
function grouped(text, grouping) {
  const around = ancestor(grouping, 'AggregateExpr') ?? ancestor(grouping, 'BinaryExpr')
  let found = ''
  around?.cursor().iterate((/** @type {any} */ inner) => {
    if (found === '' && inner.name === 'VectorSelector') found = text.slice(inner.from, inner.to)
    return found === ''
  })
  return found || (/\b([a-zA-Z_:][\w:]*)\s*(?:\{[^}]*\})?\s*(?:\[[^\]]*\])?\s*\)/.exec(text.slice(grouping.to))?.[1] ?? '')
}

/** The names of metrics that a query reads, in order and once. @param {string} text @returns {string[]} */
export function metricsOf(text) {
  if (text.length > LONGEST) return []
  /** @type {Set<string>} */
  const found = new Set()
  parser.parse(text).iterate({ enter: (node) => { if (node.name === 'Identifier') found.add(text.slice(node.from, node.to)) } })
  return [...found]
}

/** Whether the whole query is one selector, which has a name and a unit of its own. @param {string} text */
export function isSelector(text) {
  if (text.length > LONGEST) return false
  const top = parser.parse(text).topNode
  const only = top.firstChild
  return only?.name === 'VectorSelector' && only.from === text.length - text.trimStart().length && only.to === text.trimEnd().length && !only.nextSibling
}
