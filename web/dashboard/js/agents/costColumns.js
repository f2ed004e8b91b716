/**
 * The figures of a row of costs: what each means, how it is written, and why it is not there. A few are in view at first, others where the reader
 * asks for them.
 *
 * @import { AgentCostRow } from '../types.js'
 * @typedef {{ key: string, title: string, help: string, value: (row: AgentCostRow) => number|null|undefined, cell: (row: AgentCostRow) => any, zero: string, field?: keyof AgentCostRow, copied: Array<[string, (row: AgentCostRow) => number|null|undefined]> }} CostColumn
 *   `value`: what it is sorted by; `zero`: how nothing of it is written; `field`: what a service has that counts it; `copied`: its columns where the table is copied, with exact figures
 */
import { capital, digits, percent, span } from '../format.js'
import { html } from '../lib.js'
import { share } from './amounts.js'
import { or } from './figures.js'
import { exactUsd, tokenKinds, tokensOf, usd } from './words.js'

const seconds = (/** @type {number} */ v) => span(Math.round(v))
const ZERO_S = span(0)
/** Lines as `+120 −8`. @param {AgentCostRow} row */
export const rowLines = ({ lines_added: added, lines_removed: removed }) => [added != null && `+${digits(added)}`, removed != null && `−${digits(removed)}`].filter(Boolean).join(' ')

/** A figure as it is. @param {string} key @param {string} title @param {string} help @param {keyof AgentCostRow} field @param {(v: number) => any} write @param {string} zero @returns {CostColumn} */
function plain(key, title, help, field, write, zero) {
  const value = (/** @type {AgentCostRow} */ row) => /** @type {number|null|undefined} */ (row[field])
  return { key, title, help, field, value, cell: (row) => or(value(row), /** @type {any} */ (`row_${key}`), write), zero, copied: [[field, value]] }
}

/** All of them in their order. @param {AgentCostRow} total @returns {CostColumn[]} */
export const costColumns = (total) => [
  { key: 'money', title: 'Money', help: 'US dollars, as agents said it', value: (r) => r.cost_usd_micros, cell: (r) => or(r.cost_usd, 'cost_usd', (v) => html`<b title=${exactUsd(v)}>${usd(v)}</b>`), zero: usd(0), copied: [['cost_usd', (r) => r.cost_usd]] },
  { key: 'share', title: 'Share', help: 'of the money of all', value: (r) => share(r, total), cell: (r) => or(share(r, total), 'share', (part) => html`<${Share} ratio=${part} />`), zero: percent(0), copied: [['share', (r) => share(r, total)]] },
  plain('active', 'Active', 'how long agents were at work, as they say it', 'active_seconds', seconds, ZERO_S),
  {
    key: 'tokens', title: 'Tokens', help: 'sorted by those of answers', value: (r) => r.tokens.output, cell: (r) => or(tokensOf(r.tokens), 'tokens', (v) => html`<span title=${tokenKinds(r.tokens).join(', ')}>${v}</span>`), zero: '0',
    copied: /** @type {const} */ (['input', 'output', 'reasoning', 'cache_read', 'cache_creation']).map((kind) => [`tokens_${kind}`, (/** @type {AgentCostRow} */ r) => r.tokens[kind]]),
  },
  { key: 'requests', title: 'Requests', help: 'that models answered', value: (r) => r.requests, cell: (r) => or(r.requests || null, 'requests', digits), zero: '0', copied: [['requests', (r) => r.requests]] },
  plain('waiting', 'Waited', 'how long they waited for a person', 'waiting_seconds', seconds, ZERO_S),
  plain('wall', 'Turns took', 'from the first sign of each turn to its last; what overlaps counts once a session', 'wall_seconds', seconds, ZERO_S),
  plain('cpu', 'CPU', 'time of the processor that the agents’ processes took on this machine', 'cpu_seconds', seconds, ZERO_S),
  plain('ci', 'CI jobs', 'time of the jobs of commits that sessions made', 'ci_seconds', seconds, ZERO_S),
  plain('ci_money', 'CI money', 'of these jobs, where the settings have a price', 'ci_cost_usd', (v) => html`<span title=${exactUsd(v)}>${usd(v)}</span>`, usd(0)),
  plain('retries', 'Retries', 'how often requests were tried again', 'retries', digits, '0'),
  plain('errors', 'Errors', 'requests that failed', 'errors', digits, '0'),
  {
    key: 'lines', title: 'Lines', field: 'lines_added', help: 'that were added and removed', value: (r) => (r.lines_added == null && r.lines_removed == null ? null : (r.lines_added ?? 0) + (r.lines_removed ?? 0)), cell: (r) => or(rowLines(r), 'lines'), zero: '0',
    copied: [['lines_added', (r) => r.lines_added], ['lines_removed', (r) => r.lines_removed]],
  },
]

/** Those of which the service says something: one of before they were counted says nothing of them, and then nobody knows why. @param {CostColumn[]} columns @param {AgentCostRow} total */
export const offered = (columns, total) => columns.filter(({ field }) => !field || total[field] !== undefined)

/** In view at first. */
export const FIRST = ['money', 'share', 'active', 'tokens']

/** Which of them an address names; those of the first look where it names none that is there. @param {string} text @param {string[]} keys all there are, in their order */
export function chosenOf(text, keys) {
  const named = new Set(text.split(','))
  const list = keys.filter((key) => named.has(key))
  return list.length > 0 ? list : FIRST
}

/** What the address has of a choice; nothing where it is that of the first look. @param {string[]} list */
export const choiceText = (list) => (list.join() === FIRST.join() ? '' : list.join())

/** The table as spreadsheets take it: cells between tabs, figures as the service said them, nothing where nobody said any. @param {string} name @param {Array<{ title: string, row: AgentCostRow }>} rows @param {CostColumn[]} columns */
export function copiedText(name, rows, columns) {
  const copied = columns.flatMap((c) => c.copied)
  // What a spreadsheet would take for a formula is a text.
  const safe = (/** @type {string} */ text) => text.replaceAll(/[\t\n\r]+/g, ' ').replace(/^(?=[=+\-@])/, "'")
  return [[capital(name), ...copied.map(([title]) => title)].join('\t'), ...rows.map(({ title, row }) => [safe(title), ...copied.map(([, value]) => value(row) ?? '')].join('\t'))].join('\n')
}

/** @param {{ ratio: number }} props */
const Share = ({ ratio }) => html`
  <span class="agent-share"><svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="share-all" width="100" height="8" /><rect class="share-part" width=${Math.min(100, ratio * 100)} height="8" /></svg> <span>${percent(ratio)}</span></span>`
