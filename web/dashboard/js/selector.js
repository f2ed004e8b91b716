/**
 * Series selectors: reading them, writing them for a label set, and matching.
 *
 * The small part of PromQL that docs/API.md allows, used to find the chart of a live sample.
 *
 * @import { Metric } from './types.js'
 * @typedef {{ label: string, op: '='|'!='|'=~'|'!~', value: string, test: (v: string) => boolean }} Matcher
 * @typedef {{ name: string, prefix: boolean, matchers: Matcher[] }} Selector  `prefix`: the name ended in `*`
 */

const SHAPE = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*\*?)\s*(?:\{(.*)\})?\s*$/s
const MATCHER = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y

/** @param {string} text @returns {Selector|null} null when it is not a plain selector */
export function parse(text) {
  const shape = SHAPE.exec(text)
  if (!shape) return null
  const prefix = shape[1].endsWith('*')
  /** @type {Matcher[]} */
  const matchers = []
  const inside = (shape[2] ?? '').trim()
  MATCHER.lastIndex = 0
  while (MATCHER.lastIndex < inside.length) {
    const found = MATCHER.exec(inside)
    if (!found) return null
    const op = /** @type {Matcher['op']} */ (found[2])
    const value = unescape(found[3])
    const test = tester(op, value)
    if (!test) return null
    matchers.push({ label: found[1], op, value, test })
  }
  return { name: prefix ? shape[1].slice(0, -1) : shape[1], prefix, matchers }
}

/** @param {Selector} selector @param {Metric} metric */
export function matches(selector, metric) {
  const name = metric.__name__ ?? ''
  if (selector.prefix ? !name.startsWith(selector.name) : name !== selector.name) return false
  return selector.matchers.every((m) => m.test(metric[m.label] ?? ''))
}

/** The selector of exactly this label set, labels in order: also the key of a series. @param {Metric} metric */
export function print(metric) {
  const labels = Object.keys(metric).filter((l) => l !== '__name__').sort()
  const inside = labels.map((l) => `${l}="${escape(metric[l])}"`).join(',')
  return (metric.__name__ ?? '') + (inside ? `{${inside}}` : '')
}

/** How far back a rate looks. */
const RATE = '5m'

/** The query that shows what a selector has been: a rate for what only counts up. A selector of many names (`up*`) is written as PromQL has it. @param {string} text */
export function historyQuery(text) {
  const selector = parse(text)
  if (!selector) return text
  if (!selector.prefix) return selector.name.endsWith('_total') ? `rate(${text.trim()}[${RATE}])` : text
  const rest = selector.matchers.map(({ label, op, value }) => `${label}${op}"${escape(value)}"`)
  return `{${[`__name__=~"${selector.name}.*"`, ...rest].join(',')}}`
}

/** What is written from right to left, or says so. */
const FROM_RIGHT = /[\u0590-\u08ff\u202a-\u202e\u2066-\u2069\ufb1d-\ufefc]/
/** A value that cannot turn round what stands beside it. @param {string} value */
const isolated = (value) => (FROM_RIGHT.test(value) ? `\u2068${value}\u2069` : value)

/** The labels alone, as a reader wants them in a legend: `sda1 · read`. @param {Metric} metric */
export function caption(metric) {
  const values = Object.keys(metric).filter((l) => l !== '__name__').sort().map((l) => isolated(metric[l]))
  return values.length ? values.join(' · ') : metric.__name__ ?? ''
}

/** @param {Matcher['op']} op @param {string} value @returns {((v: string) => boolean)|null} */
function tester(op, value) {
  if (op === '=') return (v) => v === value
  if (op === '!=') return (v) => v !== value
  try {
    const pattern = new RegExp(`^(?:${value})$`, 's')
    return op === '=~' ? (v) => pattern.test(v) : (v) => !pattern.test(v)
  } catch {
    return null
  }
}

/** @param {string} text */
const escape = (text) => text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')
/** @param {string} text */
const unescape = (text) => text.replace(/\\(.)/gs, (_, c) => (c === 'n' ? '\n' : c))
