/**
 * What the service looks for before it gives advice, and why some of that cannot be found here.
 *
 * @import { Advisor } from '../types.js'
 */
import { useAnswer } from '../hooks.js'
import { count } from '../format.js'
import { html } from '../lib.js'
import { replayed } from '../stores/clock.js'
import { Fold } from './Fold.js'

export function Advisors() {
  if (replayed.value !== null) return null
  return html`<ul class="alert-rows advisors"><${Fold} name="advisors" title=${html`<span class="fold-title quiet">What is looked for, and what is missing</span>`}>${() => html`<${Table} />`}<//></ul>`
}

function Table() {
  const { data, error, state, retry } = useAnswer('/api/v1/advisors', {}, '')
  if (state === 'error') return html`<p class="problem" role="alert">${error} <button type="button" class="button" onClick=${retry}>Try again</button></p>`
  if (state === 'loading') return html`<p class="quiet" role="status">Loading</p>`
  return html`
    <table class="advisors-table"><thead><tr><th>Advice is given when</th><th>Now</th></tr></thead>
      <tbody>${/** @type {Advisor[]} */ (data).map((advisor) => html`<tr key=${advisor.name} data-advisor=${advisor.name}><td>${advisor.about}</td><td>${stateOf(advisor)}</td></tr>`)}</tbody></table>`
}

/** @param {Advisor} advisor */
export function stateOf({ recommendations, missing }) {
  if (recommendations > 0) return count(recommendations, 'piece', 'pieces')
  if (missing.length > 0) return html`<span class="quiet">cannot be said: there is no <code>${missing.join(', ')}</code></span>`
  return html`<span class="quiet">nothing of it is seen</span>`
}
