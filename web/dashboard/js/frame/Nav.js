/**
 * The navigation: in the head where there is room, at the bottom of a narrow screen.
 */
import { html } from '../lib.js'
import { PAGES } from '../pages.js'
import { agentsNow } from '../stores/agents.js'
import { address, pageName } from '../stores/place.js'
import { standing } from '../stores/silences.js'
import { openPalette } from './search.js'

/** So many have a place at the bottom of a phone; the palette leads to all. */
const BOTTOM = ['now', 'tasks', 'agents', 'ci', 'alerts']

/** @param {{ page: import('../pages.js').Page }} props */
function Link({ page }) {
  const [many, word] = page.name === 'alerts' ? [standing.value.firing.length, 'firing'] : page.name === 'agents' ? [agentsNow.value.needs.length, 'waiting'] : [0, '']
  return html`
    <a href=${address(page.name)} aria-current=${pageName.value === page.name ? 'page' : undefined} title=${`${page.question} (g ${page.key})`}>
      ${page.short ?? page.title}${many > 0 && html`<span class=${`nav-count nav-${word}`}>${many}<span class="unseen"> ${word}</span></span>`}
    </a>`
}

export function Nav() {
  return html`<nav class="nav" aria-label="Pages">${PAGES.filter((p) => p.nav).map((page) => html`<${Link} key=${page.name} page=${page} />`)}</nav>`
}

export function BottomNav() {
  return html`
    <nav class="bottom-nav" aria-label="Pages">
      ${PAGES.filter((p) => BOTTOM.includes(p.name)).map((page) => html`<${Link} key=${page.name} page=${page} />`)}
      <button type="button" onClick=${() => openPalette('')}>More</button>
    </nav>`
}
