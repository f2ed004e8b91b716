/**
 * The head of every page: name, navigation, search, connection, time, theme.
 */
import { age } from '../format.js'
import { computed, html, useEffect } from '../lib.js'
import { now } from '../stores/clock.js'
import { socketState } from '../stores/connection.js'
import { address, pageName } from '../stores/place.js'
import { lastSampleAt, link } from '../stores/samples.js'
import { status } from '../stores/status.js'
import { nextTheme, theme } from '../stores/theme.js'
import { Nav } from './Nav.js'
import { Notify } from './Notify.js'
import { ReplayButton } from './Replay.js'
import { openPalette } from './search.js'
import { TimePicker } from './TimePicker.js'

export function Head() {
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <header class="top">
      <a class="brand" href=${address('now')} aria-label="Taskpulse, now">
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" /><circle cx="8" cy="8" r="2.5" /></svg><span>taskpulse</span>
      </a>
      <${Nav} />
      <div class="top-tools">
        <button type="button" class="search" onClick=${() => openPalette('')} aria-keyshortcuts="/" aria-label="Search">
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M7 2a5 5 0 0 1 4 8l3.2 3.2-1 1L10 11a5 5 0 1 1-3-9zm0 1.4a3.6 3.6 0 1 0 0 7.2a3.6 3.6 0 0 0 0-7.2z" /></svg><kbd>/</kbd>
        </button>
        <${Connection} />
        <${TimePicker} />
        <${ReplayButton} />
        <${Notify} />
        <${Theme} />
        <${Logout} />
      </div>
    </header>`
}

/** A hash link would be taken for a page's address. @param {Event} event */
function skip(event) {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

/** How old what is shown is, where it is not live: the head is not drawn anew with each sample. */
const detailOf = computed(() => {
  if (link.value !== 'stale') return ''
  const at = lastSampleAt.value
  return at === null ? 'no data yet' : `last data ${age(Math.max(0, now.value - at))} ago`
})
const troubled = computed(() => status.value !== null && (status.value.state !== 'ok' || status.value.problems.length > 0))
const hasLogin = computed(() => !!status.value?.login)

/** Whether what is shown is live, and how old it is; leads to how the service itself is. */
function Connection() {
  const state = link.value
  useEffect(() => { document.documentElement.dataset.state = state }, [state])
  const trouble = troubled.value
  const detail = detailOf.value
  return html`
    <a class="connection connection-${state}" data-connection=${state} href=${address('status')} aria-current=${pageName.value === 'status' ? 'page' : undefined} title="How the service itself is">
      <svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="4" /></svg>
      <span role="status">${state}</span>
      ${detail && html`<span class="connection-age">· ${detail}</span>`}
      ${socketState.value === 'lost' && html`<span class="connection-lost">· reconnecting</span>`}
      ${trouble && html`<span class="nav-trouble">!<span class="unseen"> the service has problems</span></span>`}
    </a>`
}

const ICONS = {
  auto: 'M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13zm0 1.5v10a5 5 0 0 1 0-10z',
  light: 'M8 4.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7zM7.4.8h1.2v2.2H7.4zm0 12.2h1.2v2.2H7.4zM.8 7.4H3v1.2H.8zm12.2 0h2.2v1.2H13zM2.5 3.3l.8-.8 1.6 1.6-.8.8zm8.6 8.6.8-.8 1.6 1.6-.8.8zm.8-7-.8-.8 1.6-1.6.8.8zm-8.6 8.6-.8-.8 1.6-1.6.8.8z',
  dark: 'M6.2 1.8a6.3 6.3 0 1 0 8 8A5.2 5.2 0 0 1 6.2 1.8z',
}

function Theme() {
  const chosen = theme.value
  return html`
    <button type="button" class="icon" onClick=${nextTheme} title=${`Theme: ${chosen}`} aria-label=${`Theme: ${chosen}. Change it`}>
      <svg viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${ICONS[chosen]} /></svg>
    </button>`
}

/** Only where there is a login to end. */
function Logout() {
  return hasLogin.value && html`
    <form class="logout" method="post" action="/logout">
      <button type="submit" class="button button-plain" title="Log out" aria-label="Log out">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 2h6v1.3H3.3v9.4H8V14H2zM10.2 4.6 13.6 8l-3.4 3.4-.9-.9 1.8-1.9H5.5V7.4h5.6L9.3 5.5z" /></svg>
        <span class="logout-word">Log out</span>
      </button>
    </form>`
}
