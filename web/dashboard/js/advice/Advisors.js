/**
 * What the service looks for before it gives advice, and why some of that cannot be found here: asked when it is opened.
 *
 * @import { Advisor } from '../types.js'
 */
import { Fold } from '../alerts/Fold.js'
import { count } from '../format.js'
import { useAnswer } from '../hooks.js'
import { html } from '../lib.js'

export const Advisors = () => html`<${Fold} by="behind" name="advisors" title=${html`<span class="fold-title fold-plain">Why nothing here? What is looked for, and what is missing</span>`}>${() => html`<${Table} />`}<//>`

function Table() {
  const { data, error, state, retry } = useAnswer('/api/v1/advisors', {}, '')
  if (state === 'error') return html`<p class="problem" role="alert">${error} <button type="button" class="button" onClick=${retry}>Try again</button></p>`
  if (state === 'loading') return html`<p class="quiet" role="status">Loading</p>`
  const list = /** @type {Advisor[]} */ (data)
  const blind = list.filter(({ unsaid }) => unsaid !== null).length
  return html`
    <p>${count(list.length, 'thing')} ${list.length === 1 ? 'is' : 'are'} looked for${blind > 0 ? `, ${blind} of which cannot be said now` : ''}.</p>
    <div class="table-wrap" tabindex="0" role="region" aria-label="What is looked for"><table class="advisors-table"><thead><tr><th>Advice is given when</th><th>Now</th></tr></thead>
      <tbody>${list.map((advisor) => html`<tr key=${advisor.name} data-advisor=${advisor.name}><td>${advisor.about}</td><td>${stateOf(advisor)}</td></tr>`)}</tbody></table></div>`
}

/** @param {Advisor} advisor */
export function stateOf({ recommendations, unsaid }) {
  if (recommendations > 0) return count(recommendations, 'piece', 'pieces')
  if (unsaid !== null) return html`<span class="quiet">cannot be said: ${unsaid}</span>`
  return html`<span class="quiet">nothing of it is seen</span>`
}
