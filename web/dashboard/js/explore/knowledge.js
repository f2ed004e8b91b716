/**
 * What the service knows, for the browser of metrics and for completion: names, descriptions, labels, values.
 *
 * Asked once and kept for a minute; labels and values are those of the metric at hand.
 *
 * @import { MetricMetadata } from '../types.js'
 */
import { ask, errorText, get } from '../api.js'
import { signal } from '../lib.js'
import { FRESH_MS, remembered } from '../remembered.js'

/** Values of a label that are offered, and series that are counted. */
const MOST_VALUES = 500
const MOST_SERIES = 5000

/** @typedef {{ names: string[], meta: Record<string, MetricMetadata[]>, state: 'loading'|'ready'|'error', error: string }} Metrics */

export const metrics = signal(/** @type {Metrics} */ ({ names: [], meta: {}, state: 'loading', error: '' }))
let loadedAt = -Infinity

/** Loads names and descriptions, unless they are known well enough. @param {{ again?: boolean }} [how] */
export async function loadMetrics({ again = false } = {}) {
  if (!again && performance.now() - loadedAt < FRESH_MS) return
  loadedAt = performance.now()
  try {
    const [names, meta] = await Promise.all([get('/api/v1/label/__name__/values'), get('/api/v1/metadata')])
    metrics.value = { names, meta, state: 'ready', error: '' }
  } catch (error) {
    loadedAt = -Infinity
    // What was known stays.
    if (metrics.peek().state !== 'ready') metrics.value = { names: [], meta: {}, state: 'error', error: errorText(error) }
  }
}

/** Parts of a classic histogram or a summary are described under its own name. @param {Record<string, MetricMetadata[]>} meta @param {string} name @returns {MetricMetadata|undefined} */
export const describe = (meta, name) => meta[name]?.[0] ?? meta[name.replace(/_(bucket|sum|count|total)$/, '')]?.[0]

/** @param {string} metric @returns {Record<string, string>} */
const matching = (metric) => (metric === '' ? {} : { 'match[]': metric })

/** Names of labels, of a metric where one is at hand. @param {string} metric @returns {Promise<string[]>} */
export const labelsOf = async (metric) => (await remembered('/api/v1/labels', matching(metric))).filter((/** @type {string} */ label) => label !== '__name__')

/** @param {string} metric @param {string} label @returns {Promise<string[]>} */
export const valuesOf = (metric, label) => remembered(`/api/v1/label/${encodeURIComponent(label)}/values`, { ...matching(metric), limit: MOST_VALUES })

/**
 * @typedef {{ label: string, values: Array<{ value: string, series: number }> }} LabelCount  values with how many series have each, the most first
 * @typedef {{ series: number, cut: boolean, labels: LabelCount[] }} Cardinality  `cut`: there are more series than were counted
 */

/** How many series a metric had within a time, and which labels tell them apart. @param {string} name @param {{ start: number, end: number }} within @param {AbortSignal} stop @returns {Promise<Cardinality>} */
export async function cardinality(name, { start, end }, stop) {
  const { data, warnings } = await ask('/api/v1/series', { 'match[]': `{__name__=${JSON.stringify(name)}}`, start, end, limit: MOST_SERIES }, stop)
  return { ...countLabels(data), cut: (warnings ?? []).length > 0 }
}

/** @param {Array<Record<string, string>>} series */
export function countLabels(series) {
  /** @type {Map<string, Map<string, number>>} */
  const counts = new Map()
  for (const labels of series) {
    for (const [label, value] of Object.entries(labels)) {
      if (label === '__name__') continue
      const values = counts.get(label) ?? new Map()
      counts.set(label, values.set(value, (values.get(value) ?? 0) + 1))
    }
  }
  const labels = [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([label, values]) => ({
    label,
    values: [...values].map(([value, of]) => ({ value, series: of })).sort((a, b) => b.series - a.series || a.value.localeCompare(b.value)),
  }))
  return { series: series.length, labels }
}
