/**
 * How the runs of a repository change over time: their success, their duration, and waiting against running.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 */
import { Chart } from '../chart/Chart.js'
import { caption } from '../selector.js'
import { html, useMemo } from '../lib.js'
import { range } from '../stores/place.js'

const FROM_RUNS = 'Filled by the runs that end in this time. A longer period may hold some.'
/** @type {Array<[number, string, string]>} period up to, window, its words */
const WINDOWS = [[86_400, '1h', 'an hour'], [7 * 86_400, '6h', 'six hours'], [Infinity, '1d', 'a day']]

/** @param {{ repo: string }} props */
export function Trends({ repo }) {
  const [, window, words] = WINDOWS.find(([most]) => range.value.seconds <= most) ?? WINDOWS[WINDOWS.length - 1]
  const specs = useMemo(() => specsOf(repo, window, words), [repo, window])
  return html`<div class="trends">${specs.map((spec) => html`<${Chart} key=${spec.id + window} spec=${spec} />`)}</div>`
}

/** @param {string} repo @param {string} window @param {string} words @returns {Array<ChartSpec & { query: string }>} */
function specsOf(repo, window, words) {
  const of = `{repo=${JSON.stringify(repo)}}`
  const mean = (/** @type {string} */ metric, by = '') => `avg${by}(avg_over_time(${metric}${of}[${window}]))`
  const queue = mean('github_actions_run_queue_seconds')
  const part = (/** @type {string} */ query, /** @type {string} */ name) => `label_replace(${query}, "part", "${name}", "", "")`
  return [
    {
      id: 'ci-success', title: 'Success', note: 'of the last 20 runs, by workflow', unit: 'ratio', top: 1, selectors: [`github_actions_success_ratio${of}`],
      query: `github_actions_success_ratio${of}`, name: (m) => m.workflow ?? caption(m), fill: 'Filled as soon as runs have ended.',
    },
    {
      id: 'ci-duration', title: 'Duration', note: `mean over ${words}, by workflow`, unit: 'seconds', selectors: [`github_actions_run_duration_seconds${of}`],
      query: mean('github_actions_run_duration_seconds', ' by (workflow) '), name: (m) => m.workflow ?? caption(m), fill: FROM_RUNS,
    },
    {
      id: 'ci-queue', title: 'Waiting and running', note: `mean of runs over ${words}`, unit: 'seconds', stacked: true, selectors: [`github_actions_run_queue_seconds${of}`],
      query: `${part(queue, 'waiting')} or ${part(`${mean('github_actions_run_duration_seconds')} - ${queue}`, 'running')}`,
      name: (m) => m.part ?? caption(m), colour: (m) => (m.part === 'waiting' ? '--series-2' : '--series-1'),
      pick: (series) => [...series].sort((a, b) => (b.metric.part ?? '').localeCompare(a.metric.part ?? '')), fill: FROM_RUNS,
    },
  ]
}
