/**
 * How the first page comes: in few files, kept for ever, compressed; and soon.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForPage, waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { shiftsOf, watchShifts } from './measure.mjs'

const PATIENCE = { timeout: 20_000 }
/** What the scripts and styles of the first page may weigh, compressed. */
const MOST_BYTES = 90 * 1024
const MOST_FILES = 4
/** What a page may ask for until it is live, itself and its stream among it. */
const MOST_REQUESTS = 12
const MOST_SHIFT = 0.01
const PAGES = ['now', 'tasks', 'ci', 'system', 'application', 'logs', 'alerts', 'explore', 'status']

const { service, withPage } = await withService()

/** The first number's time, which also says that the page is drawn. @param {import('playwright-core').Page} page */
async function timesOf(page) {
  await page.waitForFunction(() => performance.getEntriesByName('first-number').length > 0, undefined, PATIENCE)
  return page.evaluate(() => ({
    paint: performance.getEntriesByType('paint').find((e) => e.name === 'first-paint')?.startTime ?? Infinity,
    number: performance.getEntriesByName('first-number')[0].startTime,
  }))
}

test('the first paint comes within a second and the first number within three', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  const times = await timesOf(page)
  assert.ok(times.paint < 1000, `first paint after ${times.paint} ms`)
  assert.ok(times.number < 3000, `first number after ${times.number} ms`)
}))

test('the first page needs few scripts and styles, small, compressed and kept for ever', () => withPage(async ({ page }) => {
  /** @type {import('playwright-core').Response[]} */
  const answers = []
  page.on('response', (answer) => { if (/\.(js|css)$/.test(new URL(answer.url()).pathname)) answers.push(answer) })
  await page.goto(service.url)
  await timesOf(page)
  // What the document itself names or imports; pages that are not open yet are fetched later, when there is time.
  const first = await page.evaluate(() => [...document.querySelectorAll('script[src], link[rel="stylesheet"], link[rel="modulepreload"]')]
    .map((e) => new URL(e.getAttribute('src') ?? e.getAttribute('href') ?? '', location.href).href))
  assert.ok(first.length > 0 && first.length <= MOST_FILES, first.join(' '))
  const loaded = answers.filter((answer) => first.includes(answer.url()))
  assert.equal(loaded.length, first.length, 'each is fetched once')
  let bytes = 0
  for (const answer of loaded) {
    const headers = await answer.allHeaders()
    assert.equal(headers['content-encoding'], 'br', answer.url())
    assert.match(headers['cache-control'], /max-age=31536000, immutable/, answer.url())
    assert.match(answer.url(), /-[0-9a-f]{8}\.(js|css)$/)
    bytes += (await answer.request().sizes()).responseBodySize
  }
  assert.ok(bytes > 0 && bytes <= MOST_BYTES, `${bytes} bytes`)
}))

test('a page that is loaded again fetches no script or style a second time', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  await timesOf(page)
  await page.goto('about:blank')
  await page.goto(service.url)
  await waitForState(page, 'live')
  const moved = await page.evaluate(() => /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType('resource'))
    .filter((e) => /\.(js|css)$/.test(new URL(e.name).pathname) && e.transferSize > 0).map((e) => e.name))
  assert.deepEqual(moved, [])
}))

test('nothing is asked of any other origin', () => withPage(async ({ page }) => {
  /** @type {string[]} */
  const elsewhere = []
  page.on('request', (request) => { if (/^(http|ws)/.test(request.url()) && new URL(request.url()).host !== new URL(service.url).host) elsewhere.push(request.url()) })
  for (const name of PAGES) {
    await page.goto(`${service.url}/#/${name}`)
    await page.locator(`main[data-page="${name}"] .panel`).first().waitFor(PATIENCE)
  }
  assert.deepEqual(elsewhere, [])
}))

for (const name of PAGES) {
  test(`the page ${name} is live after few requests, asks for nothing twice, and stands still while it fills`, () => withPage(async ({ page }) => {
    /** @type {Array<{ url: string, at: number }>} */
    const asked = []
    const session = await page.context().newCDPSession(page)
    await session.send('Network.enable')
    session.on('Network.requestWillBeSent', ({ request, wallTime }) => { if (request.url.startsWith('http')) asked.push({ url: request.url, at: wallTime }) })
    session.on('Network.webSocketWillSendHandshakeRequest', ({ wallTime }) => asked.push({ url: 'the stream', at: wallTime }))
    await watchShifts(page)
    await page.addInitScript(() => new MutationObserver((_, observer) => {
      if (document.documentElement.dataset.state !== 'live') return
      observer.disconnect()
      Object.assign(window, { liveAt: Date.now() / 1000 })
    }).observe(document, { subtree: true, attributes: true, attributeFilter: ['data-state'] }))
    for (const viewport of [{ width: 360, height: 780 }, { width: 1440, height: 900 }, { width: 2560, height: 1440 }]) {
      await page.goto('about:blank')
      await page.setViewportSize(viewport)
      asked.length = 0
      await page.goto(`${service.url}/#/${name}`)
      await waitForState(page, 'live')
      await waitForPage(page, name)
      await page.waitForLoadState('networkidle')
      const liveAt = await page.evaluate(() => /** @type {any} */ (window).liveAt)
      const urls = asked.map(({ url }) => url)
      const until = asked.filter(({ at }) => at <= liveAt).length
      assert.ok(until > 0 && until <= MOST_REQUESTS, `${until} requests: ${urls.join('\n')}`)
      assert.deepEqual(urls.filter((url, i) => urls.indexOf(url) !== i), [], 'nothing is asked twice')
      const shifts = await shiftsOf(page)
      assert.ok(shifts.reduce((sum, { value }) => sum + value, 0) < MOST_SHIFT, `${viewport.width} px: ${JSON.stringify(shifts, null, 1)}`)
    }
    await session.detach()
  }))
}

test('the first page subscribes to its samples once, before its script has run', () => withPage(async ({ page }) => {
  /** @type {any[]} */
  const subscribed = []
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => {
    const said = JSON.parse(String(payload))
    if (said.op === 'subscribe' && said.topic === 'samples') subscribed.push(said.match)
  }))
  await page.goto(service.url)
  await waitForState(page, 'live')
  await waitForPage(page, 'now')
  await page.waitForLoadState('networkidle')
  assert.equal(subscribed.length, 1, JSON.stringify(subscribed))
}))
