/**
 * Traces: what a request did, span by span.
 */
import { html } from '../lib.js'
import { Panel } from '../components/Panel.js'

export function Traces() {
  return html`<${Panel} title="Traces" name="traces" face="empty" empty=${html`<p>There are no traces yet.</p>`} />`
}
