/**
 * The query for the lines of a kind.
 *
 * Pure. A kind is a text with holes; what stands between them is what all of its lines have, in that order.
 */
import { literal, quote } from './query.js'

/** Labels that say which service a stream is of, in the order in which the service looks for it. */
export const SERVICE_LABELS = ['service_name', 'service', 'app', 'application', 'app_name', 'name', 'container', 'container_name', 'k8s_container_name', 'component', 'workload', 'job', 'unit']
/** More of a template says no more. */
const LONGEST = 500

/** What finds the lines of a template: blanks may be more of them, and what JSON escapes may be escaped. @param {string} template */
export function patternOf(template) {
  const parts = template.slice(0, LONGEST).split(/<\*>|["'\\]/).map((part) => part.trim().split(/\s+/).filter(Boolean).map(literal).join('\\s+'))
  return parts.filter((part) => part !== '').join('.*')
}

/** @param {{ level: string, template: string }} kind @param {string} selector of the streams of its service */
export function queryOfKind({ level, template }, selector) {
  const pattern = patternOf(template)
  return [selector, `| detected_level=${quote(level)}`, ...(pattern === '' ? [] : [`|~ ${quote(pattern)}`])].join(' ')
}
