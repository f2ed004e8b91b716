/**
 * Accessibility, as axe-core judges it: every page, with data and without, in both themes, at three widths; dialogs; the login.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { launch, waitForPage, waitForState, withPage as onPage } from './browser.mjs'
import { everything, Service } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WIDTHS = [360, 1440, 2560]
const THEMES = /** @type {const} */ (['light', 'dark'])
/** What stands on a page once it is there, with data and without. */
const PAGES = ['now', 'tasks', 'tasks/1', 'agents', 'agents?tab=costs', 'agents?tab=budgets', 'ci', 'system', 'application', 'logs', 'logs?query={service_name="checkout"} | logfmt&tail=on', 'logs?tab=traces', 'alerts', 'advice', 'explore', 'explore?query=system_cpu_utilization_ratio', 'status', 'no-such-page']

/** @type {import('playwright-core').Browser} */
let browser
before(async () => { browser = await launch() })
after(() => browser?.close())

/** What axe finds, one line each: the rule, the element, why. @param {import('playwright-core').Page} page @returns {Promise<string[]>} */
async function findings(page) {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
    return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary.split('\n').slice(1).join(' ').trim()}`))
  })
}

/** Opens a page and waits until it and its figures are there. @param {import('playwright-core').Page} page @param {string} at */
async function open(page, at) {
  await page.evaluate((hash) => { location.hash = hash }, `#/${at}`)
  await waitForPage(page, at.split(/[/?]/)[0])
}

/** @param {Service} service @param {string[]} pages */
const everyPage = (service, pages) => onPage(browser, async ({ page }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  for (const at of pages) {
    await open(page, at)
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 500 ? 780 : 900 })
        assert.deepEqual(await findings(page), [], `${at}, ${colorScheme}, ${width} px`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${at} is no wider than ${width} px`)
      }
    }
  }
})

test('axe finds nothing on any page that has data', async () => {
  const { service, remove } = await everything()
  try {
    await everyPage(service, PAGES)
  } finally {
    await remove()
  }
})

test('axe finds nothing on pages that have nothing to show yet, nor in dialogs', async () => {
  const service = await Service.prepare('[optimizer]\nenabled = false\n[taskmaster]\nenabled = false\n')
  try {
    await service.start()
    await everyPage(service, PAGES.filter((at) => !at.includes('?') && at !== 'tasks/1' && at !== 'no-such-page'))
    await onPage(browser, async ({ page }) => {
      await page.goto(service.url)
      await waitForState(page, 'live')
      for (const [key, role, name] of /** @type {const} */ ([['?', 'dialog', 'Keys'], ['/', 'dialog', 'Search'], ['t', 'dialog', 'Time']])) {
        await page.keyboard.press(key)
        await page.getByRole(role, { name }).first().waitFor(PATIENCE)
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
          assert.deepEqual(await findings(page), [], `${name}, ${colorScheme}`)
        }
        await page.keyboard.press('Escape')
        await page.getByRole(role, { name }).first().waitFor({ state: 'detached', ...PATIENCE })
      }
    })
  } finally {
    await service.remove()
  }
})

test('axe finds nothing on the login page and on a page that is not there', async () => {
  const service = await Service.prepare('[server]\ntoken = "a-long-enough-secret"\n')
  service.token = 'a-long-enough-secret'
  try {
    await service.start()
    for (const colorScheme of THEMES) {
      await onPage(browser, async ({ page, serverMayRefuse }) => {
        serverMayRefuse(true)
        await page.goto(service.url)
        await page.getByLabel('Access token').waitFor(PATIENCE)
        assert.deepEqual(await findings(page), [], `login, ${colorScheme}`)
        await page.keyboard.type('a-wrong-secret-it-is')
        await page.keyboard.press('Enter')
        await page.getByRole('alert').filter({ hasText: 'That token is not right.' }).waitFor(PATIENCE)
        assert.deepEqual(await findings(page), [], `wrong token, ${colorScheme}`)
        await page.goto(`${service.url}/no/such/page`, { referer: service.url })
        assert.deepEqual(await findings(page), [], `no such page, ${colorScheme}`)
      }, { colorScheme })
    }
  } finally {
    await service.remove()
  }
})
