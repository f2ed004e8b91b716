/**
 * Where no coding agent was ever seen: how to connect each, and what that does.
 */
import { copy } from '../chart/take.js'
import { Panel } from '../components/Panel.js'
import { html, useState } from '../lib.js'
import { status } from '../stores/status.js'
import { commandOf, WAYS } from './ways.js'

export function Connect() {
  return html`
    <${Panel} title="Agents" name="agents-connect" kind="page-face" live=${false} face="empty" empty=${html`
      <div class="agent-ways">
        <p class="face-title">No coding agent was seen yet</p>
        <p>Connect the one that you use, in a terminal. Sessions that start afterwards stand here: who works on which task, who waits for you and for which tool, and what it cost.</p>
        ${WAYS.map((way) => html`<${Way} key=${way.agent} way=${way} />`)}
        <p class="quiet">What the file had stays, and is kept beside it. <code>--undo</code> takes exactly these settings out again; without <code>--write</code> they are only printed.</p>
        ${status.value?.login && html`<p class="quiet">This service has an access token. None is written into a file: set <code>TASKPULSE__SERVER__TOKEN</code> where the agent is started.</p>`}
      </div>`} />`
}

/** @param {{ way: import('./ways.js').Way }} props */
function Way({ way }) {
  const [said, say] = useState('')
  const command = commandOf(way, location.origin)
  return html`
    <section class="logs-way">
      <div class="logs-way-head"><h3>${way.title}</h3><button type="button" class="button" aria-label=${`Copy the command for ${way.title}`} onClick=${() => copy(command).then(() => say('Copied'), (error) => say(error.message))}>Copy</button><span class="quiet" role="status">${said}</span></div>
      <pre class="copy">${command}</pre>
      <p class="quiet">${way.does}</p>
    </section>`
}
