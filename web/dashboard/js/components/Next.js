/**
 * What could be started next: in the room of what needs the reader, while nothing does.
 */
import { count } from '../format.js'
import { html } from '../lib.js'
import { board } from '../stores/boards.js'
import { address } from '../stores/place.js'

const SHOWN = 3

export function Next() {
  const items = board.value?.items ?? []
  const ready = items.filter((item) => item.ready)
  if (ready.length === 0) return items.length > 0 && items.every((item) => item.status === 'done' || item.status === 'cancelled') ? html`<p class="quiet next-none">Every task of the board is done.</p>` : null
  return html`
    <h3 class="next-head">Ready to start${ready.length > SHOWN && html` · <a class="link" href=${address('tasks', '', { q: 'ready' })}>${SHOWN} of ${count(ready.length, 'task')}</a>`}</h3>
    <ul class="next" aria-label="Ready to start">
      ${ready.slice(0, SHOWN).map((item) => html`<li key=${item.id}><a href=${address('tasks', item.id)} title=${item.title}><span class="task-id">${item.id}</span><bdi>${item.title || 'no title'}</bdi>${item.priority && html`<span class="quiet">${item.priority}</span>`}</a></li>`)}
    </ul>`
}
