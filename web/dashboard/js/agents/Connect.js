/**
 * Where no coding agent was ever seen: how to connect one.
 */
import { Panel } from '../components/Panel.js'
import { sentences } from '../format.js'
import { html } from '../lib.js'

/** @param {{ missing: string }} props as the service says it */
export function Connect({ missing }) {
  const more = sentences([missing.replace(/^No coding agent was seen yet\.\s*/, '')])
  return html`
    <${Panel} title="Agents" name="agents-connect" kind="page-face" live=${false} face="empty" empty=${html`
      <p class="face-title">No coding agent was seen yet</p>
      ${more && html`<p>${coded(more)}</p>`}
      <pre class="copy">taskpulse connect claude --write</pre>
      <p>Without <code>--write</code> it only prints the settings; <code>--undo</code> takes them out again.</p>
      <p class="quiet">Who works on which task, who waits for you and for which tool, and what it cost will stand here.</p>`} />`
}

/** What stands between backticks is to be typed. @param {string} text */
const coded = (text) => text.split('`').map((part, i) => (i % 2 === 1 ? html`<code key=${i}>${part}</code>` : part))
