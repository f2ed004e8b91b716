/**
 * The list of sessions: who does what, since when, why it waits, and what it used so far.
 *
 * @import { Session } from './words.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { print } from '../address.js'
import { age, count, digits, percent, since } from '../format.js'
import { bind } from '../keys.js'
import { html, useEffect, useRef } from '../lib.js'
import { minute } from '../stores/pace.js'
import { past } from '../stores/past.js'
import { param, place } from '../stores/place.js'
import { or, Tasks } from './figures.js'
import { agents, refreshAgents } from './follow.js'
import { agentName, CHOICES, exactUsd, filtered, folderName, isLive, ofAddress, paramsOf, rowOf, shortId, stateWhy, stateWords, tokenKinds, tokensOf, totals, usd } from './words.js'
import { StateIcon } from './StateIcon.js'
import { useHeld } from './useHeld.js'

/** The service names no more at once. */
const MOST = 200

/** @param {Session} session */
const sessionAddress = (session) => print({ page: 'agents', item: '', params: { ...place.value.params, ...paramsOf(session, agents.value.sessions ?? []) } })

export function Sessions() {
  const { sessions: all, error, failedAt } = agents.value
  const [state, agent] = [param('state'), param('agent')]
  const first = useRef(/** @type {HTMLSelectElement|null} */ (null))
  useEffect(() => bind([{ keys: 'f', words: 'Filter the sessions', group: 'Agents', run: () => first.current?.focus() }]), [])
  const fits = filtered(all ?? [], state.value, agent.value)
  const { list, waits, box, hover, show } = useHeld(fits, `${state.value} ${agent.value}`)
  const names = [...new Set([...(all ?? []).map((s) => s.agent), ...(agent.value ? [agent.value] : [])])].sort()
  const narrowed = state.value !== '' || agent.value !== ''
  const note = all && [narrowed ? `${digits(fits.length)} of ${count(all.length, 'session')}` : totals(all) || count(all.length, 'session'), all.length >= MOST && `the newest ${MOST}`,
    past.value && 'as of now'].filter(Boolean).join(' · ')
  const aside = html`
    <span class="agent-filters">
      ${waits > 0 && html`<button type="button" class="button button-main" onClick=${show}>Show ${count(waits, 'new session')}</button>`}
      <select ref=${first} class="chooser" aria-label="State" value=${state.value} onChange=${(/** @type {any} */ e) => { state.value = e.target.value }}>
        <option value="">any state</option>${CHOICES.map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}
      </select>
      <select class="chooser" aria-label="Agent" value=${agent.value} onChange=${(/** @type {any} */ e) => { agent.value = e.target.value }}>
        <option value="">any agent</option>${names.map((name) => html`<option key=${name} value=${name}>${agentName(name)}</option>`)}
      </select>
    </span>`
  const open = param('session').value
  const found = open && ofAddress(list, open, param('host').value)
  const chosen = found ? rowOf(found) : ''
  const clear = () => {
    state.value = ''
    agent.value = ''
  }
  return html`
    <${Panel} title="Sessions" name="sessions" note=${note} aside=${aside} live=${false} face=${all ? (fits.length > 0 ? 'data' : 'empty') : error ? 'error' : 'loading'} error=${error} retry=${refreshAgents}
      empty=${html`<p>No session is what the filters ask for.</p><p><button type="button" class="button" onClick=${clear}>Show all sessions</button></p>`}>
      <div ref=${box} onMouseEnter=${() => hover(true)} onMouseLeave=${() => hover(false)}>
        <${Table} name="sessions" label="Sessions" columns=${COLUMNS} rows=${list} keyOf=${rowOf} initial="held" thing="session" shown=${30} chosen=${chosen} />
      </div>
      ${error && failedAt > 0 && html`<p class="problem" role="alert">Could not be asked again: ${error}. What you see is of ${since(failedAt, minute.value)}.</p>`}
    <//>`
}

/** Since when it is in its state. @param {Session} s */
const Since = (s) => html`<span title=${isLive(s) ? `for ${age(Math.max(60, minute.value + 60 - s.since))}` : undefined}>${since(s.since, minute.value)}</span>`

/** @param {{ session: Session }} props */
function Name({ session: s }) {
  const { findings } = s
  return html`<a class="link" href=${sessionAddress(s)} title=${[s.id, s.host].filter(Boolean).join(' · ')}>${agentName(s.agent)} <span class="task-id">${shortId(s.id)}</span></a>${findings.length > 0 && html` <span class="agent-found" title=${findings.map((f) => f.title).join('; ')}><${Mark} kind="warning" word=${count(findings.length, 'finding')} /></span>`}`
}

/** @type {import('../components/Table.js').Column[]} */
export const COLUMNS = [
  { key: 'state', title: 'State', value: (s) => stateWords(s), cell: (s) => html`<span class="agent-state" title=${stateWhy(s)}><${StateIcon} session=${s} /><span class="clipped">${stateWords(s)}</span></span>` },
  { key: 'since', title: 'Since', num: true, value: (s) => s.since, cell: Since },
  { key: 'session', title: 'Session', value: (s) => `${agentName(s.agent)} ${s.id}`, cell: (s) => html`<${Name} session=${s} />` },
  { key: 'task', title: 'Task', value: (s) => s.tasks[0]?.id, cell: (s) => html`<${Tasks} tasks=${s.tasks} />` },
  { key: 'branch', title: 'Branch', value: (s) => s.branch, cell: (s) => or(s.branch, 'branch', (v) => html`<bdi title=${v}>${v}</bdi>`) },
  { key: 'folder', title: 'Folder', value: (s) => s.folder, cell: (s) => or(s.folder, 'folder', (v) => html`<bdi title=${v}>${folderName(v)}</bdi>`) },
  { key: 'model', title: 'Model', value: (s) => s.model, cell: (s) => or(s.model, 'model', (v) => html`<bdi title=${v}>${v}</bdi>`) },
  { key: 'context', title: 'Context', num: true, help: 'how much of its context is used', value: (s) => s.context_used_ratio, cell: (s) => or(s.context_used_ratio, 'context', percent) },
  { key: 'tokens', title: 'Tokens', num: true, help: 'sorted by those of answers', value: (s) => s.tokens.output, cell: (s) => or(tokensOf(s.tokens), 'tokens', (v) => html`<span title=${tokenKinds(s.tokens).join(', ')}>${v}</span>`) },
  { key: 'money', title: 'Money', num: true, help: 'US dollars', value: (s) => s.cost_usd, cell: (s) => or(s.cost_usd, 'cost_usd', (v) => html`<b title=${exactUsd(v)}>${usd(v)}</b>`) },
]
