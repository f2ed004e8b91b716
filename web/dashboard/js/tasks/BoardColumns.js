/**
 * A board as columns, one a status. Each column scrolls by itself and draws only what is in view. Left and right lead from column to column.
 *
 * @import { Task } from '../types.js'
 */
import { LongList } from '../components/LongList.js'
import { Swatch } from '../components/Swatch.js'
import { age, count, span } from '../format.js'
import { html, useMemo } from '../lib.js'
import { statusColour, statusWord } from '../statuses.js'
import { minute } from '../stores/pace.js'
import { address, place } from '../stores/place.js'
import { NO_TITLE } from '../timeline.js'
import { columns } from './tasks.js'

const ROW_H = 44

/** @param {{ items: Task[] }} props */
export function BoardColumns({ items }) {
  const shown = useMemo(() => columns(items), [items])
  const chosen = place.value.item
  return html`
    <div class="columns" tabindex="0" role="region" aria-label="Tasks by status" onKeyDown=${aside}>
      ${shown.map(({ status, items: list }) => html`
        <section key=${status} class="column" data-status=${status} data-count=${list.length}>
          <h3><${Swatch} colour=${statusColour(status)} /><bdi>${statusWord(status)}</bdi><span class="note">${count(list.length, 'task')}</span></h3>
          ${list.length === 0
            ? html`<p class="quiet">none</p>`
            : html`<${LongList} items=${list} keyOf=${keyOf} rowHeight=${ROW_H} label=${`Tasks ${statusWord(status)}`} chosen=${list.some((i) => i.id === chosen) ? chosen : undefined}
                row=${(/** @type {Task} */ item, /** @type {boolean} */ focusable) => html`<${Row} item=${item} focusable=${focusable} />`} />`}
        </section>`)}
    </div>`
}

/** From a task to the column beside it, to the task there that Tab stops at. @param {KeyboardEvent} event */
function aside(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
  const from = event.target instanceof Element ? event.target.closest('.column-task') : null
  if (!step || !from || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
  const stops = [.../** @type {HTMLElement} */ (event.currentTarget).querySelectorAll('.column')].map((column) => column === from.closest('.column') ? from : column.querySelector('.column-task[tabindex="0"]')).filter((task) => task instanceof HTMLElement)
  event.preventDefault()
  stops[stops.indexOf(/** @type {HTMLElement} */ (from)) + step]?.focus()
}

/** @param {Task} item */
const keyOf = (item) => item.id

/** @param {{ item: Task, focusable: boolean }} props */
function Row({ item, focusable }) {
  const at = item.in_progress_since
  return html`
    <a class="column-task" href=${address('tasks', item.id, boardParams())} data-task=${item.id} tabindex=${focusable ? 0 : -1} aria-current=${place.value.item === item.id ? 'true' : undefined} title=${item.title}>
      <span class="task-id">${item.id}</span><bdi class="column-title">${item.title || NO_TITLE}</bdi>
      ${item.ready ? html`<span class="tag">ready</span>`
        : at !== null ? html`<span class="quiet" title="in progress for">${age(minute.value - at)}</span>`
          : item.execution_seconds !== null ? html`<span class="quiet" title="it took">${span(Math.round(item.execution_seconds))}</span>` : null}
    </a>`
}

/** What of this page a link to a task keeps. */
export function boardParams() {
  const { q = '', graph = '' } = place.value.params
  return { q, graph }
}
