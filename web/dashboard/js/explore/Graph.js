/**
 * The answers of all queries as lines of one chart.
 *
 * @import { Wanted } from './wanted.js'
 */
import { Chart } from '../chart/Chart.js'
import { html, useMemo } from '../lib.js'
import { caption } from '../selector.js'
import { metricsOf } from './language.js'
import { unitFor } from './wanted.js'

const HEIGHT_PX = 320

/** @param {{ asked: Array<{ wanted: Wanted, answer: import('./asking.js').Answer }> }} props */
export function Graph({ asked }) {
  const queries = asked.map(({ wanted }) => wanted.text)
  const most = Math.max(0, ...asked.flatMap(({ answer }) => answer.lines.map(highest)))
  // A share of a whole keeps the whole in view, so that half of it looks like half.
  const top = most > 0.5 && most <= 1 ? 1 : undefined
  const spec = useMemo(() => {
    const letters = new Map(asked.map(({ wanted }) => [wanted.text, wanted.letter]))
    const units = new Set(queries.map((query) => unitFor(query, metricsOf(query))))
    return /** @type {import('../chart/specs.js').ChartSpec} */ ({
      id: 'explore', title: 'Graph', unit: units.size === 1 ? [...units][0] : 'plain', top: units.size === 1 && units.has('ratio') ? top : undefined, selectors: queries, expected: queries.length === 1, exemplars: true, metricName: metricsOf(queries[0] ?? '')[0],
      name: (metric, query) => [queries.length > 1 && letters.get(query), caption(metric) || query].filter(Boolean).join(' · '),
      fill: 'The query has no answer in this time.',
    })
  }, [queries.join('\n'), top])
  return html`<${Chart} spec=${spec} height=${HEIGHT_PX} bare />`
}

/** @param {import('../points.js').Line} line */
function highest({ v }) {
  let most = 0
  for (const value of v) if (value !== null && value > most) most = value
  return most
}
