/**
 * A panel and its faces: data, loading, empty, error. The stale face is the panel dimmed, with the data's age.
 *
 * @typedef {'data'|'loading'|'empty'|'error'} Face
 */
import { age } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { lastSampleAt, link } from '../stores/samples.js'
import { Mark } from './Mark.js'

/**
 * @param {{
 *   title: any, note?: any, face: Face, empty?: any, error?: string, failedAt?: string, retry?: () => void,
 *   live?: boolean, kind?: string, aside?: any, children?: any, name?: string
 * }} props
 *   `live`: shows data that goes stale; `kind`: a class for its size; `name`: how tests and screen readers call it
 */
export function Panel({ title, note, face, empty, error, failedAt, retry, live = true, kind = '', aside, children, name }) {
  const stale = live && link.value === 'stale' && face === 'data'
  return html`
    <section class="panel ${kind}" data-face=${stale ? 'stale' : face} data-panel=${name} aria-busy=${face === 'loading'}>
      <header class="panel-head">
        <h2>${title}</h2>
        ${note && html`<span class="note">${note}</span>`}
        <span class="panel-aside">${stale ? html`<${StaleAge} />` : aside}</span>
      </header>
      ${face === 'data' && children}
      ${face === 'loading' && html`<div class="face skeleton" role="status"><span class="unseen">Loading</span></div>`}
      ${face === 'empty' && html`<div class="face face-empty">${empty}</div>`}
      ${face === 'error' && html`
        <div class="face face-error" role="alert">
          <p class="face-title"><${Mark} kind="error" word="" /> Could not be read</p>
          <p>${error}${failedAt && html` <span class="quiet">since ${failedAt}</span>`}</p>
          ${retry && html`<button type="button" class="button" onClick=${retry}>Try again</button>`}
        </div>`}
    </section>`
}

function StaleAge() {
  const at = lastSampleAt.value
  return html`<span class="stale-age">${at === null ? 'no data yet' : `${age(now.value - at)} old`}</span>`
}
