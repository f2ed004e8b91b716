/**
 * The page Advice: what is to be decided, decided by mouse and by keyboard, the course of what was seen in place; narrow, and in both themes.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const now = Math.floor(Date.now() / 1000)
const { service, withPage } = await withService('[optimizer]\nenabled = false\n', async (service) => {
  const times = Array.from({ length: 200 }, (_, i) => now - 86_400 + i * 400)
  const line = (/** @type {string} */ room, /** @type {number} */ by) => JSON.stringify({ metric: { __name__: 'shop_fill_ratio', room }, values: times.map((_, i) => by + i / 500), timestamps: times.map((t) => t * 1000) })
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: [line('cellar', 0.5), line('attic', 0.1)].join('\n') })
  assert.equal(answer.status, 200, await answer.text())
})

/** @param {string} id @param {object} [more] */
const piece = (id, more = {}) => ({
  id, kind: 'disk', title: `The ${id} fills up`, why: `The ${id} was 71 % full, and grew by 10 points a day.`, action: `Empty the ${id}.`, severity: 'warning', status: 'open', created: now - 7200, updated: now - 7200,
  evidence: [{ name: 'full', value: 0.9, low: null, high: null, unit: 'ratio' }, { name: 'time left', value: 86_400, low: 43_200, high: null, unit: 'seconds' }],
  query: 'shop_fill_ratio', start: now - 86_400, end: now - 6000, ...more,
})

/** The service's stream with these pieces instead of its own; what is decided over REST changes them. @param {import('playwright-core').Page} page @param {any[]} pieces @returns {Promise<Array<[string, string]>>} what was asked for: the decision and its parameters */
async function withPieces(page, pieces) {
  /** @type {Array<[string, string]>} */
  const asked = []
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer()
    let id = -1
    socket.onMessage((text) => {
      const frame = JSON.parse(String(text))
      if (frame.op === 'subscribe' && frame.topic === 'recommendations') id = frame.id
      server.send(text)
    })
    server.onMessage((text) => {
      const frame = JSON.parse(String(text))
      if (frame.id !== id) socket.send(text)
      else if (frame.type === 'snapshot') socket.send(JSON.stringify({ ...frame, data: pieces }))
    })
  })
  await page.route('**/api/v1/recommendations/**', (route) => {
    const { pathname, search } = new URL(route.request().url())
    const [, id, decision] = /recommendations\/([^/]+)\/(\w+)$/.exec(pathname) ?? []
    asked.push([decision, search + (route.request().postData() ?? '')])
    const held = pieces.find((one) => one.id === id)
    held.status = { accept: 'accepted', dismiss: 'dismissed', applied: 'applied', reopen: 'open' }[decision]
    held.updated = now
    return route.fulfill({ json: { status: 'success', data: held } })
  })
  return asked
}

/** @param {import('playwright-core').Page} page @param {string} id */
const row = (page, id) => page.locator(`[data-row="advice ${id}"]`)
/** @param {import('playwright-core').Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)

test('a piece opens on what was seen and its course, and is accepted, applied, dismissed with a reason and taken back by mouse', () => withPage(async ({ page }) => {
  const asked = await withPieces(page, [piece('attic', { severity: 'info' }), piece('cellar', { severity: 'error' })])
  await page.goto(`${service.url}/#/advice`)
  const open = page.locator('[data-panel="advice"]')
  await open.locator('.fold').nth(1).waitFor(PATIENCE)
  assert.deepEqual(await open.locator('.fold').evaluateAll((rows) => rows.map((r) => r.getAttribute('data-row'))), ['advice cellar', 'advice attic'], 'the worst stands first')
  assert.equal(await open.locator('.note').innerText(), '2 pieces')
  assert.equal(await page.locator('.strip').count(), 0, 'no course is asked for before it is opened')
  await row(page, 'cellar').locator('.fold-button').click()
  await row(page, 'cellar').getByText('Empty the cellar.').waitFor(PATIENCE)
  const plot = row(page, 'cellar').locator('.strip-plot')
  await plot.locator('.strip-line').nth(1).waitFor({ state: 'attached', ...PATIENCE })
  assert.match(String(await plot.getAttribute('aria-label')), /^The cellar fills up: attic \d+\s%.*; cellar \d+\s% at last, between 50\s% and \d+\s%\. Arrow keys move the cursor\.$/)
  const box = /** @type {{ x: number, y: number, width: number, height: number }} */ (await plot.boundingBox())
  await page.mouse.move(box.x + box.width / 2, box.y + 40)
  await row(page, 'cellar').locator('.strip-legend .num', { hasText: /^\d+\s%$/ }).first().waitFor(PATIENCE)
  assert.match(String(await row(page, 'cellar').getByRole('link', { name: 'Look at its history' }).getAttribute('href')), /^#\/explore\?.*from=\d+.*query=shop_fill_ratio/)

  await row(page, 'cellar').getByRole('button', { name: 'Accept: The cellar fills up' }).click()
  await page.locator('[data-panel="accepted"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await row(page, 'cellar').getByRole('button', { name: 'Applied: The cellar fills up' }).click()
  await page.locator('[data-panel="applied"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await row(page, 'attic').getByRole('button', { name: 'Dismiss: The attic fills up' }).click()
  await page.waitForFunction(() => document.activeElement?.closest('label')?.textContent?.startsWith('Why not'), undefined, PATIENCE)
  await page.keyboard.type('nobody uses it')
  await row(page, 'attic').getByRole('button', { name: 'Dismiss', exact: true }).click()
  await page.locator('[data-panel="advice"][data-face="empty"]').waitFor(PATIENCE)
  assert.deepEqual(asked.map(([decision]) => decision), ['accept', 'applied', 'dismiss'])
  assert.match(decodeURIComponent(asked[2][1].replaceAll('+', ' ')), /nobody uses it/)
  await page.getByRole('button', { name: /Set aside: 1 piece/ }).click()
  await row(page, 'attic').getByRole('button', { name: 'Undo: The attic fills up' }).click()
  await open.getByText('The attic fills up').waitFor(PATIENCE)
}))

test('all of it is done by keyboard, and the focus stays with the piece', () => withPage(async ({ page }) => {
  const asked = await withPieces(page, [piece('cellar', { severity: 'error' }), piece('attic')])
  await page.goto(service.url)
  await page.locator('html[data-ready="true"]').waitFor(PATIENCE)
  await page.keyboard.press('g')
  await page.keyboard.press('d')
  await row(page, 'attic').waitFor(PATIENCE)
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.textContent?.includes('The cellar fills up'), undefined, PATIENCE)
  await page.keyboard.press('Enter')
  const plot = row(page, 'cellar').locator('.strip-plot')
  await plot.locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
  await plot.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  await row(page, 'cellar').locator('[role="status"]', { hasText: /attic \d+\s%, cellar \d+\s%/ }).waitFor({ state: 'attached', ...PATIENCE })
  await page.keyboard.press('a')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Undo: The cellar fills up', undefined, PATIENCE)
  await page.keyboard.press('d')
  await page.locator('[data-panel="applied"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Undo: The cellar fills up', undefined, PATIENCE)
  await page.keyboard.press('u')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Accept: The cellar fills up', undefined, PATIENCE)
  await row(page, 'attic').locator('.fold-button').focus()
  await page.keyboard.press('x')
  await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT', undefined, PATIENCE)
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.endsWith(': The attic fills up'), undefined, PATIENCE)
  await page.keyboard.press('x')
  await page.keyboard.type('is empty')
  await page.keyboard.press('Enter')
  await row(page, 'attic').waitFor({ state: 'detached', ...PATIENCE })
  assert.notEqual(await focused(page), null, 'the focus is not lost')
  assert.deepEqual(asked.map(([decision]) => decision), ['accept', 'applied', 'reopen', 'dismiss'])
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Accept the advice').waitFor(PATIENCE)
}))

test('a link leads to its piece, open; what is looked for and what is missing is one fold away', () => withPage(async ({ page }) => {
  await withPieces(page, [piece('cellar')])
  await page.goto(service.url)
  await page.locator('.causes [data-advice="cellar"]').getByRole('link', { name: 'Advice: The cellar fills up' }).click(PATIENCE)
  await row(page, 'cellar').and(page.locator('[data-open="true"]')).waitFor(PATIENCE)
  await page.getByRole('button', { name: /^Why nothing here\?/ }).click()
  await page.locator('[data-advisor="probe_down"]').getByText(/cannot be said: there is no probe_success/).waitFor(PATIENCE)
  await page.getByText(/things are looked for, \d+ of which cannot be said here/).waitFor(PATIENCE)
}))

test('a course that cannot be read is said in its place, and asked again', () => withPage(async (watched) => {
  const { page } = watched
  watched.serverMayRefuse(true)
  await withPieces(page, [piece('cellar')])
  let refused = true
  await page.route('**/api/v1/buckets?*', (route) => (refused && route.request().url().includes('shop_fill') ? route.fulfill({ status: 429, json: { status: 'error', errorType: 'unavailable', error: 'too busy' } }) : route.continue()))
  await page.goto(`${service.url}/#/advice/cellar`)
  await row(page, 'cellar').locator('.strip').getByText('too busy').waitFor(PATIENCE)
  refused = false
  await row(page, 'cellar').getByRole('button', { name: 'Try again' }).click()
  await row(page, 'cellar').locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
}))

test('axe finds nothing, and nothing is wider than the screen, open and narrow and in both themes', () => withPage(async ({ page }) => {
  const long = 'a-name-of-others-without-a-break-'.repeat(30)
  await withPieces(page, [piece('cellar', { severity: 'critical' }), piece('long', { title: long, why: long, action: long, query: `shop_fill_ratio{room!="${long}"}` }), piece('done', { status: 'applied' }), piece('yes', { status: 'accepted' }), piece('no', { status: 'dismissed' })])
  for (const open of ['advice cellar', 'advice long', 'advice done', 'advisors', 'aside']) {
    await page.goto(`${service.url}/#/advice?open=${encodeURIComponent(open)}`)
    await page.locator(`[data-row="${open}"][data-open="true"] .fold-body`).waitFor(PATIENCE)
    if (open.startsWith('advice ')) await page.locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
    if (open === 'advisors') await page.locator('[data-advisor]').first().waitFor(PATIENCE)
    if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of [360, 1440, 2560]) {
        await page.setViewportSize({ width, height: 900 })
        const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`))
        assert.deepEqual(found, [], `${open}, ${colorScheme}, ${width} px`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${open} is no wider than ${width} px`)
        if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/advice-${open.replace(' ', '-')}-${colorScheme}-${width}.png`, fullPage: true })
      }
    }
  }
}))
