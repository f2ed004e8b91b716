/**
 * CI: whether workflows succeed, how long they take, and the runs themselves.
 *
 * @import { CiRepository, CiRun, CiWorkflow } from '../types.js'
 */
import { Figure } from '../components/Figure.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Flow } from '../ci/Flow.js'
import { Week } from '../ci/Week.js'
import { age, count, percent, sentences, span } from '../format.js'
import { html } from '../lib.js'
import { ci, refreshCi } from '../stores/ci.js'
import { now } from '../stores/clock.js'
import { sourcesOf } from '../stores/status.js'

/** @type {Record<string, import('../statuses.js').Mark>} */
const MARKS = { success: 'ok', failure: 'error', timed_out: 'error', startup_failure: 'error' }
const SHOWN_RUNS = 40

export function Ci() {
  const { runs, error } = ci.value
  const list = runs?.repositories ?? []
  if (list.length === 0) {
    const hints = sentences(sourcesOf('github').flatMap((s) => [s.reason, s.hint]))
    return html`
      <${Panel} title="CI" name="ci" face=${runs ? 'empty' : error ? 'error' : 'loading'} error=${error} retry=${refreshCi}
        empty=${html`<p class="face-title">No repository is watched</p><p>${hints || 'Name one in Settings.toml:'}</p><pre class="copy">[github]${'\n'}repositories = ["owner/name"]</pre>`} />`
  }
  return html`
    <div class="ci-page">
      ${list.map((repository) => html`
        <${Repository} key=${repository.repo} repository=${repository} />
        <div class="ci-pictures"><${Week} repo=${repository.repo} /><${Flow} repo=${repository.repo} /></div>
        <${Runs} repository=${repository} />`)}
    </div>`
}

/** @param {{ repository: CiRepository }} props */
function Repository({ repository }) {
  return html`
    <${Panel} title=${repository.repo} note=${`${count(repository.active, 'run')} under way, ${repository.queued} queued`} name=${`ci-${repository.repo}`} face="data">
      <div class="table-wrap" tabindex="0" role="region" aria-label=${`Workflows of ${repository.repo}`}>
        <table>
          <thead><tr><th>Workflow</th><th class="num">Success</th><th class="num">Median</th><th class="num">Change</th><th class="num">Flaky</th><th class="num">Jobs</th><th class="num">In vain</th></tr></thead>
          <tbody>${repository.workflows.map((w) => html`<${Workflow} key=${w.workflow_id ?? w.workflow} repo=${repository.repo} workflow=${w} />`)}</tbody>
        </table>
      </div>
    <//>`
}

/** @param {{ repository: CiRepository }} props */
function Runs({ repository }) {
  return html`
    <${Panel} title="Runs" note=${`${repository.repo}, newest first`} name=${`runs-${repository.repo}`} face=${repository.runs.length ? 'data' : 'empty'} empty=${html`<p>No run in the time that is held.</p>`}>
      <ul class="runs" tabindex="0" aria-label=${`Newest runs of ${repository.repo}`}>${repository.runs.slice(0, SHOWN_RUNS).map((run) => html`<${RunLine} key=${`${run.id}.${run.attempt}`} run=${run} />`)}</ul>
    <//>`
}

/** @param {{ repo: string, workflow: CiWorkflow }} props */
function Workflow({ repo, workflow }) {
  const labels = `repo=${JSON.stringify(repo)},workflow=${JSON.stringify(workflow.workflow)}`
  const change = workflow.p50_change_ratio
  return html`
    <tr>
      <td>${workflow.url ? html`<a class="link" href=${workflow.url} rel="noreferrer" target="_blank">${workflow.workflow}</a>` : workflow.workflow}</td>
      <td class="num"><${Figure} value=${workflow.success_ratio} unit="ratio" series=${`github_actions_success_ratio{${labels}}`} label=${`Share of runs of ${workflow.workflow} that succeeded`} why="No run succeeded or failed yet." /></td>
      <td class="num"><${Figure} value=${workflow.p50_seconds} unit="seconds" series=${`github_actions_run_duration_seconds{${labels}}`} label=${`Median duration of ${workflow.workflow}`} why="No run has ended yet." /></td>
      <td class="num">${change === null ? html`<span class="quiet" title="It needs five runs, and five before them.">–</span>` : `${change > 0 ? '+' : ''}${percent(change)}`}</td>
      <td class="num"><${Figure} value=${workflow.flaky_ratio} unit="ratio" series=${`github_actions_flaky_ratio{${labels}}`} label=${`Share of commits on which ${workflow.workflow} was flaky`} why="No commit succeeded or failed yet." /></td>
      <td class="num">${span(Math.round(workflow.job_seconds))}</td>
      <td class="num">${span(Math.round(workflow.wasted_seconds))}</td>
    </tr>`
}

/** @param {{ run: CiRun }} props */
function RunLine({ run }) {
  const word = run.conclusion ?? run.status.replaceAll('_', ' ')
  const title = `${run.workflow} #${run.number}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`
  return html`
    <li>
      <${Mark} kind=${run.conclusion ? MARKS[run.conclusion] ?? 'none' : 'info'} word=${word} />
      ${run.url ? html`<a class="link" href=${run.url} rel="noreferrer" target="_blank">${title}</a>` : html`<span>${title}</span>`}
      <span class="task-title" title=${run.title}>${run.title || run.event}</span>
      <span class="quiet">${run.branch}</span>
      <span class="quiet num">${run.duration_seconds === null ? '' : span(Math.round(run.duration_seconds))}</span>
      <span class="quiet num" title=${run.ended === null ? 'since it began' : 'since it ended'}>${word}, ${age(now.value - (run.ended ?? run.started))} ago</span>
    </li>`
}
