/**
 * What can be done with a chart: take it along as a picture, figures, link or query; read it as a table; go on in Explore.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { ChartLine } from './model.js'
 */
import { errorText } from '../api.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { axis } from '../stores/buckets.js'
import { replayed } from '../stores/clock.js'
import { lastPointed } from '../stores/cursor.js'
import { go, historyOf, logsAt, period, place } from '../stores/place.js'
import { mayForecast } from './forecast.js'
import { copy, csvOf, fileName, pngOf, save } from './take.js'

/** @param {{ spec: ChartSpec, lines: ChartLine[], promql: string, table: boolean, showTable: (show: boolean) => void, forecast: import('./useForecast.js').Forecast, mark: (() => void)|null }} props `mark`: opens what marks a change */
export function Menu({ spec, lines, promql, table, showTable, forecast, mark }) {
  const [open, setOpen] = useState(false)
  const [said, say] = useState('')
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useEffect(() => {
    if (!open) return undefined
    const first = /** @type {HTMLElement|null|undefined} */ (box.current?.querySelector('[role="menuitem"]'))
    first?.focus()
    const outside = (/** @type {Event} */ event) => { if (!box.current?.contains(/** @type {Node} */ (event.target))) setOpen(false) }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [open])
  const close = () => {
    setOpen(false)
    box.current?.querySelector('button')?.focus()
  }
  /** @param {() => Promise<string>|string} work what it says when it is done */
  const run = async (work) => {
    close()
    try {
      say(await work())
    } catch (error) {
      say(errorText(error))
    }
  }
  const link = () => new URL(spec.id.includes('{') || place.peek().page === 'explore' ? location.hash : historyOf(promql.split('\n')[0]), location.href).href
  const canvas = () => /** @type {HTMLCanvasElement|null} */ (box.current?.closest('.chart-holder')?.querySelector('.plot canvas'))
  /** @type {Array<[string, () => void]>} */
  const items = [
    ['Save as PNG', () => run(async () => {
      const picture = canvas()
      if (!picture) return 'There is no picture to save.'
      save(await pngOf(picture, spec, lines, axis.peek().start, axis.peek().end, period.peek().words), fileName(spec.title, 'png'))
      return 'Saved the picture.'
    })],
    ['Save as CSV', () => run(() => {
      save(new Blob([csvOf(lines, axis.peek().start, axis.peek().end)], { type: 'text/csv' }), fileName(spec.title, 'csv'))
      return 'Saved the figures.'
    })],
    ['Copy link', () => run(() => copy(link()).then(() => 'Copied the link.'))],
    ['Copy PromQL', () => run(() => copy(promql).then(() => 'Copied the query.'))],
    ...(mayForecast(spec) && !table ? [/** @type {[string, () => void]} */ ([forecast.on ? 'Hide the forecast' : 'Forecast', () => { close(); forecast.toggle() }])] : []),
    ...(mark && replayed.value === null ? [/** @type {[string, () => void]} */ (['Did it help?', () => { close(); mark() }])] : []),
    ['Logs at this moment', () => run(async () => {
      go(await logsAt(momentOf(lastPointed()), lines.filter((l) => !l.before).map((l) => l.series.metric)))
      return ''
    })],
    [table ? 'Show the picture' : 'Show as a table', () => { close(); showTable(!table) }],
  ]
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (!open) return
    if (event.key === 'Escape') close()
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const all = /** @type {HTMLElement[]} */ ([...(box.current?.querySelectorAll('[role="menuitem"]') ?? [])])
      const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement))
      all[(at + (event.key === 'ArrowDown' ? 1 : -1) + all.length) % all.length]?.focus()
    } else if (event.key === 'Tab') {
      setOpen(false)
      return
    } else return
    event.preventDefault()
    event.stopPropagation()
  }
  return html`
    <div class="menu" ref=${box} onKeyDown=${onKeyDown}>
      <button type="button" class="menu-button" aria-haspopup="menu" aria-expanded=${open} aria-label=${`${spec.title}: more`} onClick=${() => setOpen(!open)}>
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="3" cy="8" r="1.3" /><circle cx="8" cy="8" r="1.3" /><circle cx="13" cy="8" r="1.3" /></svg>
      </button>
      <span class="unseen" role="status">${said}</span>
      ${open && html`
        <div class="menu-items" role="menu" aria-label=${`More of ${spec.title}`}>
          ${items.map(([words, act]) => html`<button key=${words} type="button" role="menuitem" tabindex="-1" onClick=${act}>${words}</button>`)}
          ${promql.split('\n').slice(0, 3).map((query, i, all) => html`<a key=${query} role="menuitem" tabindex="-1" href=${historyOf(query)} onClick=${() => setOpen(false)}>Open in Explore${all.length > 1 ? ` (${i + 1})` : ''}</a>`)}
        </div>`}
    </div>`
}

/** The moment that the reader pointed at last, as far as it is in view; else the newest. @param {number|null} pointed */
function momentOf(pointed) {
  const { start, end } = axis.peek()
  return pointed !== null && pointed >= start && pointed <= end ? pointed : end
}
