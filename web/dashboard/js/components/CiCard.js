/**
 * CI: whether runs succeed, how long they take and whether that is longer than before, what is under way.
 *
 * @import { CiRun } from '../types.js'
 * @import { Choice } from '../stores/ci.js'
 */
import { ago, capital, count, DASH, digits, percent, sentences, span } from '../format.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { runMark, runWord } from '../statuses.js'
import { chosenWorkflow, choice, choiceKey, choices, ci, refreshCi } from '../stores/ci.js'
import { minute } from '../stores/pace.js'
import { sourcesOf } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { Spark } from './Spark.js'

export function CiCard() {
  const { runs, error } = ci.value
  const shown = choice.value
  const sources = sourcesOf('github')
  const failing = sources.filter((s) => s.up === false)
  const face = shown ? 'data' : failing.length ? 'error' : runs ? 'empty' : error ? 'error' : 'loading'
  const hints = sentences(sources.flatMap((s) => (s.up === null ? [capital(s.reason), capital(s.hint)] : [])))
  return html`
    <${Panel} title="CI" kind="card" name="ci" face=${face} error=${failing[0]?.reason ?? error} retry=${refreshCi}
      note=${shown && html`<${Chooser} shown=${shown} />`} aside=${shown && failing.length > 0 && html`<span class="card-trouble" title=${failing[0].reason ?? 'No reason is known'}><${Mark} kind="error" word="" /> cannot be read</span>`}
      empty=${html`<p class="face-title"><${Mark} kind="none" word="not connected" /> Not connected</p>
        <p>${hints || 'The newest runs are being read.'}</p>`}>
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
  const [last] = repository.runs.filter((run) => !workflow || (run.workflow === workflow.workflow && run.workflow_id === workflow.workflow_id))
  const reading = repository.whole ? '' : 'The runs before are still being read.'
  return html`
    <div class="ci" data-repo=${repository.repo}>
      <${Row} name="success" metric="github_actions_success_ratio" figure=${html`<${Figure} value=${workflow?.success_ratio} unit="ratio" series=${ratio} label="Share of runs that succeeded" why=${reading || 'No run succeeded or failed yet.'} />`}
        detail=${workflow && html`<span title="the last completed runs">of ${count(workflow.judged_runs, 'run')}</span>`} spark=${html`<${Spark} selector=${own(ratio)} top=${1} />`} />
      <${Row} name="median" figure=${html`<${Figure} value=${workflow?.p50_seconds} unit="seconds" series=${series('github_actions_run_duration_seconds')} label="Median duration of runs" why=${reading || 'No run has ended yet.'} />`}
        detail=${change !== null && html`<span title=${`${span(workflow?.p50_before_seconds ?? 0)} in as many runs before`}>${change > 0 ? '+' : ''}${percent(change)} ${change > 0 ? '▲ longer' : change < 0 ? '▼ shorter' : ''}</span>`} />
      <${Row} name="under way" metric="github_actions_active_runs" figure=${html`<${Figure} value=${repository.active} unit="count" series=${`github_actions_active_runs{repo=${JSON.stringify(repository.repo)}}`} label="Runs under way" />`}
        detail=${repository.queued > 0 ? `${repository.queued} ${repository.queued === 1 ? 'waits' : 'wait'} for a runner` : 'none waits'} />
      <${Row} name="flaky" metric="github_actions_flaky_ratio" figure=${html`<${Figure} value=${workflow?.flaky_ratio} unit="ratio" series=${series('github_actions_flaky_ratio')} label="Share of commits that were flaky" why=${reading || 'No commit succeeded or failed yet.'} />`}
        detail=${workflow?.flaky_ratio !== null && workflow && `${digits(workflow.flaky_commits)} of ${count(workflow.commits, 'commit')}`} />
      <${LastRun} run=${last} reading=${reading} />
    </div>`
}

/** @param {{ run: CiRun|undefined, reading: string }} props */
function LastRun({ run, reading }) {
  if (!run) return html`<${Row} name="last run" figure=${html`<span class="figure-none" title=${reading || 'No run in the time that is held.'}>${DASH}</span>`} detail=${reading || 'no run in the time that is held'} />`
  const words = `${runWord(run)}, ${ago(minute.value + 60 - (run.ended ?? run.started))}`
  const title = `${run.title || run.workflow}, ${run.branch}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}: ${words}`
  const number = `#${run.number}`
  return html`
    <${Row} name="last run" figure=${run.url && /^https?:/.test(run.url) ? html`<a class="figure" href=${run.url} title=${title} rel="noreferrer" target="_blank">${number}</a>` : html`<span class="figure" title=${title}>${number}</span>`}
      detail=${html`<span title=${title}><${Mark} kind=${runMark(run.conclusion)} word="" /> ${words}, <bdi>${run.title || run.branch}</bdi></span>`} />`
}
