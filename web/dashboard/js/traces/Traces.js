/**
 * Traces: what a request did, span by span; which services call which. All of it is in the address: `trace` opens one, `map` says the face.
 */
import { html } from '../lib.js'
import { param, setParams } from '../stores/place.js'
import { Search } from './Search.js'
import { ServiceMap } from './ServiceMap.js'
import { TracePage } from './TracePage.js'

export function Traces() {
  const trace = param('trace').value
  const map = param('map').value !== ''
  if (trace) return html`<${TracePage} key=${trace} id=${trace} />`
  return html`
    <div class="traces">
      <div class="segments" role="group" aria-label="What of the traces">
        ${[['', 'Search'], ['services', 'Service map']].map(([name, title]) => html`<button type="button" class="button" key=${name} aria-pressed=${map === (name !== '')} onClick=${() => setParams({ map: name })}>${title}</button>`)}
      </div>
      ${map ? html`<${ServiceMap} />` : html`<${Search} />`}
    </div>`
}
