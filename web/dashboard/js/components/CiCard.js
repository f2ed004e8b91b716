/**
 * CI: whether runs succeed, how long they take and whether that is longer than before, what is under way.
 *
 * @import { CiRun } from '../types.js'
 * @import { Choice } from '../stores/ci.js'
 */
import { age, count, digits, percent, sentences, span } from '../format.js'
import { html } from '../lib.js'
import { chosenWorkflow, choice, choiceKey, choices, ci, refreshCi } from '../stores/ci.js'
import { now } from '../stores/clock.js'
import { sourcesOf } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { SourceTrouble } from './SourceTrouble.js'
import { Spark } from './Spark.js'

const SHOWN_RUNS = 3
/** @type {Record<string, import('../statuses.js').Mark>} */
const MARKS = { success: 'ok', failure: 'error', timed_out: 'error', startup_failure: 'error' }

export function CiCard() {
  const { runs, error } = ci.value
  const shown = choice.value
  const sources = sourcesOf('github')
  const failing = sources.filter((s) => s.up === false)
  const face = shown ? 'data' : failing.length ? 'error' : runs ? 'empty' : error ? 'error' : 'loading'
  const hints = sentences(sources.flatMap((s) => (s.up === null ? [s.reason, s.hint] : [])))
  return html`
    <${Panel} title="CI" kind="card" name="ci" face=${face} error=${failing[0]?.reason ?? error} retry=${refreshCi}
      note=${shown && html`<${Chooser} shown=${shown} />`} aside=${shown && choices.value.length > 1 && html`<span class="note">${shown.repository.repo}</span>`}
      empty=${html`<p class="face-title"><${Mark} kind="none" word="not connected" /> Not connected</p>
        <p>${hints || 'The newest runs are being read.'}</p>
        <p class="quiet">Success rate, duration and queue of runs will stand here.</p>`}>
      <${SourceTrouble} sources=${failing} />
      ${shown && html`<${Shown} shown=${shown} />`}
    <//>`
}

/** @param {{ shown: Choice }} props */
function Chooser({ shown }) {
  const many = new Set(choices.value.map((c) => c.repository.repo)).size > 1
  /** @param {Choice} c */
  const workflow = (c) => {
    const twins = choices.value.filter((d) => d.repository === c.repository && d.workflow?.workflow === c.workflow?.workflow).length > 1
    return c.workflow && (twins && c.workflow.workflow_path ? `${c.workflow.workflow} · ${c.workflow.workflow_path.split('/').pop()}` : c.workflow.workflow)
  }
  /** @param {Choice} c */
  const name = (c) => (many ? `${c.repository.repo} · ${workflow(c) ?? 'no runs'}` : workflow(c) ?? c.repository.repo)
  if (choices.value.length < 2) return html`${shown.repository.repo}`
  return html`
    <select class="chooser" aria-label="Workflow" title=${shown.repository.repo} value=${choiceKey(shown)} onChange=${(/** @type {any} */ e) => { chosenWorkflow.value = e.target.value }}>
      ${choices.value.map((c) => html`<option key=${choiceKey(c)} value=${choiceKey(c)}>${name(c)}</option>`)}
    </select>`
}

/** @param {{ shown: Choice }} props */
function Shown({ shown: { repository, workflow } }) {
  const labels = `repo=${JSON.stringify(repository.repo)}` + (workflow ? `,workflow=${JSON.stringify(workflow.workflow)}` : '') + (workflow?.workflow_id ? `,workflow_id="${workflow.workflow_id}"` : '')
  /** @param {string} metric */
  const series = (metric) => `${metric}{${labels}}`
  const ratio = series('github_actions_success_ratio')
  const change = workflow?.p50_change_ratio ?? null
  const runs = repository.runs.filter((run) => !workflow || (run.workflow === workflow.workflow && run.workflow_id === workflow.workflow_id))
  return html`
    <div class="ci" data-repo=${repository.repo}>
      <${Row} name="success" figure=${html`<${Figure} value=${workflow?.success_ratio} unit="ratio" series=${ratio} label="Share of runs that succeeded" why="No run succeeded or failed yet." />`}
        detail=${workflow && html`<span title="the last completed runs">of ${count(workflow.judged_runs, 'run')}</span>`} spark=${html`<${Spark} selector=${ratio} top=${1} />`} />
      <${Row} name="p50" figure=${html`<${Figure} value=${workflow?.p50_seconds} unit="seconds" series=${series('github_actions_run_duration_seconds')} label="Median duration of runs" why="No run has ended yet." />`}
        detail=${change !== null && html`<span title=${`${span(workflow?.p50_before_seconds ?? 0)} in as many runs before`}>${change > 0 ? '+' : ''}${percent(change)} ${change > 0 ? '▲' : change < 0 ? '▼' : ''}</span>`} />
      <${Row} name="active" figure=${html`<${Figure} value=${repository.active} unit="count" series=${`github_actions_active_runs{repo=${JSON.stringify(repository.repo)}}`} label="Runs under way" />`}
        detail=${`queued ${repository.queued}`} />
      <${Row} name="flaky" figure=${html`<${Figure} value=${workflow?.flaky_ratio} unit="ratio" series=${series('github_actions_flaky_ratio')} label="Share of commits that were flaky" why=${repository.whole ? 'No commit succeeded or failed yet.' : 'The runs before are still being read.'} />`}
        detail=${workflow?.flaky_ratio !== null && workflow && `${digits(workflow.flaky_commits)} of ${count(workflow.commits, 'commit')}`} />
      <ul class="under-way" aria-label="Newest runs">
        ${runs.slice(0, SHOWN_RUNS).map((run) => html`<${RunLine} key=${`${run.id}.${run.attempt}`} run=${run} />`)}
        ${runs.length === 0 && html`<li class="quiet">No run in the time that is held.</li>`}
        ${(!repository.whole || repository.jobs_wanted > 0) && html`<li class="quiet">${repository.whole ? `The jobs of ${count(repository.jobs_wanted, 'run')} are still being read.` : 'The runs before are still being read.'}</li>`}
      </ul>
    </div>`
}

/** @param {{ run: CiRun }} props */
function RunLine({ run }) {
  const word = run.conclusion ?? run.status
  const title = `${run.title || run.workflow}, ${run.branch}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`
  return html`
    <li>
      <${Mark} kind=${run.conclusion ? MARKS[run.conclusion] ?? 'none' : 'info'} word=${word} />
      <span class="task-id">#${run.number}</span>
      ${run.url ? html`<a class="task-title" href=${run.url} title=${title} rel="noreferrer" target="_blank">${title}</a>` : html`<span class="task-title" title=${title}>${title}</span>`}
      <span class="quiet" title=${run.ended === null ? 'since it began' : 'since it ended'}>${word.replaceAll('_', ' ')}, ${age(now.value - (run.ended ?? run.started))}${run.ended === null ? '' : ' ago'}</span>
    </li>`
}
