/**
 * The head of every page: name, navigation, connection, range, theme.
 */
import { age } from '../format.js'
import { html, useEffect } from '../lib.js'
import { now } from '../stores/clock.js'
import { socketState } from '../stores/connection.js'
import { address, RANGES, range, route } from '../stores/route.js'
import { lastSampleAt, link } from '../stores/samples.js'
import { status } from '../stores/status.js'
import { nextTheme, theme } from '../stores/theme.js'

export function Header() {
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the figures</a>
    <header class="top">
      <a class="brand" href=${address('overview', range.value)} aria-label="Taskpulse, overview">
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="6.5" /><circle cx="8" cy="8" r="2.5" /></svg>taskpulse
      </a>
      <${Nav} />
      <div class="top-tools">
        <${Connection} />
        <${Ranges} />
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

function Nav() {
  const { page } = route.value
  const trouble = status.value && (status.value.state !== 'ok' || status.value.problems.length > 0)
  return html`
    <nav class="nav" aria-label="Pages">
      <a href=${address('overview', range.value)} aria-current=${page === 'overview' ? 'page' : undefined}>Overview</a>
      <a href=${address('status', range.value)} aria-current=${page === 'status' ? 'page' : undefined}>
        Status${trouble && html`<span class="nav-trouble" title="The service reports a problem">!<span class="unseen"> has problems</span></span>`}
      </a>
    </nav>`
}

/** Whether what is shown is live, and how old it is. */
function Connection() {
  const state = link.value
  const at = lastSampleAt.value
  const old = at === null ? null : Math.max(0, now.value - at)
  const lost = socketState.value === 'lost'
  useEffect(() => { document.documentElement.dataset.state = state }, [state])
  const words = state === 'live' ? 'live' : state === 'connecting' ? 'connecting' : 'stale'
  const detail = state === 'live' ? age(old ?? 0)
    : state === 'connecting' ? ''
    : `${old === null ? 'no data yet' : `last data ${age(old)} ago`}`
  return html`
    <span class="connection connection-${state}" data-connection=${state}>
      <svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="4" /></svg>
      <span role="status">${words}</span>
      ${detail && html`<span class="connection-age">${state === 'live' ? detail : `· ${detail}`}</span>`}
      ${lost && html`<span class="connection-lost">· reconnecting</span>`}
    </span>`
}

function Ranges() {
  const { page, selector, range: chosen } = route.value
  return html`
    <nav class="ranges" aria-label="Time range">
      ${RANGES.map((r) => html`
        <a key=${r.name} href=${address(page, r, selector)} aria-label=${r.words} aria-current=${r === chosen ? 'true' : undefined}>${r.name}</a>`)}
    </nav>`
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
  return status.value?.login && html`
    <form class="logout" method="post" action="/logout">
      <button type="submit" class="button button-plain" title="Log out" aria-label="Log out">
        <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 2h6v1.3H3.3v9.4H8V14H2zM10.2 4.6 13.6 8l-3.4 3.4-.9-.9 1.8-1.9H5.5V7.4h5.6L9.3 5.5z" /></svg>
        <span class="logout-word">Log out</span>
      </button>
    </form>`
}
