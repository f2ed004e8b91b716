/**
 * Series of this service and its machine, apart from those of the same names that other machines send: a page that shows one figure must not
 * show whichever of them comes first.
 *
 * Pure. As `engine::machine::is_own` tells them apart, and by `job`, which no collector sets on the series that are asked for here.
 *
 * @import { Metric } from './types.js'
 */

/** Labels that series from elsewhere have: what is scraped, what comes by remote write, what comes over OTLP. */
export const OTHERS = ['job', 'instance', 'host', 'host_name']
const NONE = OTHERS.map((label) => `${label}=""`).join(',')

/** A selector, or the name of a metric, for its series of this service and its machine alone. The stream does not take it for many names (`up*`). @param {string} selector */
export const own = (selector) => (selector.endsWith('}') ? `${selector.slice(0, -1)},${NONE}}` : `${selector}{${NONE}}`)

/** @param {Metric} metric */
export const isOwn = (metric) => OTHERS.every((label) => !metric[label])

/** Whether it is the one series of a metric that has no label of its own; with further ones it is another's. @param {Metric} metric @param {Metric} [labels] those that are asked for */
export const isSole = (metric, labels = {}) => {
  const names = Object.keys(metric).filter((name) => name !== '__name__')
  return names.length === Object.keys(labels).length && names.every((name) => metric[name] === labels[name])
}
