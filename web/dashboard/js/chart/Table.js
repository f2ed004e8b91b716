/**
 * The figures of a chart as a table, the newest first: for those who read rather than look.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { ChartLine } from './model.js'
 */
import { html, useLayoutEffect, useRef } from '../lib.js'
import { axis } from '../stores/buckets.js'
import { now } from '../stores/clock.js'
import { utc } from '../stores/place.js'
import { pointLabel } from './axis.js'
import { figure } from './words.js'

const ROWS = 200

/** @param {{ spec: ChartSpec, lines: ChartLine[], height: number }} props */
export function Table({ spec, lines, height }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => { box.current?.style.setProperty('max-height', `${height}px`) }, [height])
  for (const line of lines) line.buckets.version.value
  const { rows, left } = rowsOf(lines, axis.value.start, axis.value.end)
  return html`
    <div class="chart-table table-wrap" ref=${box} tabindex="0" role="region" aria-label=${`Figures of ${spec.title} by time`}>
      <table>
        <thead><tr><th>Until</th>${lines.map((l) => html`<th class="num" key=${l.before + l.key} title=${l.name}>${l.name}${l.before ? ' before' : ''}</th>`)}</tr></thead>
        <tbody>${rows.map(([t, cells]) => html`<tr key=${t}><td class="num">${pointLabel(t, now.peek(), utc.value)}</td>${cells.map((cell) => html`<td class="num">${cellText(cell, spec.unit)}</td>`)}</tr>`)}</tbody>
      </table>
      ${left > 0 && html`<p class="quiet">The newest ${ROWS} of ${rows.length + left}. All are in the CSV of the menu.</p>`}
    </div>`
}

/** @typedef {{ mean: number|null, min: number, max: number, count: number }|null} Cell */

/** @param {ChartLine[]} lines @param {number} start @param {number} end @returns {{ rows: Array<[number, Cell[]]>, left: number }} */
export function rowsOf(lines, start, end) {
  /** @type {Map<number, Cell[]>} */
  const byTime = new Map()
  lines.forEach(({ series: { t, v, min, max, count } }, i) => t.forEach((at, k) => {
    if (at <= start || (k > 0 && t[k - 1] >= end)) return
    const row = byTime.get(at) ?? lines.map(() => null)
    row[i] = { mean: v[k], min: min[k], max: max[k], count: count[k] }
    byTime.set(at, row)
  }))
  const rows = [...byTime].sort(([a], [b]) => b - a)
  return { rows: rows.slice(0, ROWS), left: Math.max(0, rows.length - ROWS) }
}

/** @param {Cell} cell @param {import('../format.js').Unit} unit */
function cellText(cell, unit) {
  if (!cell) return figure(null, unit)
  const mean = figure(cell.mean, unit)
  return cell.count > 1 && cell.min < cell.max ? `${mean} (${figure(cell.min, unit)} to ${figure(cell.max, unit)})` : mean
}
