/**
 * Log lines: searched, counted over time, read.
 */
import { Panel } from '../components/Panel.js'
import { html } from '../lib.js'

export function LogsFace() {
  return html`<${Panel} title="Log lines" name="logs" face="empty" empty=${html`<p>There are no log lines yet.</p>`} />`
}
