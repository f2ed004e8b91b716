/**
 * The query for the lines of a kind.
 *
 * Pure. A kind is a text with gaps; all of its lines have what stands between the gaps, in that order.
 */
import { literal, quote } from './query.js'

/** Labels that say which service a stream is of, in the order in which the service looks for it. */
export const SERVICE_LABELS = ['service_name', 'service', 'app', 'application', 'app_name', 'name', 'container', 'container_name', 'k8s_container_name', 'component', 'workload', 'job', 'unit']
/** Characters of a template that are used: more would hardly find other lines. */
const LONGEST = 500

/** A regular expression for the lines of a template: white space may be longer in them, quotes and backslashes may be escaped. @param {string} template */
export function patternOf(template) {
  const parts = template.slice(0, LONGEST).split(/<\*>|["'\\]/).map((part) => part.trim().split(/\s+/).filter(Boolean).map(literal).join('\\s+'))
  return parts.filter((part) => part !== '').join('.*')
}

/** @param {{ level: string, template: string }} kind @param {string} selector of the streams of its service */
export function queryOfKind({ level, template }, selector) {
  const pattern = patternOf(template)
  return [selector, `| detected_level=${quote(level)}`, ...(pattern === '' ? [] : [`|~ ${quote(pattern)}`])].join(' ')
}
