/**
 * Logs and traces: what was said at a moment, and what took how long. All of it is in the address; `tab` says which of the two is in view.
 */
import { PageSkeleton } from '../components/PageSkeleton.js'
import { tabOf, Tabs } from '../components/Tabs.js'
import { LogsFace } from '../logs/LogsFace.js'
import { html, useEffect, useState } from '../lib.js'

/** @type {Array<[string, string]>} */
const TABS = [['logs', 'Logs'], ['traces', 'Traces']]

export function Logs() {
  const traces = tabOf(TABS) === 'traces'
  return html`
    <div class="logs-page">
      <${Tabs} tabs=${TABS} label="Logs or traces" face="logs-tab" />
      <div id="logs-tab" role="tabpanel" aria-labelledby=${`tab-${traces ? 'traces' : 'logs'}`}>${traces ? html`<${TracesLater} />` : html`<${LogsFace} />`}</div>
    </div>`
}

/** The traces, loaded when they are first in view. */
function TracesLater() {
  const [loaded, set] = useState(/** @type {{ view: any, failed: boolean }} */ ({ view: null, failed: false }))
  const load = () => import('../traces/Traces.js').then((m) => set({ view: m.Traces, failed: false }), () => set({ view: null, failed: true }))
  useEffect(() => { load() }, [])
  if (loaded.failed) return html`<div class="face face-error" role="alert"><p>The traces could not be loaded: the service does not answer.</p><button type="button" class="button" onClick=${load}>Try again</button></div>`
  return loaded.view ? html`<${loaded.view} />` : html`<${PageSkeleton} />`
}
