/**
 * Did it help? A change is marked in the menu of a chart, listed on the page Advice with its figures, removed and brought back.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const STEP = 300
const DAY = 86_400
const end = Math.floor(Date.now() / 1000 / STEP) * STEP
const at = end - 8 * DAY
const { service, withPage } = await withService('[optimizer]\nenabled = false\n', async (service) => {
  // Three weeks of two lines; one of them is 30 % lower since eight days.
  const line = (/** @type {string} */ job, /** @type {number} */ changed) => {
    const times = Array.from({ length: 21 * 288 }, (_, i) => end - (21 * 288 - 1 - i) * STEP)
    const values = times.map((t, i) => (100 + 20 * Math.sin((t / DAY) * 2 * Math.PI) + (i * 7919) % 13) * (t >= at ? changed : 1))
    return JSON.stringify({ metric: { __name__: 'build_seconds', job }, values, timestamps: times.map((t) => t * 1000) })
  }
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: [line('test', 0.7), line('lint', 1)].join('\n') })
  assert.equal(answer.status, 200, await answer.text())
})

/** @param {import('playwright-core').Page} page */
const panel = (page) => page.locator('[data-panel="experiments"]')

test('a change is marked at a chart, said with its figures, removed and brought back', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/advice`)
  await panel(page).and(page.locator('[data-face="empty"]')).getByText('No change is followed.').waitFor(PATIENCE)
  await page.goto(`${service.url}/#/explore?query=build_seconds&view=graph&range=24h`)
  await page.locator('.chart-bare .plot').waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Graph: more' }).click()
  await page.getByRole('menuitem', { name: 'Did it help?' }).click()
  const form = page.getByRole('form', { name: 'Did it help? Graph' })
  await form.waitFor(PATIENCE)
  assert.equal(await page.evaluate(() => document.activeElement?.closest('label')?.textContent?.trim()), 'What was changed')
  await page.keyboard.type('cache of CI')
  // A moment that is to come is refused before it is sent.
  const local = (/** @type {number} */ t) => page.evaluate((ms) => { const d = new Date(ms); return new Date(ms - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16) }, t * 1000)
  await form.getByLabel('When').fill(await local(end + 3 * DAY))
  await form.getByRole('button', { name: 'Follow it' }).click()
  await form.getByText('The moment must be a time that is over').waitFor(PATIENCE)
  await form.getByLabel('When').fill(await local(at))
  await form.getByLabel('What it was to change').selectOption({ index: 1 })
  await form.getByRole('button', { name: 'Follow it' }).click()
  await page.getByText(/^Marked\. .*fell from .* by 30\s%/).waitFor(PATIENCE)
  await page.getByRole('link', { name: 'All that is followed' }).click()

  const row = panel(page).locator('.fold', { hasText: 'cache of CI' })
  await row.getByText('helped', { exact: true }).waitFor(PATIENCE)
  await row.getByText(/fell from .*95\s%/).waitFor(PATIENCE)
  assert.match(await row.locator('.need-since').nth(1).innerText(), /^-3\d\s% to -2\d\s%|^-30\s% to -30\s%/)
  await row.locator('.fold-button').click()
  await row.getByRole('img', { name: /half days after the change/ }).waitFor(PATIENCE)
  await page.evaluate(AXE)
  const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run('[data-panel="experiments"]')).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`))
  assert.deepEqual(found, [])
  // Charts have a tick where it begins, which leads back to it.
  await page.goto(`${service.url}/#/explore?query=build_seconds&view=graph&range=14d`)
  const plot = page.locator('.chart-bare .plot')
  await plot.locator('canvas').waitFor(PATIENCE)
  await plot.focus()
  await until('the tick of the change', async () => {
    await page.keyboard.press('Shift+ArrowLeft')
    return (await page.locator('.tip-event').innerText()).includes('Change: cache of CI')
  })
  await page.keyboard.press('Enter')
  await row.and(page.locator('[data-open="true"]')).waitFor(PATIENCE)
  await row.getByRole('button', { name: 'Remove: cache of CI' }).press('Enter')
  const undo = panel(page).getByRole('button', { name: 'Undo: cache of CI is no longer followed' })
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.startsWith('Undo: cache of CI'), undefined, PATIENCE)
  assert.deepEqual(await service.get('/api/v1/experiments'), [])
  await undo.press('Enter')
  await panel(page).getByRole('button', { name: 'Remove: cache of CI' }).waitFor(PATIENCE)
  assert.equal((await service.get('/api/v1/experiments'))[0].state, 'verified')
}))

test('where experiments cannot be read that is said, and asked again', () => withPage(async (watched) => {
  const { page } = watched
  watched.serverMayRefuse(true)
  let refused = true
  await page.route('**/api/v1/experiments', (route) => (refused ? route.fulfill({ status: 429, contentType: 'application/json', body: JSON.stringify({ status: 'error', errorType: 'unavailable', error: 'too busy' }) }) : route.continue()))
  await page.goto(`${service.url}/#/advice`)
  await panel(page).and(page.locator('[data-face="error"]')).getByText('too busy').waitFor(PATIENCE)
  refused = false
  await panel(page).getByRole('button', { name: 'Try again' }).click()
  await panel(page).and(page.locator('[data-face="data"], [data-face="empty"]')).waitFor(PATIENCE)
}))
