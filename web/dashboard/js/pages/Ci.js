/**
 * CI: whether workflows succeed, how long they take and wait, where the time goes, which commits are flaky, and the runs themselves.
 *
 * @import { CiRepository } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { SourceTrouble } from '../components/SourceTrouble.js'
import { FlakyList } from '../ci/FlakyList.js'
import { Flow } from '../ci/Flow.js'
import { RunList } from '../ci/RunList.js'
import { runMark, runWord } from '../statuses.js'
import { Trends } from '../ci/Trends.js'
import { Week } from '../ci/Week.js'
import { Workflows } from '../ci/Workflows.js'
import { age, count, sentences, since } from '../format.js'
import { html } from '../lib.js'
import { choice, choiceKey, ci, refreshCi } from '../stores/ci.js'
import { now } from '../stores/clock.js'
import { address } from '../stores/place.js'
import { sourcesOf } from '../stores/status.js'

export function Ci() {
  const { runs, error } = ci.value
  const list = runs?.repositories ?? []
  const shown = choice.value?.repository
  if (!shown) {
    const sources = sourcesOf('github')
    const failing = sources.find((s) => s.up === false)
    return html`
      <${Panel} title="CI" name="ci" kind="page-face" face=${failing ? 'error' : runs ? 'empty' : error ? 'error' : 'loading'} error=${sentences([failing?.reason ?? error])} failedAt=${failing && since(failing.since, now.value)} retry=${refreshCi}
        empty=${html`
          <p class="face-title">No repository is watched</p>
          <p>${sentences(sources.map((s) => [s.reason, s.hint].filter(Boolean).join('; '))) || 'Name one in Settings.toml and start the service again:'}</p>
          <pre class="copy">[github]${'\n'}repositories = ["owner/name"]</pre>
          <p class="quiet">Success, duration and queue of its runs, flaky commits and where the minutes go will stand here.</p>`} />`
  }
  return html`
    <div class="ci-page" data-repo=${shown.repo}>
      ${list.length > 1 && html`<${Repositories} list=${list} shown=${shown} />`}
      <${SourceTrouble} sources=${sourcesOf('github').filter((s) => s.source.endsWith(` ${shown.repo}`))} />
      <${Workflows} repository=${shown} note=${noteOf(shown)} />
      <${Trends} key=${shown.repo} repo=${shown.repo} workflows=${namesOf(shown)} />
      <div class="ci-pictures"><${Flow} key=${shown.repo} repository=${shown} /><${Week} key=${shown.repo} repo=${shown.repo} /></div>
      <div class="ci-lists"><${RunList} repository=${shown} /><${FlakyList} repository=${shown} /></div>
    </div>`
}

/** Two files may have workflows of one name: charts by name have one line for them. @param {CiRepository} repository */
const namesOf = ({ workflows }) => [...new Set(workflows.map((w) => w.workflow))]

/** @param {CiRepository} repository */
function noteOf(repository) {
  return [
    repository.active > 0 ? `${count(repository.active, 'run')} under way${repository.queued > 0 ? `, ${repository.queued} of them queued` : ''}` : 'no run under way',
    !repository.whole && 'runs of the past are still being read',
    repository.jobs_wanted > 0 && `the jobs of ${count(repository.jobs_wanted, 'run')} are still to be read`,
    repository.confirmed_at !== null && now.value - repository.confirmed_at > 120 && `confirmed ${age(now.value - repository.confirmed_at)} ago`,
  ].filter(Boolean).join(' · ')
}

/** One link a repository, with how its newest run is. @param {{ list: CiRepository[], shown: CiRepository }} props */
function Repositories({ list, shown }) {
  return html`
    <nav class="repositories" aria-label="Repositories">
      ${list.map((repository) => {
        const newest = repository.runs[0]
        const first = repository.workflows[0] ?? null
        return html`
          <a key=${repository.repo} href=${address('ci', '', { workflow: choiceKey({ repository, workflow: first }) })} aria-current=${repository === shown ? 'page' : undefined}>
            ${newest && html`<${Mark} kind=${runMark(newest.conclusion)} word=${`newest run: ${runWord(newest)}`} />`}<bdi>${repository.repo}</bdi>
          </a>`
      })}
    </nav>`
}
