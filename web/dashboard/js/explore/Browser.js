/**
 * Every metric there is: a list that is searched by name and description, and what is known of the one that was chosen.
 *
 * Thousands of them: only the rows in view exist.
 */
import { useSearch } from './search.js'
import { Chosen } from './Chosen.js'
import { describe, loadMetrics, metrics } from './knowledge.js'
import { queryFor } from './wanted.js'
import { useRows } from './windowed.js'
import { Failed } from '../components/Failure.js'
import { count } from '../format.js'
import { html, useEffect, useMemo, useState } from '../lib.js'
import { replayed } from '../stores/clock.js'
import { address, go, param } from '../stores/place.js'

const ROW_PX = 28

/** The address that shows a metric by the query that says most of it. @param {string} name @param {string} type */
export const addressOf = (name, type) => {
  const { query, view } = queryFor(name, type)
  return address('explore', '', { query, metric: name, view: view === 'graph' ? '' : view, search: param('search').value })
}

/** @param {{ add: (query: string) => void }} props */
export function Browser({ add }) {
  useEffect(() => { loadMetrics() }, [])
  const { names, meta, state, error } = metrics.value
  const search = param('search')
  const chosen = param('metric').value
  const found = useSearch(names, meta, search.value)
  const [at, setAt] = useState(-1)
  const rows = useRows(found.length, ROW_PX)
  const shown = useMemo(() => found.slice(rows.from, rows.to), [found, rows.from, rows.to])
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key]
    if (step && found.length > 0) {
      const next = Math.max(0, Math.min(found.length - 1, at + step))
      setAt(next)
      rows.show(next)
    } else if (event.key === 'Enter' && found[at] !== undefined) {
      location.hash = addressOf(found[at], describe(meta, found[at])?.type ?? '')
    } else return
    event.preventDefault()
  }
  const all = `${count(names.length, 'metric')}${replayed.value === null ? '' : ' of all that is kept'}`
  const note = state === 'ready' ? (search.value ? `${found.length} of ${all}` : all) : ''
  return html`
    <div class="browser" data-state=${state}>
      <input type="search" role="combobox" aria-expanded="true" aria-controls="metric-list" aria-label="Search metrics by name and description" placeholder="Search metrics"
        aria-activedescendant=${at >= rows.from && at < rows.to ? `metric-${at}` : undefined} autocomplete="off" spellcheck=${false} value=${search.value}
        onInput=${(/** @type {any} */ e) => { search.value = e.target.value; setAt(-1); rows.show(0) }} onKeyDown=${onKeyDown} />
      <p class="browser-note quiet" role="status">${note}</p>
      <div class="browser-list" ref=${rows.box} onScroll=${rows.onScroll} tabindex="0">
        <ul id="metric-list" role="listbox" aria-label="Metrics">
          <li class="rows-before" role="presentation" ref=${space(rows.from * ROW_PX)}></li>
          ${shown.map((name, i) => html`<${Metric} key=${name} name=${name} type=${describe(meta, name)?.type ?? ''} index=${rows.from + i} total=${found.length} active=${rows.from + i === at} chosen=${name === chosen} />`)}
          <li class="rows-after" role="presentation" ref=${space((found.length - rows.to) * ROW_PX)}></li>
        </ul>
        ${state === 'loading' && html`<div class="face skeleton" role="status"><span class="unseen">Loading</span></div>`}
        ${state === 'error' && html`<${Failed} error=${error} retry=${() => loadMetrics({ again: true })} />`}
        ${state === 'ready' && found.length === 0 && html`<p class="face">${names.length === 0 ? 'No metric is kept yet. The machine is measured every few seconds; scraped and sent metrics come with their first sample.' : 'No name or description holds these words.'}</p>`}
      </div>
      ${chosen && html`<${Chosen} key=${chosen} name=${chosen} about=${describe(meta, chosen)} add=${add} />`}
    </div>`
}

/** Rows that are not in view leave their room. @param {number} px @returns {(element: HTMLElement|null) => void} */
export const space = (px) => (element) => { if (element) element.style.height = `${Math.max(0, px)}px` }

/** @param {{ name: string, type: string, index: number, total: number, active: boolean, chosen: boolean }} props */
function Metric({ name, type, index, total, active, chosen }) {
  return html`
    <li id=${`metric-${index}`} role="option" tabindex="-1" onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Enter') go(addressOf(name, type)) }} aria-selected=${active || chosen} aria-posinset=${index + 1} aria-setsize=${total} class=${active ? 'active' : ''} onClick=${() => go(addressOf(name, type))}>
      <span class="metric-row" title=${name}><bdi>${name}</bdi><span class="quiet">${type === 'unknown' ? '' : type}</span></span>
    </li>`
}
