/**
 * The history of a selector's series: the chart large, each series with its newest figure and bounds.
 */
import { drawn, plainChart } from '../charts.js'
import { clockTime, count, format, since } from '../format.js'
import { useFeeds } from '../hooks.js'
import { html, useMemo } from '../lib.js'
import { parse } from '../selector.js'
import { thresholds } from '../stores/alerts.js'
import { now } from '../stores/clock.js'
import { address, historyOf, range } from '../stores/route.js'
import { Chart } from './Chart.js'
import { Lane } from './Lane.js'
import { Panel } from './Panel.js'

/** @param {{ selector: string }} props */
export function SeriesPage({ selector }) {
  const parsed = parse(selector)
  if (!parsed || parsed.prefix) {
    return html`
      <${Panel} title="Series" face="error" live=${false}
        error=${`“${selector}” is not a selector of one metric. One reads like system_cpu_utilization_ratio or taskmaster_tasks{tag="master"}.`} />`
  }
  return html`<${History} key=${selector} selector=${selector} name=${parsed.name} />`
}

/** @param {{ selector: string, name: string }} props */
function History({ selector, name }) {
  const spec = useMemo(() => ({ ...plainChart(selector, name), href: selector }), [selector, name])
  const limits = [...(thresholds.value.get(name)?.values() ?? [])]
  return html`
    <div class="series-page">
      <nav class="crumbs" aria-label="Where you are"><a href=${address('overview', range.value)}>Overview</a> / <code>${selector}</code></nav>
      <${Chart} spec=${spec} height=${320} />
      <${Lane} />
      <${Table} selector=${selector} spec=${spec} />
      ${limits.length > 0 && html`
        <${Panel} title="Thresholds" face="data" live=${false}>
          <ul class="plain-list">${limits.map((l) => html`<li key=${l.op + l.value}>${l.rule}: ${l.severity} when ${l.op} ${format(l.value, spec.unit)}</li>`)}</ul>
        <//>`}
    </div>`
}

/** @param {{ selector: string, spec: import('../charts.js').ChartSpec }} props */
function Table({ selector, spec }) {
  const [feed] = useFeeds([selector])
  const { step, words } = range.value
  const all = [...feed.lines.values()].map((l) => ({ raw: l, line: spec.prepare ? spec.prepare([l], step)[0] : l }))
  const { left } = drawn(spec, all.map((a) => a.line), step)
  return html`
    <${Panel} title="Series" note=${`${count(all.length, 'series', 'series')}, ${words}${left ? `; ${left} of them not drawn` : ''}`}
      face=${all.length ? 'data' : feed.state === 'loading' ? 'loading' : 'empty'} empty=${html`<p>${spec.fill}</p>`}>
      <div class="table-wrap" tabindex="0" role="region" aria-label="Series">
        <table>
          <thead><tr><th>Labels</th><th class="num">Newest</th><th class="num">At</th><th class="num">Lowest</th><th class="num">Mean</th><th class="num">Highest</th><th class="num">Points</th></tr></thead>
          <tbody>
            ${all.map(({ raw, line }) => {
              const values = line.v.filter((v) => v !== null)
              const bounds = values.length ? [Math.min(...values), values.reduce((a, b) => a + b, 0) / values.length, Math.max(...values)] : [null, null, null]
              const at = raw.t[raw.t.length - 1]
              return html`
                <tr key=${raw.key}>
                  <td><a href=${historyOf(raw.key)}>${labels(raw.metric)}</a></td>
                  <td class="num">${format(line.v[line.v.length - 1], spec.unit)}</td>
                  <td class="num" title=${since(at, now.value)}>${clockTime(at)}</td>
                  ${bounds.map((b) => html`<td class="num">${format(b, spec.unit)}</td>`)}
                  <td class="num">${raw.t.length}</td>
                </tr>`
            })}
          </tbody>
        </table>
      </div>
    <//>`
}

/** @param {Record<string, string>} metric */
function labels(metric) {
  const names = Object.keys(metric).filter((l) => l !== '__name__').sort()
  return names.length ? names.map((l) => `${l} ${metric[l]}`).join(', ') : 'no labels'
}
