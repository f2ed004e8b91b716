/**
 * The answers of all queries at the end of the period, one row a series: sorted by any column, copied as it is seen.
 *
 * @import { Answer } from './asking.js'
 * @import { Wanted } from './wanted.js'
 */
import { count, format, since } from '../format.js'
import { html, useMemo, useState } from '../lib.js'
import { minute } from '../stores/pace.js'
import { historyOf, param } from '../stores/place.js'
import { metricsOf } from './language.js'
import { unitFor } from './wanted.js'
import { columnsOf, numberOf, sorted, tsv } from './rows.js'
import { useRows } from './windowed.js'
import { space } from './Browser.js'

const ROW_PX = 28

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }> }} props */
export function Table({ asked }) {
  const order = param('sort')
  const [copied, setCopied] = useState('')
  const all = useMemo(() => asked.flatMap(({ wanted, answer }) => {
    const unit = unitFor(wanted.text, metricsOf(wanted.text))
    return answer.points.map((p) => ({ ...p, letter: wanted.letter, unit, query: p.key.startsWith('{') || p.key === '' ? wanted.text : p.key }))
  }), asked.map(({ answer }) => answer.points))
  const columns = useMemo(() => columnsOf(all, asked.length > 1), [all, asked.length])
  const list = useMemo(() => sorted(all, order.value), [all, order.value])
  const rows = useRows(list.length, ROW_PX)
  /** @param {string} column */
  const sortBy = (column) => { order.value = order.value === column ? `-${column}` : column }
  const copy = () => navigator.clipboard.writeText(tsv(list, columns)).then(() => setCopied(`${count(list.length, 'row')} copied`), () => setCopied('The browser does not allow copying'))
  /** @param {string} column */
  const head = (column) => html`
    <th class=${column === 'value' ? 'num' : ''} aria-sort=${order.value === column ? 'ascending' : order.value === `-${column}` ? 'descending' : undefined}>
      <button type="button" class="sort" onClick=${() => sortBy(column)}>${{ value: 'Value', query: 'Query', __name__: 'Metric' }[column] ?? column}<span aria-hidden="true">${order.value === column ? ' ↑' : order.value === `-${column}` ? ' ↓' : ''}</span></button>
    </th>`
  const at = all[0]?.time
  return html`
    <div class="table-tools">
      <span class="note">${count(list.length, 'row')}${at !== undefined && ` · as of ${since(at, minute.value)}`}</span>
      <button type="button" class="button" onClick=${copy}>Copy</button><span class="quiet" role="status">${copied}</span>
    </div>
    <div class="series-wrap answers" ref=${rows.box} onScroll=${rows.onScroll} tabindex="0" role="region" aria-label="Values">
      <table class="series-table" aria-rowcount=${list.length}>
        <thead><tr>${columns.map(head)}</tr></thead>
        <tbody>
          <tr class="rows-before" aria-hidden="true" ref=${space(rows.from * ROW_PX)}></tr>
          ${list.slice(rows.from, rows.to).map((row) => html`
            <tr key=${`${row.letter} ${row.key}`}>
              ${columns.map((column) => (column === 'value'
                ? html`<td class="num"><a class="figure" href=${historyOf(row.query)} title=${row.value}>${numberOf(row.value) === null ? row.value : format(numberOf(row.value), row.unit)}</a></td>`
                : column === 'query' ? html`<td>${row.letter}</td>` : html`<td class="cell" title=${row.metric[column] ?? ''}><bdi>${row.metric[column] ?? ''}</bdi></td>`))}
            </tr>`)}
          <tr class="rows-after" aria-hidden="true" ref=${space((list.length - rows.to) * ROW_PX)}></tr>
        </tbody>
      </table>
    </div>`
}
