/**
 * A table that its reader sorts by its heads. It shows a bounded number of rows and says how many more there are.
 *
 * The order is kept in the address, so that a link shows the same table.
 *
 * @typedef {{
 *   key: string, title: string, num?: boolean, help?: string, value: (row: any) => number|string|null|undefined, cell: (row: any) => any
 * }} Column  `value`: what it is sorted by, where there is none the row comes last; `help`: what the head means
 */
import { count } from '../format.js'
import { html, useState } from '../lib.js'
import { param } from '../stores/place.js'
import { sortRows } from './sort.js'

/** More rows than this are not drawn whatever is asked for. */
const MOST = 500

/**
 * @param {{ name: string, label: string, columns: Column[], rows: any[], keyOf: (row: any) => string, initial: string, shown?: number, thing?: string, chosen?: string, foot?: any }} props
 *   `name`: of its order in the address; `initial`: column that sorts it at first, `-` before it for the highest first; `thing`: what a row is called
 */
export function Table({ name, label, columns, rows, keyOf, initial, shown = 12, thing = 'row', chosen, foot }) {
  const [all, setAll] = useState(false)
  const held = param(`sort.${name}`, initial)
  const order = held.value
  const sorted = sortRows(rows, columns, order)
  const drawn = sorted.slice(0, all ? MOST : shown)
  const left = rows.length - drawn.length
  return html`
    <div class="table-wrap" tabindex="0" role="region" aria-label=${label}>
      <table class="sorted">
        <thead><tr>${columns.map((column) => html`<${Head} key=${column.key} column=${column} order=${order} onSort=${(/** @type {string} */ next) => { held.value = next }} />`)}</tr></thead>
        <tbody>
          ${drawn.map((row) => html`
            <tr key=${keyOf(row)} data-row=${keyOf(row)} aria-current=${chosen !== undefined && chosen === keyOf(row) ? 'true' : undefined}>
              ${columns.map((column) => html`<td key=${column.key} class=${column.num ? 'num' : ''}>${column.cell(row)}</td>`)}
            </tr>`)}
        </tbody>
        ${foot && html`<tfoot>${foot}</tfoot>`}
      </table>
    </div>
    ${left > 0 && !all && html`<p class="more"><button type="button" class="button" onClick=${() => setAll(true)}>Show ${count(Math.min(left, MOST - shown), `more ${thing}`)}</button></p>`}
    ${left > 0 && all && html`<p class="more quiet">${count(left, `more ${thing}`)}: too many to show.</p>`}`
}

/** @param {{ column: Column, order: string, onSort: (order: string) => void }} props */
function Head({ column, order, onSort }) {
  const by = order.replace(/^-/, '') === column.key
  const down = order.startsWith('-')
  // Figures begin with the highest, names with the first of the alphabet; a second click turns the order round.
  const next = by ? (down ? column.key : `-${column.key}`) : column.num ? `-${column.key}` : column.key
  return html`
    <th class=${column.num ? 'num' : ''} title=${column.help} aria-sort=${by ? (down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="sort" onClick=${() => onSort(next)}>${column.title}<span aria-hidden="true">${by ? (down ? ' ↓' : ' ↑') : ''}</span></button>
    </th>`
}
