/**
 * The newest runs of a repository, each a link to where it ran.
 *
 * @import { CiRepository, CiRun } from '../types.js'
 */
import { LongList } from '../components/LongList.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { age, ago, count, since, span } from '../format.js'
import { html } from '../lib.js'
import { choice } from '../stores/ci.js'
import { minute } from '../stores/pace.js'
import { param } from '../stores/place.js'
import { runMark, runWord } from '../statuses.js'
import { hasFailed, isOf } from './runs.js'

const ROW_H = 32

/** @param {{ repository: CiRepository }} props */
export function RunList({ repository }) {
  const which = param('runs')
  const workflow = choice.value?.workflow ?? null
  const list = repository.runs.filter((run) => (which.value === 'one' && workflow ? isOf(run, workflow) : which.value === 'failed' ? hasFailed(run.conclusion) : which.value === 'active' ? run.conclusion === null : true))
  const empty = { one: `No run of ${workflow?.workflow} is among the newest ${repository.runs.length}.`, failed: 'None of the newest runs failed.', active: 'No run is under way.' }[which.value] ?? 'No run in the time that is held.'
  return html`
    <${Panel} title="Runs" note=${`${count(list.length, 'run')}, newest first`} name="runs" face=${list.length ? 'data' : 'empty'} empty=${html`<p>${empty}</p>`}
      aside=${html`
        <select class="chooser" aria-label="Which runs" value=${which.value} onChange=${(/** @type {any} */ e) => { which.value = e.target.value }}>
          <option value="">all</option><option value="failed">failed</option><option value="active">under way</option>${workflow && html`<option value="one">${workflow.workflow}</option>`}
        </select>`}>
      <${LongList} items=${list} keyOf=${(/** @type {CiRun} */ run) => `${run.id}.${run.attempt}`} rowHeight=${ROW_H} label=${`Newest runs of ${repository.repo}`}
        row=${(/** @type {CiRun} */ run, /** @type {boolean} */ focusable) => html`<${Line} run=${run} focusable=${focusable} />`} />
    <//>`
}

/** @param {{ run: CiRun, focusable: boolean }} props */
function Line({ run, focusable }) {
  const word = runWord(run)
  const inside = html`
    <${Mark} kind=${runMark(run.conclusion)} word=${word} />
    <span class="run-title"><bdi>${run.workflow}</bdi> #${run.number}${run.attempt > 1 ? html` <span class="tag">attempt ${run.attempt}</span>` : ''}</span>
    <bdi class="clipped run-subject" title=${run.title}>${run.title || run.event}</bdi>
    <bdi class="clipped quiet run-branch" title=${run.branch}>${run.branch}</bdi>
    <span class="quiet num" title=${run.queue_seconds === null ? undefined : `waited ${span(Math.round(run.queue_seconds))}`}>${run.duration_seconds === null ? '' : span(Math.round(run.duration_seconds))}</span>
    <span class="quiet num" title=${since(run.ended ?? run.started, minute.value)}>${word}, ${run.ended === null ? `for ${age(minute.value - run.started)}` : ago(minute.value - run.ended)}</span>`
  return run.url
    ? html`<a class="run-line" data-run=${run.id} href=${run.url} rel="noreferrer" target="_blank" tabindex=${focusable ? 0 : -1} title="Opens where it ran">${inside}</a>`
    : html`<span class="run-line" data-run=${run.id}>${inside}</span>`
}
