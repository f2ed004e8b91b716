/**
 * What sessions cost in the period in view, by task, tag, day, week, model, branch, commit, session, agent or repository. What belongs to none of
 * them has a line of its own, always, above the total.
 *
 * @import { AgentCostRow, AgentCosts } from '../types.js'
 */
import { useAsked } from '../traces/asking.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Table } from '../components/Table.js'
import { capital, count, digits, percent, since } from '../format.js'
import { html, useState } from '../lib.js'
import { minute } from '../stores/pace.js'
import { address, param, range, setParams } from '../stores/place.js'
import { BY, byOf, difference, partOf, partText, share, split, taskOf } from './amounts.js'
import { or, taskLink } from './figures.js'
import { agentName, exactUsd, howWords, ofKey, shortId, tokenKinds, tokensOf, usd } from './words.js'

/** The service adds up no more at once. */
const LONGEST_S = 31 * 86_400

export function Costs() {
  const held = param('by', 'task')
  const by = byOf(held.value)
  const [turn, again] = useState(0)
  const end = Math.floor(range.value.end ?? minute.value + 60)
  const seconds = Math.min(LONGEST_S, range.value.seconds)
  const asked = useAsked('/api/v1/costs', { by, start: Math.floor(end - seconds), end }, turn, `${by} ${range.value.name}`)
  const answer = /** @type {AgentCosts|null} */ (asked.data)
  const parts = answer && split(answer, by)
  const some = answer !== null && answer.rows.length > 0
  const name = BY.find(([key]) => key === by)?.[1] ?? by
  const note = [parts && some && count(parts.rows.length, name), range.value.words, range.value.seconds > LONGEST_S && 'the last 31 days of it'].filter(Boolean).join(' · ')
  return html`
    <${Panel} title=${`Cost by ${name}`} name="agent-costs" note=${note} live=${false} face=${answer ? (some ? 'data' : 'empty') : asked.error ? 'error' : 'loading'} error=${asked.error} retry=${() => again(turn + 1)}
      aside=${html`
        <label class="agent-by"><span class="quiet">by</span>
          <select class="chooser" aria-label="By what" value=${by} onChange=${(/** @type {any} */ e) => { held.value = e.target.value }}>${BY.map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</select>
        </label>`}
      empty=${html`
        <p>No agent said what it used in this time (${range.value.words}). A longer time may hold some.</p>
        <p class="log-tools">${[['24h', 'the last 24 hours'], ['7d', 'the last 7 days'], ['30d', 'the last 30 days']].map(([to, words]) => html`<button type="button" class="button" key=${to} onClick=${() => setParams({ range: to, from: '', to: '' })}>Look at ${words}</button>`)}</p>`}>
      ${answer && parts && some && html`<${Found} answer=${answer} rows=${parts.rows} rest=${parts.none} by=${by} />`}
      ${asked.error && answer && html`<p class="problem" role="alert">Could not be asked again: ${asked.error}. What you see is of ${since(asked.at, minute.value)}.</p>`}
    <//>`
}

/** How nothing is written, where it is not just 0. @type {Record<string, string>} */
const NOTHING = { money: usd(0), share: percent(0) }

/** @param {{ answer: AgentCosts, rows: AgentCostRow[], rest: AgentCostRow|null, by: string }} props */
function Found({ answer, rows, rest, by }) {
  const { total } = answer
  const columns = columnsOf(by, total)
  const off = difference(answer)
  /** @param {string} title @param {any[]} cells @param {string} why */
  const line = (title, cells, why) => html`<tr data-line=${title}><th scope="row" title=${why}>${title}</th>${cells.map((cell, i) => html`<td key=${i} class="num">${cell}</td>`)}</tr>`
  const figures = columns.slice(1)
  return html`
    <${Table} name="agent-costs" label=${`Cost by ${by}`} columns=${columns} rows=${rows} keyOf=${(/** @type {AgentCostRow} */ r) => partOf(r, by)} initial=${by === 'week' || by === 'day' ? '-name' : '-money'} thing="row" shown=${15}
      foot=${html`
        ${line('unattributed', figures.map((c) => (rest ? c.cell(rest) : html`<span title=${`All of it belongs to a ${by}.`}>${NOTHING[c.key] ?? '0'}</span>`)), `What belongs to no ${by} that is known.`)}
        ${line('total', figures.map((c) => c.cell(total)), 'All that agents said of this time.')}`} />
    ${off !== 0 && html`<p class="trouble" role="alert"><${Mark} kind="warning" word="warning" /><span>The lines come to ${exactUsd(Math.abs(off) / 1e6)} ${off > 0 ? 'more' : 'less'} than the total. Please report this.</span></p>`}`
}

/** What a row is called, leading to it where there is a page of it. @param {AgentCostRow} row @param {string} by */
function nameCell(row, by) {
  const part = partOf(row, by) ?? ''
  if (by === 'task') {
    const [weakest] = row.how.slice(-1)
    return html`${taskLink(taskOf(part), part)}${weakest && weakest !== 'exact' && html` <span class="tag" title=${howWords(weakest)}>${weakest === 'shared' ? 'shared' : 'by time'}</span>`}`
  }
  const session = by === 'session' ? ofKey(part) : null
  if (session) return html`<a class="link" href=${address('agents', '', { session: part, tab: 'costs', by: 'session' })} title=${session.id}>${agentName(session.agent)} <span class="task-id">${shortId(session.id)}</span></a>`
  if (by === 'agent') return agentName(part)
  return by === 'commit' ? html`<code title=${part}>${partText(part, by)}</code>` : html`<bdi title=${part}>${partText(part, by)}</bdi>`
}

/** @param {string} by @param {AgentCostRow} total @returns {import('../components/Table.js').Column[]} */
const columnsOf = (by, total) => [
  { key: 'name', title: capital(by), value: (r) => partOf(r, by), cell: (r) => nameCell(r, by) },
  { key: 'money', title: 'Money', num: true, help: 'US dollars, as agents said it', value: (r) => r.cost_usd_micros, cell: (r) => or(r.cost_usd, 'cost_usd', (v) => html`<b title=${exactUsd(v)}>${usd(v)}</b>`) },
  { key: 'share', title: 'Share', num: true, help: 'of the total', value: (r) => share(r, total), cell: (r) => or(share(r, total), 'share', (part) => html`<${Share} ratio=${part} />`) },
  { key: 'tokens', title: 'Tokens', num: true, value: (r) => r.tokens.output, cell: (r) => or(tokensOf(r.tokens), 'tokens', (v) => html`<span title=${tokenKinds(r.tokens).join(', ')}>${v}</span>`) },
  { key: 'requests', title: 'Requests', num: true, help: 'that models answered', value: (r) => r.requests, cell: (r) => or(r.requests || null, 'requests', digits) },
]

/** @param {{ ratio: number }} props */
const Share = ({ ratio }) => html`
  <span class="agent-share"><svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="share-all" width="100" height="8" /><rect class="share-part" width=${Math.min(100, ratio * 100)} height="8" /></svg> <span>${percent(ratio)}</span></span>`
