/**
 * Commits on which a workflow both failed and succeeded: nothing was changed, so the test is to blame.
 *
 * @import { CiRepository } from '../types.js'
 * @import { Flaky } from './runs.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { ago, count, span } from '../format.js'
import { html } from '../lib.js'
import { minute } from '../stores/pace.js'
import { runMark, runWord } from '../statuses.js'
import { flakyCommits, runTitle } from './runs.js'

const SHOWN = 40
const LINKS = 4

/** @param {{ repository: CiRepository }} props */
export function FlakyList({ repository }) {
  const list = flakyCommits(repository.runs).slice(0, SHOWN)
  return html`
    <${Panel} title="Flaky" note=${`${count(list.length, 'commit')} of the newest ${count(repository.runs.length, 'run')}`} name="flaky" face=${list.length ? 'data' : 'empty'}
      empty=${html`<p>No commit of the newest ${count(repository.runs.length, 'run')} both failed and succeeded in the same workflow.</p>`}>
      <ul class="flaky" tabindex="0" aria-label="Flaky commits, newest first">${list.map((commit) => html`<${Line} key=${commit.key} commit=${commit} />`)}</ul>
    <//>`
}

/** @param {{ commit: Flaky }} props */
function Line({ commit }) {
  const runs = [...commit.failed, ...commit.passed].sort((a, b) => a.started - b.started)
  return html`
    <li>
      <span class="clipped"><b><bdi>${commit.workflow}</bdi></b> <bdi>${commit.branch}</bdi> <code>${commit.sha.slice(0, 7)}</code></span>
      <span class="flaky-runs">${runs.slice(0, LINKS).map((run) => html`
        <a key=${`${run.id}.${run.attempt}`} class="run-link" href=${run.url} rel="noreferrer" target="_blank" aria-label=${`${runTitle(run)}: ${runWord(run)}. Opens where it ran.`} title=${`${runTitle(run)}: ${runWord(run)}`}><${Mark} kind=${runMark(run.conclusion)} word="" /></a>`)}
        ${runs.length > LINKS && html`<span class="quiet">+${runs.length - LINKS}</span>`}</span>
      <span class="quiet num">${commit.seconds > 0 ? `${span(Math.round(commit.seconds))} in vain, ` : commit.failed.length === 0 ? `passed at attempt ${Math.max(...commit.passed.map((r) => r.attempt))}, ` : ''}${ago(minute.value - commit.at)}</span>
    </li>`
}
