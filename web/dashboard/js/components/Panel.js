/**
 * A panel and its faces: data, loading, empty, error, no permission. The stale face is the panel dimmed, with the data's age.
 *
 * @import { Face } from './faces.js'
 */
import { age } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { lastSampleAt, link } from '../stores/samples.js'
import { socketState } from '../stores/connection.js'
import { loginEnded } from '../stores/login.js'
import { Failure } from './Failure.js'
import { faceOf } from './faces.js'

/**
 * @param {{
 *   title: any, note?: any, face: Face, empty?: any, error?: string|null, failedAt?: string, retry?: () => void,
 *   live?: boolean, kind?: string, aside?: any, children?: any, name?: string
 * }} props
 *   `live`: shows data that goes stale; `kind`: a class for its size; `name`: how tests and screen readers call it
 */
export function Panel({ title, note, face, empty, error, failedAt, retry, live = true, kind = '', aside, children, name }) {
  const shown = faceOf({ face, error, stale: live && link.value === 'stale', loginEnded: loginEnded.value, lost: socketState.value === 'lost' })
  const stale = shown.kind === 'stale'
  return html`
    <section class="panel ${kind}" data-face=${shown.kind} data-panel=${name} aria-busy=${shown.kind === 'loading'}>
      <header class="panel-head">
        <h2>${title}</h2>
        ${note && html`<span class="note">${note}</span>`}
        <span class="panel-aside">${stale ? html`<${StaleAge} />` : aside}</span>
      </header>
      ${face === 'data' && children}
      ${shown.kind === 'loading' && html`<div class="face skeleton" role="status"><span class="unseen">Loading</span></div>`}
      ${face === 'empty' && html`<div class="face face-empty">${empty}</div>`}
      ${(shown.kind === 'error' || shown.kind === 'denied') && html`<${Failure} shown=${shown} failedAt=${failedAt} retry=${retry} />`}
    </section>`
}

function StaleAge() {
  const at = lastSampleAt.value
  return html`<span class="stale-age">${at === null ? 'no data yet' : `${age(now.value - at)} old`}</span>`
}
