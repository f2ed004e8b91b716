/**
 * Why something is not shown, and what the reader can do: log in, ask for permission, try again.
 *
 * @import { Shown } from './faces.js'
 */
import { html } from '../lib.js'
import { reconnect, socketState } from '../stores/connection.js'
import { loginAddress, loginEnded } from '../stores/login.js'
import { faceOf } from './faces.js'
import { Mark } from './Mark.js'

/** @param {{ shown: Shown, failedAt?: string, retry?: () => void }} props */
export function Failure({ shown: { kind, title, words, action }, failedAt, retry }) {
  return html`
    <div class="face face-error" role="alert" data-kind=${kind}>
      <p class="face-title"><${Mark} kind=${kind === 'denied' ? 'warning' : 'error'} word="" /> ${title}</p>
      <p>${words}${failedAt && html` <span class="quiet">since ${failedAt}</span>`}</p>
      ${action === 'login' && html`<a class="button button-main" href=${loginAddress.value}>Log in</a>`}
      ${action === 'retry' && (retry ? html`<button type="button" class="button" onClick=${retry}>Try again</button>` : html`<p class="quiet">It is read again by itself.</p>`)}
      ${action === 'reconnect' && html`<button type="button" class="button" onClick=${reconnect}>Try now</button>`}
    </div>`
}

/** The same for what is no panel of its own. @param {{ error: string, retry: () => void }} props */
export const Failed = ({ error, retry }) => html`<${Failure} shown=${faceOf({ face: 'error', error, loginEnded: loginEnded.value, lost: socketState.value === 'lost' })} retry=${retry} />`
