/**
 * The live stream: charts move as samples arrive, and a service that goes away is said and comes back with its history.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pointsOf, waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }

const { service, withPage } = await withService()

test('charts move as samples arrive', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/system?range=15m`)
  for (const chart of ['cpu', 'memory', 'disk', 'load']) {
    const first = await pointsOf(page, chart)
    assert.ok(first.newest >= first.oldest, `${chart} draws points`)
  }
  const { newest } = await pointsOf(page, 'cpu')
  await until('a newer point is drawn', async () => (await pointsOf(page, 'cpu')).newest > newest)
}))

test('the board has its course drawn', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/tasks?range=15m`)
  await page.locator('[data-panel="burnup"][data-face="data"] svg').first().waitFor(PATIENCE)
}))

test('a killed service is marked stale, and comes back by itself with its history', () => withPage(async ({ page, serverMayBeGone }) => {
  await page.goto(`${service.url}/#/system?range=15m`)
  await waitForState(page, 'live')
  const start = await pointsOf(page, 'cpu')
  const before = await until('a newer point is drawn', async () => {
    const points = await pointsOf(page, 'cpu')
    return points.newest > start.newest ? points : null
  })
  await page.evaluate(() => { document.body.dataset.sameDocument = 'yes' })

  serverMayBeGone(true)
  await service.kill()
  await waitForState(page, 'stale')
  assert.match(await page.locator('.connection').innerText(), /stale.*last data .* ago/s)
  assert.equal(await page.locator('[data-panel="chart-cpu"]').getAttribute('data-face'), 'stale')

  await service.start()
  const restarted = Date.now() / 1000
  await waitForState(page, 'live', 40_000)
  serverMayBeGone(false)
  await until('points from after the restart are drawn', async () => (await pointsOf(page, 'cpu')).newest > restarted)
  assert.ok((await pointsOf(page, 'cpu')).oldest <= before.oldest + 1, 'points from before are still drawn')
  assert.equal(await page.evaluate(() => document.body.dataset.sameDocument), 'yes', 'the page was not loaded again')

  await page.reload()
  await waitForState(page, 'live')
  assert.ok((await pointsOf(page, 'cpu')).oldest <= before.newest, 'the service kept points from before the kill')
}))

test('any number leads to its history, and back leads back', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/?range=6h`)
  await page.locator('[data-panel="machine"] a.figure').first().click(PATIENCE)
  await page.locator('main[data-page="explore"] .plot').first().waitFor(PATIENCE)
  const { hash } = new URL(page.url())
  const params = new URLSearchParams(hash.split('?')[1])
  assert.equal(hash.split('?')[0], '#/explore')
  assert.equal(params.get('query'), 'system_cpu_utilization_ratio')
  assert.equal(params.get('range'), '6h', 'in the period that was in view')
  await page.goBack()
  await page.locator('[data-panel="machine"]').waitFor(PATIENCE)
}))
