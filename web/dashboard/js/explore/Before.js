/**
 * Queries of before, kept in this browser: each a link, each can be deleted.
 */
import { html } from '../lib.js'
import { address } from '../stores/place.js'
import { forget, forgetAll, history } from './history.js'

export function Before() {
  const list = history.value
  if (list.length === 0) return html`<p class="face">Queries that you run are kept here, in this browser only.</p>`
  return html`
    <div class="before">
      <ul aria-label="Queries of before">
        ${list.map((query) => html`
          <li key=${query}>
            <a href=${address('explore', '', { query, side: 'before' })} title=${query}><code><bdi>${query}</bdi></code></a>
            <button type="button" class="icon" aria-label=${`Delete ${query}`} title="Delete" onClick=${() => forget(query)}><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 3l4 4l4-4l1 1l-4 4l4 4l-1 1l-4-4l-4 4l-1-1l4-4l-4-4z" /></svg></button>
          </li>`)}
      </ul>
      <button type="button" class="button button-plain" onClick=${forgetAll}>Delete all</button>
    </div>`
}
