/**
 * Pages of a real Chromium that remember everything they complained about.
 */
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
/** What a browser itself writes when a server is gone; nothing else is forgiven, and that only then. */
const SERVER_GONE = /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED|INCOMPLETE_CHUNKED_ENCODING)|WebSocket connection to/

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS,
})

/** What it writes of an answer that refuses something. */
const REFUSED = /responded with a status of 4\d\d|WebSocket connection to .*(4\d\d|failed)/

/**
 * @typedef {{
 *   page: import('playwright-core').Page, complaints: string[], serverMayBeGone: (may: boolean) => void,
 *   serverMayRefuse: (may: boolean) => void, close: () => Promise<void>
 * }} Watched
 */

/**
 * @param {import('playwright-core').Browser} browser @param {import('playwright-core').BrowserContextOptions} [options]
 * @returns {Promise<Watched>}
 */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  const page = await context.newPage()
  /** @type {string[]} */
  const complaints = []
  let gone = false
  let refuses = false
  page.on('console', (message) => {
    const text = `${message.text()} ${message.location().url}`
    const forgiven = (gone && SERVER_GONE.test(text)) || (refuses && REFUSED.test(text))
    if (message.type() === 'error' && !forgiven) complaints.push(text)
    if (message.text().startsWith('policy violation')) complaints.push(text)
  })
  page.on('pageerror', (error) => complaints.push(String(error.stack || error)))
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => console.warn(`policy violation: ${e.violatedDirective} ${e.blockedURI}`))
    // When the first number from the service stands on the page, on the page's own clock.
    const look = () => {
      if (document.querySelector('[data-panel="machine"] .figure:not(.figure-none)')) performance.mark('first-number')
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
  return { page, complaints, serverMayBeGone: (may) => { gone = may }, serverMayRefuse: (may) => { refuses = may }, close: () => context.close() }
}

/** A page of its own for each test, closed at its end, that must not have complained. @param {import('playwright-core').Browser} browser @param {(w: Watched) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
export async function withPage(browser, body, options) {
  const watched = await openPage(browser, options)
  try {
    await body(watched)
    assert.deepEqual(watched.complaints, [], 'the console stays empty')
  } finally {
    await watched.close()
  }
}

/** @param {import('playwright-core').Page} page @param {'live'|'stale'} state @param {number} [timeout] */
export const waitForState = (page, state, timeout = 20_000) => page.waitForSelector(`html[data-state="${state}"]`, { timeout })

/** Waits until a page is there and no panel in view still loads; what is further down loads when it comes into view. @param {import('playwright-core').Page} page @param {string} name */
export const waitForPage = (page, name) => page.waitForFunction((wanted) => {
  const main = document.querySelector(`main[data-page="${wanted}"]`)
  const inView = (/** @type {Element} */ e) => e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0
  return main !== null && !main.querySelector('.page-skeleton') && ![...main.querySelectorAll('[aria-busy="true"]')].some(inView)
}, name, { timeout: 30_000 })

/** The times of the oldest and newest point that a chart draws. @param {import('playwright-core').Page} page @param {string} chart */
export async function pointsOf(page, chart) {
  const plot = page.locator(`[data-panel="chart-${chart}"] .plot`)
  await plot.waitFor({ timeout: 20_000 })
  const [oldest, newest] = await Promise.all([plot.getAttribute('data-oldest'), plot.getAttribute('data-newest')])
  return { oldest: Number(oldest), newest: Number(newest) }
}
