/**
 * The value of what a rule is about, against its threshold, with single measurements that lead to their traces.
 *
 * @import { Alert } from '../types.js'
 */
import { Chart } from '../chart/Chart.js'
import { unitOf } from '../format.js'
import { subjectOf } from '../headline.js'
import { html, useMemo } from '../lib.js'
import { caption } from '../selector.js'

/** @param {{ name: string, query: string, threshold: number|null, title?: string }} props `name`: of the metric */
export function ValueChart({ name, query, threshold, title }) {
  const spec = useMemo(() => ({
    id: `rule-${query}`, title: title ?? subjectOf({ __name__: name }), unit: unitOf(name), query, selectors: [query], expected: true, exemplars: true, metricName: name, name: caption,
    top: threshold !== null && threshold > 0 ? threshold * 1.05 : undefined, note: threshold === null ? undefined : 'dashed: the threshold',
    fill: 'No sample in this time. A longer period may hold some.',
  }), [name, query, threshold, title])
  return html`<${Chart} spec=${spec} height=${160} />`
}

/** A query of exactly the series of these alerts. @param {Alert[]} alerts @param {(metric: import('../types.js').Metric) => string} print */
export const queryOf = (alerts, print) => alerts.map(({ metric }) => print(metric)).join(' or ')
