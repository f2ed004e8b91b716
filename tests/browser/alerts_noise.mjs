/**
 * The noise report: figures of rules that really fired, a change that would have halved them tried in the editor and saved, its faces.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** At each of these the queue is too long for a moment. */
const LONG = [6, 6, 6, 6, 7, 9]
const { service, withPage } = await withService('[optimizer]\nenabled = false\n[alerts.rules.of_settings]\nexpr = "shop_queue > 5"\nseverity = "notice"\n', async (service) => {
  const rule = { expr: 'shop_queue > 5', severity: 'warning', cooldown: '0s' }
  await fetch(`${service.url}/api/v1/rules/loud`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) })
  const values = LONG.flatMap((value) => [value, 1])
  const begin = Math.floor(Date.now() / 1000) - values.length
  for (const [i, value] of values.entries()) {
    const sample = { name: 'shop_queue', labels: { queue: 'mail' }, time: begin + i, value }
    await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples: [sample] }) })
  }
  await until('all of it has fired', async () => (await service.get('/api/v1/alerts/noise')).rules.filter((/** @type {any} */ r) => r.fired === LONG.length && ['loud', 'of_settings'].includes(r.rule)).length === 2)
})

/** @param {string} name @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body */
const onPage = (name, body) => test(name, () => withPage(async (watched) => {
  await watched.page.goto(`${service.url}/#/alerts`)
  await body(watched.page, watched)
}))

/** @param {import('playwright-core').Page} page */
const panel = (page) => page.locator('[data-panel="noise"]')
/** @param {import('playwright-core').Page} page @param {string} rule */
const rowOf = (page, rule) => panel(page).locator(`[data-noise="${rule}"]`)
/** @param {import('playwright-core').Page} page */
const editor = (page) => page.locator('[data-panel="rule-editor"]')

onPage('a rule that made noise is listed with its figures, and a change that would have halved it is tried and saved', async (page) => {
  await rowOf(page, 'loud').waitFor(PATIENCE)
  const cells = await rowOf(page, 'loud').locator('td.num').allTextContents()
  assert.deepEqual(cells, ['6', '0', '6', '0'], 'fired, acknowledged, ended within a minute, notices')
  await panel(page).getByText(/rules? fired \d+ times in the last 7 days; \d+ of these ended within a minute, none were acknowledged\./).waitFor(PATIENCE)
  await rowOf(page, 'loud').getByRole('button', { name: 'above 6: 2 instead of 6 times' }).press('Enter')
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('#query-rule'))?.value === 'shop_queue > 6', undefined, PATIENCE)
  await page.locator('.would[data-state="ready"] .would-words', { hasText: /^Would have fired 2 times/ }).waitFor(PATIENCE)
  // A link leads to the same change.
  await page.reload()
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('#query-rule'))?.value === 'shop_queue > 6', undefined, PATIENCE)
  await editor(page).getByRole('button', { name: 'Close' }).click()
  await page.waitForFunction(() => document.activeElement?.textContent === 'above 6: 2 instead of 6 times', undefined, PATIENCE)
  await page.keyboard.press('Enter')
  await editor(page).getByRole('button', { name: 'Save' }).click()
  await editor(page).waitFor({ state: 'detached', ...PATIENCE })
  assert.equal((await service.get('/api/v1/rules/loud')).rule.expr, 'shop_queue > 6')
  // What was changed is tried anew: it fires twice now, which is too seldom for a further change.
  await rowOf(page, 'loud').getByRole('button').first().waitFor({ state: 'detached', ...PATIENCE })
})

onPage('a rule of the settings is changed in its place, and shown as lines to write there', async (page) => {
  await rowOf(page, 'of_settings').getByRole('button', { name: /^above 6/ }).click()
  assert.equal(await editor(page).getByLabel('Name', { exact: true }).inputValue(), 'of_settings')
  await editor(page).getByText('It takes the place of the rule of this name that is set in Settings.toml or shipped.').waitFor(PATIENCE)
  await editor(page).getByText('As lines of Settings.toml').click()
  assert.equal(await editor(page).locator('.rule-lines pre').textContent(), '[alerts.rules.of_settings]\nexpr = "shop_queue > 6"\nseverity = "notice"')
})

onPage('where the report cannot be read that is said, and asked again; where nothing fired that is said', async (page, watched) => {
  watched.serverMayRefuse(true)
  let answer = { status: 429, body: JSON.stringify({ status: 'error', errorType: 'unavailable', error: 'too busy' }) }
  await page.route('**/api/v1/alerts/noise', (route) => route.fulfill({ ...answer, contentType: 'application/json' }))
  await page.reload()
  await panel(page).and(page.locator('[data-face="error"]')).getByText('too busy').waitFor(PATIENCE)
  answer = { status: 200, body: JSON.stringify({ status: 'success', data: { start: 0, end: 604_800, rules: [], profile: null } }) }
  await panel(page).getByRole('button', { name: 'Try again' }).click()
  await panel(page).and(page.locator('[data-face="empty"]')).getByText('No rule fired in the last 7 days.').waitFor(PATIENCE)
})

onPage('Status offers the other profile with its numbers and how it is set, and says where none is offered', async (page) => {
  await page.goto(`${service.url}/#/status`)
  const profile = page.locator('[data-panel="profile"][data-face="data"]')
  await profile.getByText('Another profile is offered here when a week of history shows').waitFor(PATIENCE)
  const report = { ...await service.get('/api/v1/alerts/noise'), profile: { profile: 'workstation', fired: 131, fired_then: 4, notices: 240, notices_then: 8 } }
  await page.route('**/api/v1/alerts/noise', (route) => route.fulfill({ json: { status: 'success', data: report } }))
  await page.reload()
  await profile.getByText('131 alerts of weight made about 240 notices. With the profile workstation it would have been 4 alerts and about 8 notices.').waitFor(PATIENCE)
  assert.equal(await profile.locator('pre').textContent(), '[alerts]\nprofile = "workstation"')
  await profile.getByRole('link', { name: 'Look at each rule' }).click()
  await panel(page).getByText('131 alerts of weight made about 240 notices.').waitFor(PATIENCE)
})

onPage('axe finds nothing in the report, and it fits a phone', async (page) => {
  await panel(page).and(page.locator('[data-face="data"]')).waitFor(PATIENCE)
  await page.evaluate(AXE)
  for (const width of [360, 1440]) {
    await page.setViewportSize({ width, height: 900 })
    const found = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run('[data-panel="noise"]', { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
      return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}`))
    })
    assert.deepEqual(found, [], `${width} px`)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`)
  }
})
