/**
 * Commits of a session, each with what became of it: its pull request, its CI runs, its outcome.
 *
 * @import { AgentCommit, AgentCommitCi } from '../types.js'
 * @typedef {import('../statuses.js').Mark} Kind
 */
import { Mark } from '../components/Mark.js'
import { count, since, span } from '../format.js'
import { html } from '../lib.js'
import { minute } from '../stores/pace.js'
import { none } from './figures.js'
import { exactUsd, usd } from './words.js'

/** Commits before the rest is only counted. */
const SHOWN = 20

/** How a commit is known to be of a session, where the agent did not name it. @type {Record<string, { tag: string, why: string }>} */
const HOW = {
  by_folder_and_time: { tag: 'by time', why: 'The agent did not name it: it was made in the folder of this session while it went on.' },
  shared: { tag: 'shared', why: 'The agent did not name it: several sessions were in this folder then.' },
}
/** What became of a commit. @type {Record<string, { kind: Kind, word: string, why: string }>} */
const OUTCOMES = {
  merged: { kind: 'ok', word: 'merged', why: 'It is in the default branch.' },
  reverted: { kind: 'warning', word: 'reverted', why: 'A later commit takes it back.' },
  failing: { kind: 'error', word: 'failing', why: 'The newest run of a workflow on it failed.' },
  passing: { kind: 'ok', word: 'passing', why: 'All of its runs ended, and none failed. It is not merged yet.' },
  open: { kind: 'info', word: 'open', why: 'It is not merged yet, or CI is under way.' },
}

/** CI of a commit in a word with its mark. @param {AgentCommitCi} ci @returns {{ kind: Kind, word: string }} */
export function ciWord({ runs, failed, running }) {
  if (failed > 0) return { kind: 'error', word: failed === runs ? (runs === 1 ? 'CI failed' : `CI failed, all ${runs} runs`) : `CI failed, ${failed} of ${runs} runs` }
  if (running > 0) return { kind: 'info', word: running === runs ? 'CI runs' : `CI runs, ${running} of ${runs} left` }
  return runs === 0 ? { kind: 'none', word: 'no CI run' } : { kind: 'ok', word: runs === 1 ? 'CI succeeded' : `CI succeeded, ${runs} runs` }
}

/** @param {{ commits: AgentCommit[] }} props */
export function Commits({ commits }) {
  if (commits.length === 0) return html`<h3>Commits</h3><p class="quiet">No commit of it is known.</p>`
  // The newest first, as its turns and calls.
  const newest = [...commits].sort((a, b) => b.at - a.at)
  return html`
    <h3>Commits <span class="note">${commits.length > 1 ? 'the newest first' : ''}</span></h3>
    <ul class="commit-list" aria-label="Commits">${newest.slice(0, SHOWN).map((c) => html`<${One} key=${c.id} commit=${c} />`)}</ul>
    ${commits.length > SHOWN && html`<p class="quiet">and ${count(commits.length - SHOWN, 'more commit')}</p>`}`
}

/** @param {{ commit: AgentCommit }} props */
function One({ commit: c }) {
  const how = HOW[c.how]
  return html`
    <li>
      <p class="commit-head"><code title=${c.id}>${c.id.slice(0, 10)}</code>${c.branch && html`<bdi class="clipped" title=${c.branch}>${c.branch}</bdi>`}${how && html`<span class="tag" title=${how.why}>${how.tag}</span>`}<span class="quiet">${since(c.at, minute.value)}</span></p>
      <ol class="commit-chain" aria-label=${`What became of ${c.id.slice(0, 10)}`}>${stepsOf(c).map((step, i) => html`<li key=${i}>${step}</li>`)}</ol>
    </li>`
}

/** From the pull request to the outcome; what nobody knows is a dash that says so. @param {AgentCommit} commit @returns {any[]} */
function stepsOf({ pull_request: pull, ci, outcome }) {
  const steps = []
  if (pull) {
    // Said once: the outcome says it at the end.
    const words = [`#${pull.number}`, pull.state !== outcome && pull.state].filter(Boolean).join(' ')
    steps.push(pull.url && /^https?:/.test(pull.url) ? html`<a class="link" href=${pull.url} rel="noreferrer" target="_blank" title="Its pull request">${words}</a>` : html`<span title="Its pull request">${words}</span>`)
  }
  if (ci) {
    const { kind, word } = ciWord(ci)
    const seconds = ci.job_seconds ?? 0
    steps.push(html`<${Mark} kind=${kind} word="" /> ${word}${seconds > 0 && html` <span class="quiet" title="time of its jobs">${span(Math.round(seconds))}</span>`}${ci.cost_usd !== null && html` <span class="quiet" title=${`${exactUsd(ci.cost_usd)}: what its jobs cost, by the prices of the settings`}>${usd(ci.cost_usd)}</span>`}`)
  } else steps.push(html`<span class="quiet">CI</span> ${none('No CI run of it is known.')}`)
  const known = outcome ? OUTCOMES[outcome] ?? { kind: 'none', word: outcome.replaceAll('_', ' '), why: '' } : null
  if (known) steps.push(html`<${Mark} kind=${known.kind} word="" /> <b title=${known.why}>${known.word}</b>`)
  return steps
}
