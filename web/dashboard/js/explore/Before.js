/**
 * Queries of before, kept in this browser: each a link, each can be deleted.
 */
import { Cross } from '../components/Cross.js'
import { html } from '../lib.js'
import { address } from '../stores/place.js'
import * as promql from './history.js'

export function Before() {
  return html`<div class="before"><${Kept} of=${promql} addressOf=${(/** @type {string} */ query) => address('explore', '', { query, side: 'before' })} /></div>`
}

/**
 * Those of one language.
 * @param {{ of: Pick<ReturnType<typeof promql.queriesOfBefore>, 'history'|'forget'|'forgetAll'>, addressOf: (query: string) => string, rove?: boolean, onOpen?: () => void }} props `rove`: one stop of the Tab key for all
 */
export function Kept({ of: { history, forget, forgetAll }, addressOf, rove, onOpen }) {
  const list = history.value
  if (list.length === 0) return html`<p class="face">Queries that you run are kept here, in this browser only.</p>`
  return html`
    <ul aria-label="Queries of before" data-rove=${rove}>
      ${list.map((query) => html`
        <li key=${query}>
          <a href=${addressOf(query)} title=${query} onClick=${onOpen}><code><bdi>${query}</bdi></code></a>
          <button type="button" class="icon" aria-label=${`Delete ${query}`} title="Delete" onClick=${() => forget(query)}><${Cross} /></button>
        </li>`)}
    </ul>
    <button type="button" class="button button-plain" onClick=${forgetAll}>Delete all</button>`
}
