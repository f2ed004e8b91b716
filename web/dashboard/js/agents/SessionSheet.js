/**
 * A session of its own, beside the list: where it works, what it used, its turns, calls, commits, subagents, and what was found about it.
 *
 * @import { AgentCall, AgentSession, AgentSessionDetails, AgentTool, AgentTurn } from '../types.js'
 */
import { useAsked } from '../traces/asking.js'
import { Failed } from '../components/Failure.js'
import { Mark } from '../components/Mark.js'
import { age, clip, count, digits, exactTime, percent, since, span } from '../format.js'
import { usePaced } from '../hooks.js'
import { bind } from '../keys.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { minute } from '../stores/pace.js'
import { logsAround, param, setParams } from '../stores/place.js'
import { or, Tasks } from './figures.js'
import { Band } from './Band.js'
import { Commits } from './Commits.js'
import { agents } from './follow.js'
import { agentName, callWords, exactUsd, isLive, linesOf, ofAddress, ofKey, rowOf, shortId, stateWhy, stateWords, tokenKinds, tokensOf, usd } from './words.js'
import { StateIcon } from './StateIcon.js'

/** Rows of a list before the rest is only counted. */
const SHOWN = 20

/** @param {{ id: string }} props as the address has it */
export function SessionSheet({ id }) {
  const head = useRef(/** @type {HTMLElement|null} */ (null))
  const before = useRef(/** @type {Element|null} */ (null))
  const named = ofKey(id)
  const host = param('host').value
  const known = ofAddress(agents.value.sessions ?? [], id, host)
  const row = known ? rowOf(known) : id
  const close = () => {
    const back = document.querySelector(`tr[data-row="${CSS.escape(row)}"] a`) ?? before.current
    setParams({ session: '', host: '' })
    if (back instanceof HTMLElement) back.focus()
  }
  useEffect(() => bind([{ keys: 'Escape', words: 'Close the session', group: 'Agents', run: close }]), [row])
  useLayoutEffect(() => {
    if (document.activeElement !== document.body) before.current = document.activeElement
    head.current?.focus({ preventScroll: true })
  }, [id])
  return html`
    <aside class="sheet sheet-wide panel" data-panel="session" aria-label=${`Session ${named ? shortId(named.id) : id}`}>
      <header class="panel-head">
        <h2 ref=${head} tabindex="-1">${named ? html`${agentName(named.agent)} <span class="task-id">${shortId(named.id)}</span>` : 'Session'}</h2>
        ${known && html`<span class="state-word"><${StateIcon} session=${known} /> ${known.state}</span>`}
        <button type="button" class="button panel-aside" onClick=${close}>Close <kbd>Esc</kbd></button>
      </header>
      ${named ? html`<${Asked} key=${`${id} ${host}`} agent=${named.agent} id=${named.id} host=${host} known=${known} />` : html`<p class="face-title">No session is called ${clip(id, 80)}</p><p class="quiet">An address names its agent and its id: claude-code/ID.</p>`}
    </aside>`
}

/** Its figures may change each second. */
const PACE_MS = 2000

/** @param {{ agent: string, id: string, host: string, known: AgentSession|undefined }} props `known`: as the list has it; another one when something of it changed */
function Asked({ agent, id, host, known }) {
  const [turn, again] = useState(0)
  const paced = usePaced(known, PACE_MS)
  const path = `/api/v1/agents/${encodeURIComponent(agent)}/${encodeURIComponent(id)}`
  const asked = useAsked(path, host ? { host } : {}, useMemo(() => ({}), [paced, turn]))
  if (asked.data) return html`<${Body} told=${asked.data} error=${asked.error} />`
  if (asked.status === 404) return html`<p class="face-title">This session is not here</p><p class="quiet">It is older than sessions are kept, or nothing of it was received. <code>${clip(id, 80)}</code></p>`
  if (asked.error) return html`<${Failed} error=${asked.error} retry=${() => again(turn + 1)} />`
  return html`<div class="skeleton" role="status"><span class="unseen">Loading</span></div>`
}

/** @param {{ told: AgentSessionDetails, error: string }} props */
function Body({ told, error }) {
  const { session: s, turns, calls, states } = told
  return html`
    <p class="sheet-title" title=${stateWhy(s)}>${isLive(s) || s.state === 'lost' ? `${stateWords(s)[0].toUpperCase()}${stateWords(s).slice(1)} since ${since(s.since, minute.value)}` : `Ended at ${since(s.since, minute.value)}`}</p>
    <p class="quiet">${stateWhy(s)}</p>
    ${error && html`<p class="problem" role="alert">Could not be asked again: ${error}. What you see is of before.</p>`}
    <${Findings} session=${s} />
    <${Band} session=${s} stays=${states} />
    <${Where} session=${s} />
    <${Used} session=${s} />
    <${Limits} session=${s} />
    <${Turns} turns=${turns} />
    <${Tools} tools=${s.tools} newest=${calls} />
    <${Commits} commits=${s.commits} />
    <${Subagents} session=${s} />
    <p class="mark-links"><a class="link" href=${logsAround('', s.first_seen, s.last_seen)}>Logs of this time</a></p>`
}

/** @param {{ session: AgentSession }} props */
function Findings({ session: { findings } }) {
  if (findings.length === 0) return null
  return html`
    <h3>What is wrong</h3>
    <ul class="sheet-list sheet-findings" aria-label="Findings">
      ${findings.map((f) => html`<li key=${`${f.kind} ${f.since}`}><${Mark} kind="warning" word="warning" /><span><bdi>${f.title}</bdi> <span class="quiet">${f.advice}</span></span><span class="quiet">since ${since(f.since, minute.value)}</span></li>`)}
    </ul>`
}

/** @param {{ session: AgentSession }} props */
function Where({ session: s }) {
  const text = (/** @type {any} */ v) => html`<bdi>${v}</bdi>`
  return html`
    <h3>Where</h3>
    <dl class="pairs">
      <dt>task</dt><dd><${Tasks} tasks=${s.tasks} /></dd>
      <dt>folder</dt><dd>${or(s.folder, 'folder', text)}</dd>
      <dt>repository</dt><dd>${or(s.repository, 'repository', text)}</dd>
      <dt>branch</dt><dd>${or(s.branch, 'branch', text)}</dd>
      <dt>model</dt><dd>${or(s.model, 'model', text)}</dd>
      ${s.host && html`<dt>machine</dt><dd><bdi>${s.host}</bdi></dd>`}
      ${s.version && html`<dt>version</dt><dd><bdi>${s.version}</bdi></dd>`}
      <dt>first heard</dt><dd>${since(s.first_seen, minute.value)}</dd>
      <dt>last heard</dt><dd>${since(s.last_seen, minute.value)}${isLive(s) && html` <span class="quiet">${age(Math.max(0, minute.value + 60 - s.last_seen))} ago</span>`}</dd>
      <dt>id</dt><dd><code>${s.id}</code></dd>
    </dl>`
}

/** @param {{ session: AgentSession }} props */
function Used({ session: s }) {
  const seconds = (/** @type {number} */ v) => span(Math.round(v))
  return html`
    <h3>Used</h3>
    <dl class="sheet-figures">
      <div><dt>money</dt><dd>${or(s.cost_usd, 'cost_usd', (v) => html`<span title=${exactUsd(v)}>${usd(v)}</span>`)}</dd></div>
      <div><dt>tokens</dt><dd>${or(tokensOf(s.tokens), 'tokens')}</dd></div>
      <div><dt>context</dt><dd>${or(s.context_used_ratio, 'context', percent)}</dd></div>
      <div><dt>requests</dt><dd>${or(s.requests, 'requests', digits)}</dd></div>
      <div><dt>prompts</dt><dd>${or(s.prompts, 'prompts', digits)}</dd></div>
      <div><dt>active</dt><dd>${or(s.active_seconds, 'active', seconds)}</dd></div>
      <div><dt>waited for you</dt><dd>${or(s.waiting_seconds, 'waiting', seconds)}</dd></div>
      <div><dt>lines</dt><dd>${or(linesOf(s), 'lines')}</dd></div>
      <div><dt>CPU</dt><dd>${or(s.cpu_seconds, 'cpu', seconds)}</dd></div>
      <div><dt>failed requests</dt><dd>${or(s.errors, 'errors', digits)}</dd></div>
      <div><dt>tried again</dt><dd>${or(s.retries, 'retries', digits)}</dd></div>
    </dl>
    ${tokensOf(s.tokens) !== '' && html`<p class="quiet">Tokens as the agent counts them: ${tokenKinds(s.tokens).join(', ')}.</p>`}`
}

/** How many more there are. @param {{ list: any[], thing: string }} props */
const More = ({ list, thing }) => list.length > SHOWN && html`<p class="quiet">and ${count(list.length - SHOWN, `more ${thing}`)}</p>`

/** Limits of the plan. @param {{ session: AgentSession }} props */
function Limits({ session: { limits } }) {
  if (limits.length === 0) return null
  return html`
    <h3>Limits of the plan</h3>
    <ul class="sheet-list" aria-label="Limits of the plan">
      ${limits.map((l) => html`<li key=${l.name}><span>${l.name.replaceAll('_', ' ')}</span><b>${percent(l.used_ratio)} used</b><span class="quiet">${l.resets_at === null ? '' : `until ${since(l.resets_at, minute.value)}`}</span></li>`)}
    </ul>`
}

/** @param {{ turns: AgentTurn[] }} props */
function Turns({ turns }) {
  if (turns.length === 0) return html`<h3>Turns</h3><p class="quiet">Nothing that tells its turns apart was received.</p>`
  return html`
    <h3>Turns <span class="note">the newest first</span></h3>
    <div class="table-wrap" tabindex="0" role="region" aria-label="Turns">
      <table class="sheet-table">
        <thead><tr><th>Began</th><th class="num">Took</th><th class="num">Requests</th><th class="num">Calls</th><th class="num">Money</th></tr></thead>
        <tbody>${turns.slice(0, SHOWN).map((t) => html`<${TurnRow} key=${`${t.started} ${t.prompt}`} turn=${t} />`)}</tbody>
      </table>
    </div>
    <${More} list=${turns} thing="turn" />`
}

/** @param {{ turn: AgentTurn }} props */
function TurnRow({ turn: t }) {
  return html`
    <tr>
      <td title=${t.prompt === null ? 'What belongs to no prompt' : exactTime(t.started)}>${since(t.started, minute.value)}</td>
      <td class="num" title="from its first sign to its last">${span(Math.round(t.ended - t.started))}</td>
      <td class="num">${digits(t.requests)}</td>
      <td class="num">${digits(t.tools_ok + t.tools_failed)}${t.tools_failed > 0 && html` <span class="quiet">${t.tools_failed} not ok</span>`}</td>
      <td class="num">${or(t.cost_usd, 'cost_usd', (v) => html`<span title=${exactUsd(v)}>${usd(v)}</span>`)}</td>
    </tr>`
}

/** @type {Record<string, { kind: import('../statuses.js').Mark, word: string }>} */
const OUTCOMES = { ok: { kind: 'ok', word: 'ok' }, failed: { kind: 'error', word: 'failed' }, refused: { kind: 'warning', word: 'refused' } }

/** @param {{ tools: AgentTool[], newest: AgentCall[] }} props */
function Tools({ tools, newest }) {
  if (tools.length === 0 && newest.length === 0) return html`<h3>Tool calls</h3><p class="quiet">No call of a tool was seen.</p>`
  return html`
    <h3>Tool calls <span class="note">${callWords(tools)}</span></h3>
    ${tools.length > 0 && html`
      <table class="sheet-table" aria-label="Calls by tool and outcome">
        <thead><tr><th>Tool</th><th class="num">ok</th><th class="num">failed</th><th class="num">refused</th></tr></thead>
        <tbody>${tools.map((t) => html`<tr key=${t.name}><td><bdi>${t.name || 'not named'}</bdi></td><td class="num">${digits(t.ok)}</td><td class="num">${digits(t.failed)}</td><td class="num">${digits(t.refused)}</td></tr>`)}</tbody>
      </table>`}
    ${newest.length > 0 && html`
      <h3>Newest calls</h3>
      <ul class="sheet-list" aria-label="Newest calls">${newest.slice(0, SHOWN).map((c, i) => html`<${CallRow} key=${`${c.at} ${i}`} call=${c} />`)}</ul>
      <${More} list=${newest} thing="call" />`}`
}

/** @param {{ call: AgentCall }} props */
function CallRow({ call: { at, tool, outcome, duration_seconds: took, subagent } }) {
  const { kind, word } = OUTCOMES[outcome] ?? { kind: 'none', word: outcome }
  return html`<li><${Mark} kind=${kind} word="" /><bdi class="clipped">${tool || 'not named'}</bdi><span>${word}</span>${subagent && html`<span class="tag" title=${subagent}>subagent</span>`}<span class="quiet">${took !== null ? `${span(took)}, ` : ''}${since(at, minute.value)}</span></li>`
}

/** @param {{ session: AgentSession }} props */
function Subagents({ session: { subagents } }) {
  if (subagents.length === 0) return null
  return html`
    <h3>Subagents</h3>
    <ul class="sheet-list" aria-label="Subagents">
      ${subagents.slice(0, SHOWN).map((a) => html`<li key=${a.id}><bdi>${a.kind ?? 'of no kind'}</bdi><span class="quiet">${since(a.started, minute.value)}, ${a.ended === null ? 'goes on' : `for ${span(Math.round(a.ended - a.started))}`}</span></li>`)}
    </ul>
    <${More} list=${subagents} thing="subagent" />`
}
