/**
 * The charts of the runs of a repository: what each asks, and the colours of its workflows.
 *
 * Pure.
 *
 * @import { ChartSpec } from '../chart/specs.js'
 */
import { coloursOf } from '../chart/colours.js'
import { own } from '../own.js'
import { caption } from '../selector.js'

const FROM_RUNS = 'Filled by the runs that end in this time. A longer period may hold some.'

/** @param {string} repo @param {string[]} workflows @param {string} window @param {string} words @returns {Array<ChartSpec & { query: string }>} */
export function specsOf(repo, workflows, window, words) {
  // One colour a workflow, whichever of them a chart has and however many labels are left of it.
  const colours = coloursOf(workflows)
  const colour = (/** @type {import('../types.js').Metric} */ m) => colours.get(m.workflow) ?? '--series-other'
  const of = own(`{repo=${JSON.stringify(repo)}}`)
  const mean = (/** @type {string} */ metric, by = '') => `avg${by}(avg_over_time(${metric}${of}[${window}]))`
  const queue = mean('github_actions_run_queue_seconds')
  const part = (/** @type {string} */ query, /** @type {string} */ name) => `label_replace(${query}, "part", "${name}", "", "")`
  return [
    {
      id: 'ci-success', title: 'Success', note: 'of the last 20 runs, by workflow', unit: 'ratio', top: 1, selectors: [`github_actions_success_ratio${of}`],
      query: `github_actions_success_ratio${of}`, name: (m) => m.workflow ?? caption(m), colour, fill: 'Filled as soon as runs have ended.',
    },
    {
      id: 'ci-duration', title: 'Duration', note: `mean over ${words}, by workflow`, unit: 'seconds', selectors: [`github_actions_run_duration_seconds${of}`],
      query: mean('github_actions_run_duration_seconds', ' by (workflow) '), name: (m) => m.workflow ?? caption(m), colour, fill: FROM_RUNS,
    },
    {
      id: 'ci-queue', title: 'Waiting and running', note: `mean of runs over ${words}`, unit: 'seconds', stacked: true, selectors: [`github_actions_run_queue_seconds${of}`],
      query: `${part(queue, 'waiting')} or ${part(`${mean('github_actions_run_duration_seconds')} - ${queue}`, 'running')}`,
      name: (m) => m.part ?? caption(m), colour: (m) => (m.part === 'waiting' ? '--series-2' : '--series-1'),
      pick: (series) => [...series].sort((a, b) => (b.metric.part ?? '').localeCompare(a.metric.part ?? '')), fill: FROM_RUNS,
    },
  ]
}
