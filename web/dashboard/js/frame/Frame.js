/**
 * What stands around every page: head, navigation, banners, the palette, and the page that the address names.
 */
import { PageSkeleton } from '../components/PageSkeleton.js'
import { computed, html, useEffect, useRef, useState } from '../lib.js'
import { bind } from '../keys.js'
import { PAGES, pageOf } from '../pages.js'
import { refusal } from '../stores/connection.js'
import { loginAddress, loginEnded } from '../stores/login.js'
import { outOfDate } from '../stores/needs.js'
import { address, go, pageName } from '../stores/place.js'
import { samplesVersion } from '../stores/samples.js'
import { state as verdictState } from '../stores/verdict.js'
import { followFocus } from './focus.js'
import { Head } from './Head.js'
import { Help } from './Help.js'
import { Lost } from './Lost.js'
import { Palette } from './Palette.js'
import { Replay } from './Replay.js'
import { BottomNav } from './Nav.js'
import { followPrinting } from './paper.js'
import { showState } from './state.js'

/** Changes once: the frame is not drawn anew with each sample. */
const hasSamples = computed(() => samplesVersion.value > 0)

export function Frame() {
  const page = pageOf(pageName.value)
  const filled = hasSamples.value
  const state = verdictState.value
  useEffect(() => bind(PAGES.map((p) => ({ keys: `g ${p.key}`, words: p.title, group: 'Go to', run: () => go(address(p.name)) }))), [])
  useEffect(followFocus, [])
  useEffect(followPrinting, [])
  useNewPage(pageName.value)
  const lost = outOfDate.value?.words ?? ''
  useEffect(() => showState(page?.title ?? 'Not found', state, lost), [page, state, lost])
  useEffect(() => { if (filled) document.documentElement.dataset.ready = 'true' }, [filled])
  return html`
    <${Head} />
    ${refusal.value && html`<p class="banner" role="alert">The service refused part of the live stream: ${refusal.value}</p>`}
    ${loginEnded.value && html`
      <div class="banner banner-login" role="alert">
        <span>Your login has ended. What you see is no longer live.</span> <a class="button button-main" href=${loginAddress.value}>Log in</a>
      </div>`}
    <main id="main" tabindex="-1" data-page=${pageName.value}>
      <h1 class="unseen">${page?.title ?? 'Not found'}</h1>
      ${page ? html`<${Shown} key=${page.name} page=${page} />`
        : html`<p class="face">There is no page “${pageName.value}”. <a class="link" href=${address('now')}>Back to Now</a></p>`}
    </main>
    <${BottomNav} />
    <${Palette} />
    <${Help} />
    <${Replay} />
    <${Lost} />`
}

/** A new page begins at its top, and is where the keyboard goes on. @param {string} name */
function useNewPage(name) {
  const before = useRef(name)
  useEffect(() => {
    if (before.current === name) return
    before.current = name
    scrollTo(0, 0)
    document.getElementById('main')?.focus({ preventScroll: true })
  }, [name])
}

/** A page, loaded first where it is one of those. @param {{ page: import('../pages.js').Page }} props */
function Shown({ page }) {
  const [loaded, set] = useState(/** @type {{ view: any, error: string }} */ ({ view: page.view, error: '' }))
  const load = () => page.load?.().then((view) => set({ view, error: '' }), () => set({ view: null, error: 'This page could not be loaded: the service does not answer.' }))
  useEffect(() => { if (!loaded.view) load() }, [])
  if (loaded.view) return html`<${loaded.view} />`
  if (loaded.error) return html`<div class="face face-error" role="alert"><p>${loaded.error}</p><button type="button" class="button" onClick=${load}>Try again</button></div>`
  return html`<${PageSkeleton} />`
}
