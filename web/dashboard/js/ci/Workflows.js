/**
 * The workflows of a repository: their newest runs as bars, and their figures.
 *
 * @import { CiRepository, CiRun, CiWorkflow } from '../types.js'
 */
import { Figure } from '../components/Figure.js'
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { count, DASH, percent, span } from '../format.js'
import { html } from '../lib.js'
import { address } from '../stores/place.js'
import { chosenWorkflow } from '../stores/ci.js'
import { NOT_KEPT } from '../stores/past.js'
import { runWord } from '../statuses.js'
import { hasFailed, isOf, median, runTitle } from './runs.js'

const BARS = 24
const BAR_W = 5
const BAR_GAP = 2
const BAR_H = 26
/** Below the bars: a square under each run that failed, so that it is seen without colour. */
const FOOT = 7

/** @param {{ repository: CiRepository, note: string }} props */
export function Workflows({ repository, note }) {
  const { repo, workflows } = repository
  return html`
    <${Panel} title=${html`<bdi>${repo}</bdi>`} note=${`${count(workflows.length, 'workflow')} · ${note}`} name="workflows" face=${workflows.length ? 'data' : 'empty'} empty=${html`<p>${repository.whole ? 'No workflow ran in the time that is held.' : 'The runs are being read.'}</p>`}>
      <${Table} name="workflows" label=${`Workflows of ${repo}`} columns=${columns(repository)} rows=${workflows} keyOf=${(/** @type {CiWorkflow} */ w) => String(w.workflow_id ?? w.workflow)} initial="-jobs" thing="workflow" shown=${20} />
    <//>`
}

/** @param {number|null} seconds */
const time = (seconds) => (seconds === null ? html`<span class="quiet" title=${NOT_KEPT}>${DASH}</span>` : span(Math.round(seconds)))

/** @param {CiRepository} repository @returns {import('../components/Table.js').Column[]} */
function columns({ repo, runs }) {
  /** @param {string} metric @param {CiWorkflow} w */
  const series = (metric, w) => `${metric}{repo=${JSON.stringify(repo)},workflow=${JSON.stringify(w.workflow)}${w.workflow_id === null ? '' : `,workflow_id="${w.workflow_id}"`}}`
  /** @param {CiWorkflow} w */
  const waits = (w) => runs.filter((r) => isOf(r, w)).flatMap((r) => (r.queue_seconds === null ? [] : [r.queue_seconds]))
  return [
    { key: 'name', title: 'Workflow', value: (w) => w.workflow, cell: (w) => html`<${Name} repo=${repo} workflow=${w} />` },
    { key: 'runs', title: 'Newest runs', value: () => null, cell: (w) => html`<${Bars} runs=${runs.filter((r) => isOf(r, w))} />` },
    { key: 'success', title: 'Success', num: true, help: 'successes among the last 20 completed runs', value: (w) => w.success_ratio, cell: (w) => html`<${Figure} value=${w.success_ratio} unit="ratio" series=${series('github_actions_success_ratio', w)} label=${`Share of runs of ${w.workflow} that succeeded`} why="No run succeeded or failed yet." />` },
    { key: 'median', title: 'Median', num: true, help: 'median duration of the last 20 runs that succeeded or failed', value: (w) => w.p50_seconds, cell: (w) => html`<${Figure} value=${w.p50_seconds} unit="seconds" series=${series('github_actions_run_duration_seconds', w)} label=${`Median duration of ${w.workflow}`} why="No run has ended yet." />` },
    { key: 'change', title: 'Change', num: true, help: 'against the 20 runs before', value: (w) => w.p50_change_ratio, cell: (w) => html`<${Change} ratio=${w.p50_change_ratio} />` },
    { key: 'queue', title: 'Queue', num: true, help: 'median wait for the first job, of its newest runs', value: (w) => median(waits(w)), cell: (w) => html`<${Figure} value=${median(waits(w))} unit="seconds" series=${series('github_actions_run_queue_seconds', w)} label=${`How long runs of ${w.workflow} wait`} why="No wait of its newest runs is known." />` },
    { key: 'flaky', title: 'Flaky', num: true, help: 'commits on which it both failed and succeeded', value: (w) => w.flaky_ratio, cell: (w) => html`<span title=${w.flaky_ratio === null ? undefined : `${w.flaky_commits} of ${count(w.commits, 'commit')}`}><${Figure} value=${w.flaky_ratio} unit="ratio" series=${series('github_actions_flaky_ratio', w)} label=${`Share of commits on which ${w.workflow} was flaky`} why="No commit succeeded or failed yet." /></span>` },
    { key: 'jobs', title: 'Job time', num: true, help: 'of all runs that are remembered', value: (w) => w.job_seconds, cell: (w) => time(w.job_seconds) },
    { key: 'wasted', title: 'In vain', num: true, help: 'job time of runs that were cancelled, or whose commit later got a green run', value: (w) => w.wasted_seconds, cell: (w) => time(w.wasted_seconds) },
  ]
}

/** A click shows the runs of this workflow alone; a second one shows all. @param {{ repo: string, workflow: CiWorkflow }} props */
function Name({ repo, workflow }) {
  const key = `${repo} ${workflow.workflow_id ?? workflow.workflow}`
  return html`<a class="link" href=${address('ci', '', { workflow: key, runs: 'one' })} title=${`Show the runs of ${workflow.workflow}${workflow.workflow_path ? ` (${workflow.workflow_path})` : ''}`} aria-current=${chosenWorkflow.value === key ? 'true' : undefined}><bdi>${workflow.workflow}</bdi></a>`
}

/** @param {{ ratio: number|null }} props */
function Change({ ratio }) {
  if (ratio === null) return html`<span class="quiet" title="It needs five runs, and five before them.">–</span>`
  const longer = ratio >= 0.05
  return html`<span class=${longer ? 'worse' : ''} title=${ratio > 0 ? 'longer than before' : 'shorter than before'}>${ratio > 0 ? '+' : ''}${percent(ratio)} ${ratio > 0 ? '▲' : ratio < 0 ? '▼' : ''}</span>`
}

/** The newest runs, the newest at the right: as high as they took long. @param {{ runs: CiRun[] }} props */
function Bars({ runs }) {
  const shown = runs.filter((r) => r.duration_seconds !== null).slice(0, BARS).reverse()
  const most = Math.max(1, ...shown.map((r) => r.duration_seconds ?? 0))
  const width = BARS * (BAR_W + BAR_GAP)
  const x = (/** @type {number} */ i) => width - (shown.length - i) * (BAR_W + BAR_GAP)
  const failed = shown.filter((r) => hasFailed(r.conclusion)).length
  /** @param {MouseEvent} event */
  const open = (event) => {
    const edge = /** @type {SVGElement} */ (event.currentTarget).getBoundingClientRect()
    const run = shown[Math.floor((event.clientX - edge.left - x(0)) / (BAR_W + BAR_GAP))]
    if (run?.url) window.open(run.url, '_blank', 'noopener,noreferrer')
  }
  if (shown.length === 0) return html`<span class="quiet" title="None of the newest 100 runs of the repository.">–</span>`
  return html`
    <svg class="run-bars" width=${width} height=${BAR_H + FOOT} viewBox=${`0 0 ${width} ${BAR_H + FOOT}`} role="img" aria-label=${`${count(shown.length, 'run')}, ${failed} failed`} onClick=${open}>
      ${shown.map((run, i) => {
        const height = Math.max(2, ((run.duration_seconds ?? 0) / most) * BAR_H)
        const bad = hasFailed(run.conclusion)
        return html`
          <g key=${`${run.id}.${run.attempt}`}><title>${`${runTitle(run)}: ${runWord(run)}, ${span(Math.round(run.duration_seconds ?? 0))}`}</title>
            <rect class="run-room" x=${x(i)} y="0" width=${BAR_W + BAR_GAP} height=${BAR_H + FOOT} />
            <rect class=${`run-bar run-${bad ? 'failed' : run.conclusion === 'success' ? 'passed' : 'other'}`} x=${x(i)} y=${BAR_H - height} width=${BAR_W} height=${height} />
            ${bad && html`<rect class="run-failed" x=${x(i)} y=${BAR_H + 2} width=${BAR_W} height=${BAR_W} />`}
          </g>`
      })}
    </svg>`
}
