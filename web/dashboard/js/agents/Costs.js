/**
 * What sessions cost in the period in view, by task, tag, day, week, model, branch, commit, session, agent or repository. What belongs to none of
 * them has a line of its own, always, above the total.
 *
 * @import { AgentCostRow, AgentCosts } from '../types.js'
 * @import { CostColumn } from './costColumns.js'
 */
import { errorText } from '../api.js'
import { copy } from '../chart/take.js'
import { ColumnChoice } from '../components/ColumnChoice.js'
import { useAsked } from '../traces/asking.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { sortRows } from '../components/sort.js'
import { Table } from '../components/Table.js'
import { capital, count, since } from '../format.js'
import { html, useState } from '../lib.js'
import { minute } from '../stores/pace.js'
import { address, param, range, setParams } from '../stores/place.js'
import { BY, byOf, difference, partOf, partText, split, taskOf } from './amounts.js'
import { choiceText, chosenOf, copiedText, costColumns, FIRST, offered } from './costColumns.js'
import { taskLink } from './figures.js'
import { agentName, exactUsd, howWords, ofKey, shortId } from './words.js'

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
  const picked = param('columns')
  const all = answer ? offered(costColumns(answer.total), answer.total) : []
  const chosen = chosenOf(picked.value, all.map((c) => c.key))
  const columns = all.filter((c) => chosen.includes(c.key))
  const name = BY.find(([key]) => key === by)?.[1] ?? by
  const note = [parts && some && count(parts.rows.length, name), range.value.words, range.value.seconds > LONGEST_S && 'the last 31 days of it'].filter(Boolean).join(' · ')
  return html`
    <${Panel} title=${`Cost by ${name}`} name="agent-costs" note=${note} live=${false} face=${answer ? (some ? 'data' : 'empty') : asked.error ? 'error' : 'loading'} error=${asked.error} retry=${() => again(turn + 1)}
      aside=${html`
        ${answer && parts && some && html`<${Copy} answer=${answer} rows=${parts.rows} rest=${parts.none} by=${by} columns=${columns} />`}
        ${answer && html`<${ColumnChoice} columns=${all} chosen=${chosen} first=${FIRST} choose=${(/** @type {string[]} */ list) => { picked.value = choiceText(list) }} />`}
        <label class="agent-by"><span class="quiet">by</span>
          <select class="chooser" aria-label="By what" value=${by} onChange=${(/** @type {any} */ e) => { held.value = e.target.value }}>${BY.map(([key, words]) => html`<option key=${key} value=${key}>${words}</option>`)}</select>
        </label>`}
      empty=${html`
        <p>No agent said what it used in this time (${range.value.words}). A longer time may hold some.</p>
        <p class="log-tools">${[['24h', 'the last 24 hours'], ['7d', 'the last 7 days'], ['30d', 'the last 30 days']].map(([to, words]) => html`<button type="button" class="button" key=${to} onClick=${() => setParams({ range: to, from: '', to: '' })}>Look at ${words}</button>`)}</p>`}>
      ${answer && parts && some && html`<${Found} answer=${answer} rows=${parts.rows} rest=${parts.none} by=${by} columns=${columns} />`}
      ${asked.error && answer && html`<p class="problem" role="alert">Could not be asked again: ${asked.error}. What you see is of ${since(asked.at, minute.value)}.</p>`}
    <//>`
}

/** @param {{ answer: AgentCosts, rows: AgentCostRow[], rest: AgentCostRow|null, by: string, columns: CostColumn[] }} props */
function Found({ answer, rows, rest, by, columns }) {
  const { total } = answer
  const off = difference(answer)
  /** @param {string} title @param {any[]} cells @param {string} why */
  const line = (title, cells, why) => html`<tr data-line=${title}><th scope="row" title=${why}>${title}</th>${cells.map((cell, i) => html`<td key=${columns[i].key} class="num">${cell}</td>`)}</tr>`
  return html`
    <${Table} name="agent-costs" label=${`Cost by ${by}`} columns=${[nameColumn(by), ...columns.map((c) => ({ ...c, num: true }))]} rows=${rows} keyOf=${(/** @type {AgentCostRow} */ r) => partOf(r, by)} initial=${initialOf(by)} thing="row" shown=${15}
      foot=${html`
        ${line('unattributed', columns.map((c) => (rest ? c.cell(rest) : html`<span title=${`All of it belongs to a ${by}.`}>${c.zero}</span>`)), `What belongs to no ${by} that is known.`)}
        ${line('total', columns.map((c) => c.cell(total)), 'All that agents said of this time.')}`} />
    ${off !== 0 && html`<p class="trouble" role="alert"><${Mark} kind="warning" word="warning" /><span>The lines come to ${exactUsd(Math.abs(off) / 1e6)} ${off > 0 ? 'more' : 'less'} than the total. Please report this.</span></p>`}`
}

/** Days and weeks begin with the newest, all else with the dearest. @param {string} by */
const initialOf = (by) => (by === 'week' || by === 'day' ? '-name' : '-money')

/** What a row is called, leading to it where there is a page of it. @param {AgentCostRow} row @param {string} by */
function nameCell(row, by) {
  const part = partOf(row, by) ?? ''
  if (by === 'task') {
    const [weakest] = row.how.slice(-1)
    const { partial, counted_from: from } = row
    return html`<span class="agent-tasks"><span class="agent-tasks-names">${taskLink(taskOf(part), part)}</span>${weakest && weakest !== 'exact' && html` <span class="tag" title=${howWords(weakest)}>${weakest === 'shared' ? 'shared' : 'by time'}</span>`}${partial && from != null && html` <span class="tag" title="It was in progress before that; what it cost until then nobody saw.">since ${since(from, minute.value)}</span>`}</span>`
  }
  const session = by === 'session' ? ofKey(part) : null
  if (session) return html`<a class="link" href=${address('agents', '', { session: part, tab: 'costs', by: 'session' })} title=${session.id}>${agentName(session.agent)} <span class="task-id">${shortId(session.id)}</span></a>`
  if (by === 'agent') return agentName(part)
  return by === 'commit' ? html`<code title=${part}>${partText(part, by)}</code>` : html`<bdi title=${part}>${partText(part, by)}</bdi>`
}

/** @param {string} by @returns {import('../components/Table.js').Column} */
const nameColumn = (by) => ({ key: 'name', title: capital(by), value: (r) => partOf(r, by), cell: (r) => nameCell(r, by) })

/** Copies what is in view, with its exact figures. @param {{ answer: AgentCosts, rows: AgentCostRow[], rest: AgentCostRow|null, by: string, columns: CostColumn[] }} props */
function Copy({ answer, rows, rest, by, columns }) {
  const [said, say] = useState('')
  const order = param('sort.agent-costs', initialOf(by)).value
  const list = sortRows(rows, [nameColumn(by), ...columns.map((c) => ({ ...c, num: true }))], order).map((row) => ({ title: partOf(row, by) ?? '', row }))
  const all = [...list, ...(rest ? [{ title: 'unattributed', row: rest }] : []), { title: 'total', row: answer.total }]
  const take = () => copy(copiedText(by, all, columns)).then(() => say(`${count(all.length, 'row')} copied`), (error) => say(errorText(error)))
  return html`<button type="button" class="button" title="With tabs between its cells, as spreadsheets take it" onClick=${take}>Copy</button><span class="quiet" role="status">${said}</span>`
}
