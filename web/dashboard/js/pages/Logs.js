/**
 * Logs and traces: what was said at a moment, and what took how long. All of it is in the address; `tab` says which of the two is in view.
 */
import { PageSkeleton } from '../components/PageSkeleton.js'
import { LogsFace } from '../logs/LogsFace.js'
import { html, useEffect, useState } from '../lib.js'
import { param, setParams } from '../stores/place.js'

/** @type {Array<[string, string]>} */
const TABS = [['logs', 'Logs'], ['traces', 'Traces']]

export function Logs() {
  const tab = param('tab', 'logs').value
  const traces = tab === 'traces'
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    event.preventDefault()
    show(traces ? 'logs' : 'traces')
    requestAnimationFrame(() => /** @type {HTMLElement|null} */ (document.querySelector('.page-tabs [aria-selected="true"]'))?.focus())
  }
  return html`
    <div class="logs-page">
      <div class="tabs page-tabs" role="tablist" aria-label="Logs or traces" onKeyDown=${onKeyDown}>
        ${TABS.map(([name, title]) => html`<button type="button" role="tab" key=${name} id=${`tab-${name}`} aria-selected=${(name === 'traces') === traces} aria-controls="logs-tab" tabindex=${(name === 'traces') === traces ? 0 : -1} onClick=${() => show(name)}>${title}</button>`)}
      </div>
      <div id="logs-tab" role="tabpanel" aria-labelledby=${`tab-${traces ? 'traces' : 'logs'}`}>${traces ? html`<${TracesLater} />` : html`<${LogsFace} />`}</div>
    </div>`
}

/** @param {string} tab */
const show = (tab) => setParams({ tab: tab === 'logs' ? '' : tab })

/** The traces, loaded when they are first in view. */
function TracesLater() {
  const [loaded, set] = useState(/** @type {{ view: any, failed: boolean }} */ ({ view: null, failed: false }))
  const load = () => import('../traces/Traces.js').then((m) => set({ view: m.Traces, failed: false }), () => set({ view: null, failed: true }))
  useEffect(() => { load() }, [])
  if (loaded.failed) return html`<div class="face face-error" role="alert"><p>The traces could not be loaded: the service does not answer.</p><button type="button" class="button" onClick=${load}>Try again</button></div>`
  return loaded.view ? html`<${loaded.view} />` : html`<${PageSkeleton} />`
}
