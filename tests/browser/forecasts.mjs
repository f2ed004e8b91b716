/**
 * Forecasts on charts: asked for by menu and by key, drawn into the future, in words with their coverage, in the address, and honest where
 * nothing can be said yet.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const STEP = 300
const { service, withPage } = await withService('[optimizer]\nenabled = false\n', async (service) => {
  // Two weeks of days, and an hour of something new.
  const end = Math.floor(Date.now() / 1000 / STEP) * STEP
  const line = (/** @type {string} */ shop, /** @type {number} */ count) => {
    const times = Array.from({ length: count }, (_, i) => (end - (count - 1 - i) * STEP) * 1000)
    return JSON.stringify({ metric: { __name__: 'shop_load', shop }, values: times.map((t) => 5 + 4 * Math.sin((t / 86_400_000) * 2 * Math.PI)), timestamps: times })
  }
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: [line('old', 14 * 288), line('new', 6)].join('\n') })
  assert.equal(answer.status, 200, await answer.text())
})

/** @param {string} name @param {string} query @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body */
const onGraph = (name, query, body) => test(name, () => withPage(async (watched) => {
  await watched.page.goto(`${service.url}/#/explore?query=${encodeURIComponent(query)}&view=graph&range=24h`)
  await watched.page.locator('.chart-bare .plot').waitFor(PATIENCE)
  await body(watched.page, watched)
}))

/** @param {import('playwright-core').Page} page */
const words = (page) => page.locator('.legend-ahead')
const COVERAGE = /^Forecast: [\d.]+ by .*; 80 of 100 means of 10\sm should lie within [\d.]+ and [\d.]+ then \(.+\)\.$/

onGraph('a forecast is drawn beyond now, says its coverage and its method, and is in the address', 'shop_load{shop="old"}', async (page) => {
  const before = await page.locator('.chart-bare .plot').screenshot()
  await page.getByRole('button', { name: 'Graph: more' }).click()
  await page.getByRole('menuitem', { name: 'Forecast' }).click()
  await words(page).filter({ hasText: COVERAGE }).waitFor(PATIENCE)
  const drawn = await page.locator('.chart-bare .plot').screenshot()
  assert.notDeepEqual(drawn, before, 'the picture shows it')
  // The cursor reaches into the future.
  await page.locator('.chart-bare .plot').focus()
  await page.keyboard.press('End')
  await page.waitForFunction(() => /no sample/.test(document.querySelector('.plot-box [role="status"]')?.textContent ?? ''), undefined, PATIENCE)
  assert.match(page.url(), /forecast=explore/)
  await page.reload()
  await words(page).filter({ hasText: COVERAGE }).waitFor(PATIENCE)
  await page.locator('.chart-bare .plot').focus()
  await page.keyboard.press('o')
  await words(page).waitFor({ state: 'detached', ...PATIENCE })
  assert.doesNotMatch(page.url(), /forecast=/)
  await page.keyboard.press('o')
  await words(page).filter({ hasText: COVERAGE }).waitFor(PATIENCE)
})

test('a forecast that was asked for is kept, and the page Status lists it', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/status`)
  await page.locator('[data-series-forecast]').filter({ hasText: /shop_load\{shop="old"\}, 12\sh ahead/ }).first().waitFor(PATIENCE)
}))

onGraph('of a past period it is the forecast that would have been made at its end', 'shop_load{shop="old"}', async (page) => {
  const asked = /** @type {URL[]} */ ([])
  page.on('request', (request) => { if (request.url().includes('/api/v1/forecast')) asked.push(new URL(request.url())) })
  const end = Math.floor(Date.now() / 1000) - 86_400
  await page.goto(`${service.url}/#/explore?query=${encodeURIComponent('shop_load{shop="old"}')}&view=graph&from=${end - 86_400}&to=${end}&forecast=explore`)
  await words(page).filter({ hasText: COVERAGE }).waitFor(PATIENCE)
  assert.deepEqual(asked.map((url) => [url.searchParams.get('time'), url.searchParams.get('horizon')])[0], [String(end), '43200'])
})

onGraph('what cannot be forecast yet says why, beside what can', 'shop_load', async (page) => {
  await page.locator('.chart-bare .plot').focus()
  await page.keyboard.press('o')
  await words(page).filter({ hasText: COVERAGE }).waitFor(PATIENCE)
  await words(page).filter({ hasText: 'Cannot be forecast yet: 3 steps of 10m have samples; a forecast needs 12' }).or(words(page).filter({ hasText: 'Cannot be forecast yet: 4 steps of 10m' })).waitFor(PATIENCE)
})

onGraph('a forecast that fails is said, and the chart stays', 'shop_load{shop="old"}', async (page, watched) => {
  watched.serverMayRefuse(true)
  await page.route('**/api/v1/forecast?*', (route) => route.fulfill({ status: 422, json: { status: 'error', errorType: 'execution', error: 'it took too long' } }))
  await page.locator('.chart-bare .plot').focus()
  await page.keyboard.press('o')
  await page.getByText('no forecast: it took too long').waitFor(PATIENCE)
  assert.equal(await page.locator('.chart-bare .plot').count(), 1)
})

test('a chart of a page has one in its place, and axe finds nothing, on a phone too', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/system?forecast=cpu`)
  const chart = page.locator('[data-panel="chart-cpu"]')
  await chart.getByText(/Forecast: .* by|Cannot be forecast yet: /).waitFor(PATIENCE)
  await page.evaluate(AXE)
  for (const width of [360, 1440]) {
    await page.setViewportSize({ width, height: 900 })
    const found = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run('[data-panel="chart-cpu"]', { resultTypes: ['violations'] })
      return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}`))
    })
    assert.deepEqual(found, [], `${width} px`)
    assert.ok(await chart.evaluate((panel) => [...panel.querySelectorAll('.legend-ahead')].every((row) => row.getBoundingClientRect().bottom <= panel.getBoundingClientRect().bottom)), 'its words are not cut off')
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`)
  }
}))
