/**
 * Logging in as a person does: the token typed, a deep link followed through it, logging out, a login that ends while the page is open.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const TOKEN = 'a-long-enough-secret'
const settings = (/** @type {string} */ token) => `[server]\ntoken = "${token}"\n`

const { service, withPage } = await withService(settings(TOKEN))
service.token = TOKEN

/** Types a token where the page waits for it, and presses Enter. @param {import('playwright-core').Page} page @param {string} [token] */
async function logIn(page, token = TOKEN) {
  const field = page.getByLabel('Access token')
  await field.waitFor(PATIENCE)
  await until('the field has the focus', () => field.evaluate((e) => e === document.activeElement))
  await page.keyboard.type(token)
  await page.keyboard.press('Enter')
}

/** What the line at the top of the first page says of how things are. @param {import('playwright-core').Page} page */
const verdict = (page) => page.locator('.verdict').getAttribute('data-state')

test('the token is typed, and the dashboard is there; the button ends the login', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  assert.equal(page.url(), `${service.url}/login`)
  await logIn(page)
  await waitForState(page, 'live')
  assert.equal(page.url(), `${service.url}/`)
  const button = page.getByRole('button', { name: 'Log out' })
  assert.ok(await button.isVisible())
  assert.equal((await button.innerText()).trim(), 'Log out')
  await button.click()
  await page.waitForURL(`${service.url}/login`)
  await page.goto(`${service.url}/#/status`)
  assert.equal(page.url(), `${service.url}/login#/status`, 'the old cookie is worth nothing')
}))

test('a deep link is followed through the login, with its query and what is behind the #', () => withPage(async ({ page }) => {
  for (const at of ['/#/status?range=6h', '/?from=mail&x=a%20b#/series/system_cpu_utilization_ratio?range=6h', '/metrics', '/api/v1/labels?limit=1']) {
    // From an empty page: else an address with a # is a step within the page, and a dashboard that still loads would be refused without its cookie.
    await page.goto('about:blank')
    await page.context().clearCookies()
    await page.goto(service.url + at)
    assert.equal(new URL(page.url()).pathname, '/login', at)
    await logIn(page)
    await page.waitForURL(service.url + at, PATIENCE)
  }
  assert.match(await page.locator('body').innerText(), /"status":"success"/)
}))

test('a wrong token shows the form again and says so, and the right one still leads on', () => withPage(async ({ page, serverMayRefuse }) => {
  serverMayRefuse(true)
  await page.goto(`${service.url}/#/status?range=6h`)
  const answer = page.waitForResponse((response) => response.request().method() === 'POST')
  await logIn(page, 'not-the-right-secret')
  const refused = await answer
  assert.equal(refused.status(), 401)
  assert.match(refused.headers()['content-type'], /^text\/html/)
  await page.getByRole('alert').filter({ hasText: 'That token is not right.' }).waitFor(PATIENCE)
  assert.doesNotMatch(await page.locator('body').innerText(), /[{}]|errorType/)
  await logIn(page)
  await page.waitForURL(`${service.url}/#/status?range=6h`, PATIENCE)
}))

test('a login leads to no other site', () => withPage(async ({ page }) => {
  // More of them are in tests/access.rs.
  for (const next of ['//evil.example/', '/\\evil.example']) {
    await page.goto('about:blank')
    await page.context().clearCookies()
    await page.goto(`${service.url}/login?next=${encodeURIComponent(next)}`)
    await logIn(page)
    await page.waitForURL(`${service.url}/`, PATIENCE)
    await waitForState(page, 'live')
  }
}))

test('a link on another site leads to the page, not to the login of who is logged in', () => withPage(async ({ page }) => {
  const elsewhere = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html')
    answer.end(`<a href="${service.url}/#/status?range=6h">dashboard</a><link rel="icon" href="data:,">`)
  })
  await new Promise((resolve) => elsewhere.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = elsewhere.address()
  try {
    await page.goto(service.url)
    await logIn(page)
    await waitForState(page, 'live')
    await page.goto(`http://localhost:${address && typeof address === 'object' ? address.port : 0}/`)
    await page.getByText('dashboard').click()
    await page.waitForURL(`${service.url}/#/status?range=6h`, PATIENCE)
    await page.locator('[data-actor]').first().waitFor(PATIENCE)
  } finally {
    elsewhere.close()
  }
}))

test('refusals and missing pages are told in words', () => withPage(async ({ page, serverMayRefuse }) => {
  serverMayRefuse(true)
  await page.goto(service.url)
  await logIn(page)
  await waitForState(page, 'live')
  const answer = await page.goto(`${service.url}/no/such/page`)
  assert.equal(answer?.status(), 404)
  assert.equal(await page.locator('h1').innerText(), 'There is no such page')
  await page.getByText('Open the dashboard').click()
  await waitForState(page, 'live')
}))

test('a login that ends while the page is open is said at once, and a new one leads back', () => withPage(async ({ page, serverMayRefuse }) => {
  await page.goto(`${service.url}/?x=1#/?range=6h`)
  await logIn(page)
  await waitForState(page, 'live')
  serverMayRefuse(true)
  // The same login, ended in another window: the live stream is closed too.
  const other = await page.context().newPage()
  await other.goto(service.url)
  await waitForState(other, 'live')
  await other.getByRole('button', { name: 'Log out' }).click()
  await other.waitForURL(`${service.url}/login`)
  const banner = page.getByRole('alert').filter({ hasText: 'Your login has ended.' })
  await banner.waitFor({ timeout: 5_000 })
  assert.notEqual(await verdict(page), 'ok', 'nothing good is said')
  await until('no session is left', async () => (await service.get('/api/v1/status')).sessions === 0)
  await banner.getByRole('link', { name: 'Log in' }).click()
  await logIn(page)
  await page.waitForURL(`${service.url}/?x=1#/?range=6h`, PATIENCE)
  await waitForState(page, 'live')
  // Ended again, and logged in elsewhere: the page goes on by itself when someone looks.
  await page.evaluate(() => fetch('/logout', { method: 'POST', redirect: 'manual' }))
  await banner.waitFor({ timeout: 5_000 })
  await logIn(other)
  await waitForState(other, 'live')
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await banner.waitFor({ state: 'detached', ...PATIENCE })
  await waitForState(page, 'live')
}))

test('a service that comes back with another token is no lost connection but an ended login', () => withPage(async ({ page, serverMayBeGone, serverMayRefuse }) => {
  await page.goto(service.url)
  await logIn(page)
  await waitForState(page, 'live')
  serverMayBeGone(true)
  serverMayRefuse(true)
  await service.kill()
  await service.settings(settings('another-long-secret'))
  service.token = 'another-long-secret'
  await service.start()
  const banner = page.getByRole('alert').filter({ hasText: 'Your login has ended.' })
  await banner.waitFor(PATIENCE)
  await banner.getByRole('link', { name: 'Log in' }).click()
  await logIn(page, 'another-long-secret')
  await waitForState(page, 'live')
}))

test('the button and the word of an ended login have room at 360 px', () => withPage(async ({ page, serverMayRefuse }) => {
  await page.goto(service.url)
  await logIn(page, service.token)
  await waitForState(page, 'live')
  assert.ok(await page.getByRole('button', { name: 'Log out' }).isVisible())
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360)
  serverMayRefuse(true)
  await page.evaluate(() => fetch('/logout', { method: 'POST', redirect: 'manual' }))
  const link = page.getByRole('alert').getByRole('link', { name: 'Log in' })
  await link.waitFor(PATIENCE)
  const box = await link.boundingBox()
  assert.ok(box && box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 780 - 56, JSON.stringify(box))
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360)
}, { viewport: { width: 360, height: 780 } }))
