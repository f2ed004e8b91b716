/**
 * The page that the address names, below the header.
 */
import { html, useEffect } from '../lib.js'
import { refusal } from '../stores/connection.js'
import { loginAddress, loginEnded } from '../stores/login.js'
import { address, range, route } from '../stores/route.js'
import { samplesVersion } from '../stores/samples.js'
import { Header } from './Header.js'
import { Overview } from './Overview.js'
import { SeriesPage } from './SeriesPage.js'
import { StatusPage } from './StatusPage.js'

const TITLES = { overview: 'Overview', status: 'Status', series: 'Series', unknown: 'Not found' }

export function App() {
  const { page, selector } = route.value
  const filled = samplesVersion.value > 0
  useEffect(() => { document.title = `${page === 'series' ? selector : TITLES[page]} · Taskpulse` }, [page, selector])
  useEffect(() => { if (filled) document.documentElement.dataset.ready = 'true' }, [filled])
  return html`
    <${Header} />
    ${refusal.value && html`<p class="banner" role="alert">The service refused part of the live stream: ${refusal.value}</p>`}
    ${loginEnded.value && html`
      <div class="banner banner-login" role="alert">
        <span>Your login has ended. What you see is no longer live.</span> <a class="button button-main" href=${loginAddress.value}>Log in</a>
      </div>`}
    <main id="main" tabindex="-1">
      <h1 class="unseen">${TITLES[page]}</h1>
      ${page === 'overview' && html`<${Overview} />`}
      ${page === 'status' && html`<${StatusPage} />`}
      ${page === 'series' && html`<${SeriesPage} selector=${selector} />`}
      ${page === 'unknown' && html`<p class="face">There is no such page. <a href=${address('overview', range.value)}>Back to the overview</a></p>`}
    </main>`
}
