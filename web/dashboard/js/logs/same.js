/**
 * Which streams belong to series: metrics and logs of one program often carry the same labels, or the same under other names.
 *
 * Pure.
 */
import { literal, matcher } from './query.js'

/** Labels that say the same, in the order in which streams are asked. @type {string[][]} */
const SAME = [
  ['service_name', 'service', 'app', 'job', 'program'],
  ['host_name', 'host', 'hostname', 'node'],
  ['container_name', 'container'],
  ['pod', 'k8s_pod_name'],
  ['namespace', 'k8s_namespace_name'],
]
/** More values than this select nothing. */
const MOST_VALUES = 10

/** The values of these labels that the lines of a chart have, by the label that streams have; only where each line has one. @param {Array<Record<string, string|undefined>>} metrics @param {string[]} streamLabels @returns {Array<{ name: string, values: string[] }>} */
export function wantedOf(metrics, streamLabels) {
  const there = new Set(streamLabels)
  return SAME.flatMap((names) => {
    const name = names.find((one) => there.has(one))
    const said = metrics.map((metric) => names.map((one) => metric[one]).find((value) => value !== undefined && value !== ''))
    const values = [...new Set(said)].filter((value) => value !== undefined)
    return name === undefined || values.length === 0 || said.includes(undefined) || values.length > MOST_VALUES ? [] : [{ name, values }]
  })
}

/** @param {Array<{ name: string, values: string[] }>} wanted those without a value are left out */
export function selectorOf(wanted) {
  const found = wanted.filter(({ values }) => values.length > 0)
  const one = (/** @type {{ name: string, values: string[] }} */ { name, values }) => (values.length === 1 ? matcher(name, '=', values[0]) : matcher(name, '=~', values.map(literal).join('|')))
  return found.length === 0 ? '' : `{${found.map((f) => one(f).text).join(', ')}}`
}
