/**
 * The chart of a PromQL expression in its panel: for what no single selector can say.
 *
 * @import { ChartSpec } from './specs.js'
 */
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { useQuery } from '../hooks.js'
import { html, useMemo } from '../lib.js'
import { withGaps } from '../points.js'
import { historyOf, period } from '../stores/place.js'
import { Plot } from './Chart.js'
import { Legend } from './Legend.js'
import { lineColour } from './plot.js'
import { MOST_LINES } from './specs.js'

/** @param {{ spec: ChartSpec & { query: string }, height?: number }} props */
export function QueryChart({ spec, height = 150 }) {
  const { lines, step, state, error, retry } = useQuery({ query: spec.query })
  const drawn = useMemo(() => (spec.prepare ? spec.prepare(lines, step) : lines).slice(0, MOST_LINES).map((l) => withGaps(l, step)), [lines, step])
  const colours = drawn.map((l, i) => spec.colour?.(l.metric, i) ?? lineColour(i, drawn.length))
  const left = Math.max(0, lines.length - MOST_LINES)
  const note = [spec.note, left > 0 ? `${MOST_LINES} of ${count(lines.length, 'series', 'series')}` : ''].filter(Boolean).join(' · ')
  return html`
    <${Panel} title=${html`<a href=${historyOf(spec.query)}>${spec.title}</a>`} note=${note} kind=${spec.wide ? 'chart chart-wide' : 'chart'} name=${`chart-${spec.id}`}
      face=${state === 'ready' ? (lines.length ? 'data' : 'empty') : state} error=${error} retry=${retry} empty=${html`<p>${spec.fill}</p>`}>
      <${Legend} spec=${spec} lines=${drawn} colours=${colours} />
      <${Plot} spec=${spec} lines=${drawn} colours=${colours} step=${step} height=${height} label=${`${spec.title}, ${period.value.words}: ${drawn.map((l) => spec.name(l.metric)).join(', ')}`} />
    <//>`
}
