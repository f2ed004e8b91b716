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
    <p>This prints the settings that make an agent send here what it does; with <code>--write</code> it writes them, keeps a copy of what was there, and <code>--undo</code> takes them back:</p>
    <pre class="copy">taskpulse connect claude</pre>
    <p>Or <code>codex</code>, <code>gemini</code>, <code>opencode</code> in its place. docs/AGENTS.md says what each of them sends.</p>
    <p class="quiet">Who works on which task, who waits for you and for which tool, and what it cost will stand here.</p>`} />`
}

/** What stands between backticks is to be typed. @param {string} text */
const coded = (text) => text.split('`').map((part, i) => (i % 2 === 1 ? html`<code key=${i}>${part}</code>` : part))
