/**
 * How pages look: on a narrow screen, in both themes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }

const { service, withPage } = await withService()

test('the status page lists actors and sources', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/status`)
  await page.locator('[data-actor]').first().waitFor(PATIENCE)
  assert.ok(await page.locator('[data-source]').count() > 0)
}))

test('nothing has to be scrolled sideways at 360 px', () => withPage(async ({ page }) => {
  const pages = [['#/', '.ribbon'], ['#/tasks', '[data-status]'], ['#/agents', '.panel'], ['#/ci', '[data-panel="ci"]'], ['#/system', '.plot'], ['#/application', '.panel'],
    ['#/logs', '.panel'], ['#/alerts', '.panel'], ['#/advice', '.panel'], ['#/explore', '.panel'], ['#/explore?query=system_cpu_utilization_ratio', '.plot'], ['#/status', '[data-actor]']]
  for (const [at, shown] of pages) {
    await page.goto(`${service.url}/${at}`)
    await waitForState(page, 'live')
    await page.locator(`main ${shown}`).first().waitFor(PATIENCE)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360, at)
  }
  const nav = await page.locator('.bottom-nav').boundingBox()
  assert.ok(nav && Math.abs(nav.y + nav.height - 780) < 1, 'the navigation is at the bottom')
}, { viewport: { width: 360, height: 780 } }))

test('the head is whole at every width, and as high while the view stands still', () => withPage(async ({ page }) => {
  const head = () => page.evaluate(() => {
    const { height, bottom } = /** @type {Element} */ (document.querySelector('.top')).getBoundingClientRect()
    const boxes = [...document.querySelectorAll('.top a, .top button')].map((e) => ({ words: e.getAttribute('aria-label') ?? e.textContent, box: e.getBoundingClientRect() })).filter(({ box }) => box.width > 0)
    const cut = boxes.filter(({ box }) => box.left < 0 || box.right > innerWidth + 1 || box.bottom > bottom + 1 || box.width < 20)
    const over = boxes.filter(({ box: a }) => boxes.some(({ box: b }) => a !== b && a.left < b.left && a.right > b.left + 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1))
    return { height, bad: [...cut, ...over].map(({ words }) => words), wide: document.documentElement.scrollWidth > innerWidth }
  })
  const end = Math.round(Date.now() / 1000) - 7200
  /** @type {Record<number, number>} */
  const heights = {}
  for (const at of ['#/system?range=1h', `#/system?zone=utc&from=${end - 86_400}&to=${end}`]) {
    await page.goto(`${service.url}/${at}`)
    await waitForState(page, 'live')
    for (const width of [360, 430, 600, 760, 768, 820, 900, 901, 960, 1024, 1181, 1280, 1440, 2560]) {
      await page.setViewportSize({ width, height: 780 })
      const { height, bad, wide } = await head()
      assert.deepEqual([bad, wide], [[], false], `${at} at ${width}`)
      heights[width] ??= height
      assert.equal(height, heights[width], `${at} at ${width}`)
    }
  }
  assert.equal(await page.locator('.top .nav a').count(), 10)
}))

test('the theme follows the system until one is chosen, which is then remembered', () => withPage(async ({ page }) => {
  const ground = () => page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.documentElement).backgroundColor)?.[0]))
  await page.goto(service.url)
  await waitForState(page, 'live')
  assert.ok(await ground() < 64, 'dark by preference')
  await page.getByRole('button', { name: /^Theme/ }).click()
  await page.waitForSelector('html[data-theme="light"]', PATIENCE)
  assert.ok(await ground() > 192, 'light by choice')
  await page.reload()
  await waitForState(page, 'live')
  assert.ok(await ground() > 192, 'light after a reload')
}, { colorScheme: 'dark' }))
