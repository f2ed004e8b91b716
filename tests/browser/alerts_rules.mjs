/**
 * Rules written in the dashboard: what they would have done while one writes, mistakes in their place, saving, changing, deleting and the
 * way back from each, a change of somebody else, rules that are set elsewhere.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const { service, withPage } = await withService('[optimizer]\nenabled = false\n', async (service) => {
  // A week of minutes in which the queue was long three times, for ten minutes each.
  const end = Math.floor(Date.now() / 60_000) * 60
  const times = Array.from({ length: 7 * 1440 - 10 }, (_, i) => end - i * 60).reverse()
  const values = times.map((_, i) => ([2000, 5000, 8000].some((from) => i >= from && i < from + 10) ? 9 : 1))
  const line = JSON.stringify({ metric: { __name__: 'shop_queue', queue: 'mail' }, values, timestamps: times.map((t) => t * 1000) })
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: line })
  assert.equal(answer.status, 200, await answer.text())
})

/** @param {string} name @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
const onPage = (name, body, options) => test(name, () => withPage(async (watched) => {
  await watched.page.goto(`${service.url}/#/alerts`)
  await watched.page.locator('[data-panel="rules"][data-face="data"]').waitFor(PATIENCE)
  await body(watched.page, watched)
}, options))

/** @param {import('playwright-core').Page} page */
const editor = (page) => page.locator('[data-panel="rule-editor"]')
/** What is said of the last days, once it is of what is written. @param {import('playwright-core').Page} page @param {string|RegExp} words */
const would = (page, words) => page.locator('.would[data-state="ready"] .would-words', { hasText: words }).waitFor(PATIENCE)
/** @param {string} name @returns {Promise<any>} */
const ruleOf = async (name) => (await (await fetch(`${service.url}/api/v1/rules/${name}`)).json()).data
/** @param {string} name @param {object} rule */
const give = (name, rule) => fetch(`${service.url}/api/v1/rules/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(rule) })
/** @param {import('playwright-core').Page} page @param {RegExp} name of what has the focus */
const focusIsOn = (page, name) => page.waitForFunction((wanted) => new RegExp(wanted).test(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''), name.source, PATIENCE)

onPage('a rule is written by keyboard, says what it would have done, is saved, and that is undone', async (page) => {
  const loaded = /** @type {string[]} */ ([])
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname))
  await page.keyboard.press('n')
  await page.waitForFunction(() => document.activeElement?.matches('.rule-name input'), undefined, PATIENCE)
  assert.ok(loaded.some((path) => /lezer|Explore/i.test(path)), 'what completes is loaded when the editor opens')
  await page.keyboard.type('long_queue')
  await editor(page).getByLabel('Expression, PromQL').focus()
  await page.keyboard.type('shop_qu')
  await page.locator('.offers li', { hasText: 'shop_queue' }).waitFor(PATIENCE)
  await page.keyboard.press('Tab')
  await page.keyboard.type(' > 5')
  await would(page, /^Would have fired 3 times in 7 days, 15\sm in all/)
  await editor(page).getByLabel('Must last').fill('')
  await would(page, /^Would have fired 3 times in 7 days, 30\sm in all, the longest 10\sm; about 6 notices\.$/)
  assert.equal(await editor(page).locator('.rule-lane .lane-warning').count(), 3)
  assert.equal(await editor(page).locator('.would-list li').count(), 3)
  await editor(page).getByLabel('Must last').fill('12m')
  await would(page, 'Would not have fired in 7 days. Its condition held 3 times, for too short a time.')
  await editor(page).getByLabel('Must last').fill('2m')
  await editor(page).getByLabel('Severity').selectOption('error')
  await editor(page).getByRole('button', { name: 'Add an annotation' }).click()
  await editor(page).getByLabel('Name of the annotation').fill('summary')
  await editor(page).getByLabel('Value of the annotation summary').fill('{{ $value }} mails wait')
  await page.keyboard.press('Enter')
  await editor(page).waitFor({ state: 'detached', ...PATIENCE })
  await focusIsOn(page, /^Undo: Rule long_queue is saved/)
  assert.deepEqual((await ruleOf('long_queue')).rule, { expr: 'shop_queue > 5', for: '2m', severity: 'error', annotations: { summary: '{{ $value }} mails wait' } })
  await page.locator('[data-row="rule long_queue"]').waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  await page.locator('[data-row="rule long_queue"]').waitFor({ state: 'detached', ...PATIENCE })
  assert.equal(await ruleOf('long_queue'), undefined)
})

onPage('mistakes are marked where they are: in the expression, a length of time, a template, a name', async (page, watched) => {
  watched.serverMayRefuse(true)
  await page.getByRole('button', { name: 'New rule' }).click()
  await editor(page).getByLabel('Name', { exact: true }).fill('a/b')
  const field = editor(page).getByLabel('Expression, PromQL')
  await field.fill('sum(rat(shop_queue[5m])) > 1')
  await editor(page).locator('.query-mistake', { hasText: /Unknown function.*Is rate\(\) meant\?/ }).waitFor(PATIENCE)
  assert.equal(await editor(page).locator('.ql-mistake').textContent(), 'rat')
  await field.fill('shop_queue > 5')
  await editor(page).getByLabel('Must last').fill('5x')
  await editor(page).getByRole('alert').filter({ hasText: '`5x` is not a length of time' }).waitFor(PATIENCE)
  assert.equal(await editor(page).getByLabel('Must last').getAttribute('aria-invalid'), 'true')
  await editor(page).getByLabel('Must last').fill('')
  await editor(page).getByRole('button', { name: 'Add an annotation' }).click()
  await editor(page).getByLabel('Name of the annotation').fill('summary')
  await editor(page).getByLabel('Value of the annotation summary').fill('{{ $value')
  await editor(page).getByRole('alert').filter({ hasText: 'annotations: "summary", at character' }).waitFor(PATIENCE)
  await editor(page).getByRole('button', { name: 'Remove the annotation summary' }).click()
  await editor(page).getByRole('button', { name: 'Save' }).click()
  await editor(page).getByRole('alert').filter({ hasText: 'a rule is named by' }).waitFor(PATIENCE)
  await field.fill('shop_quue > 5')
  await would(page, 'No series matches this in the last 7 days, so it would never have fired.')
  await editor(page).locator('.problem', { hasText: 'No series of shop_quue is known.' }).waitFor(PATIENCE)
})

onPage('a question is given up when the reader writes on', async (page) => {
  /** @type {Array<() => void>} */
  const waiting = []
  await page.route('**/api/v1/rules/preview', async (route) => {
    await new Promise((go) => { waiting.push(() => go(undefined)) })
    await route.continue().catch(() => undefined)
  })
  const given = /** @type {string[]} */ ([])
  page.on('requestfailed', (request) => { if (request.url().endsWith('/preview')) given.push(request.postData() ?? '') })
  await page.getByRole('button', { name: 'New rule' }).click()
  const field = editor(page).getByLabel('Expression, PromQL')
  await field.fill('shop_queue > 5')
  await until('it is asked', async () => waiting.length === 1)
  await field.fill('shop_queue > 6')
  await until('the first is given up, the second asked', async () => waiting.length === 2 && given.length === 1)
  for (const go of waiting) go()
  await would(page, /^Would not have fired|^Would have fired/)
})

onPage('a rule that is kept is changed; what somebody else saved meanwhile is said, and either is taken', async (page, watched) => {
  watched.serverMayRefuse(true)
  await give('kept', { expr: 'shop_queue > 5', severity: 'warning', clear: 3 })
  await page.reload()
  const row = page.locator('[data-row="rule kept"]')
  await row.locator('.fold-button').click()
  await row.getByRole('button', { name: 'Edit the rule kept' }).click()
  await editor(page).locator('code', { hasText: 'clear = 3' }).waitFor(PATIENCE)
  await editor(page).getByLabel('Expression, PromQL').fill('shop_queue > 6')
  await give('kept', { expr: 'shop_queue > 7', severity: 'warning' })
  await editor(page).getByRole('button', { name: 'Save' }).click()
  const alert = editor(page).getByRole('alert').filter({ hasText: 'Somebody else changed this rule meanwhile' })
  await alert.waitFor(PATIENCE)
  assert.match(await alert.innerText(), /It has version 2 now; you began with version 1/)
  await alert.getByRole('button', { name: 'Take theirs' }).click()
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('#query-rule'))?.value === 'shop_queue > 7', undefined, PATIENCE)
  await editor(page).getByLabel('Expression, PromQL').fill('shop_queue > 8')
  await give('kept', { expr: 'shop_queue > 9', severity: 'warning' })
  await editor(page).getByRole('button', { name: 'Save' }).click()
  await editor(page).getByRole('button', { name: 'Save mine over it' }).click()
  await editor(page).waitFor({ state: 'detached', ...PATIENCE })
  assert.deepEqual([(await ruleOf('kept')).rule.expr, (await ruleOf('kept')).version], ['shop_queue > 8', 4])
  await page.getByRole('button', { name: /^Undo: Rule kept is saved/ }).click()
  await until('it is as it was', async () => (await ruleOf('kept')).rule.expr === 'shop_queue > 9')
  // It is deleted, and comes back.
  await row.getByRole('button', { name: 'Delete the rule kept' }).click()
  await row.waitFor({ state: 'detached', ...PATIENCE })
  await focusIsOn(page, /^Undo: Rule kept is deleted/)
  await page.keyboard.press('Enter')
  await row.waitFor(PATIENCE)
  assert.equal((await ruleOf('kept')).rule.expr, 'shop_queue > 9')
  await fetch(`${service.url}/api/v1/rules/kept`, { method: 'DELETE' })
})

onPage('a rule of the settings says where it is set, and is copied as a new one; what was written is there again', async (page) => {
  const row = page.locator('[data-row="rule high_cpu_usage"]')
  await row.locator('.fold-button').click()
  await row.locator('dd', { hasText: '[alerts.rules.high_cpu_usage] of Settings.toml' }).waitFor(PATIENCE)
  assert.equal(await row.getByRole('button', { name: /^(Edit|Delete)/ }).count(), 0)
  await row.getByRole('button', { name: 'Copy high_cpu_usage as a new rule' }).click()
  assert.equal(await editor(page).getByLabel('Name', { exact: true }).inputValue(), 'high_cpu_usage_copy')
  await would(page, /^Would (not )?have fired/)
  await editor(page).getByLabel('Name', { exact: true }).fill('mine')
  await page.keyboard.press('Escape')
  await editor(page).waitFor({ state: 'detached', ...PATIENCE })
  await focusIsOn(page, /^Copy high_cpu_usage as a new rule/)
  await page.keyboard.press('Enter')
  await editor(page).locator('.row-said', { hasText: 'What you wrote and did not save.' }).waitFor(PATIENCE)
  assert.equal(await editor(page).getByLabel('Name', { exact: true }).inputValue(), 'mine')
  await editor(page).getByRole('button', { name: 'Discard it' }).click()
  await page.waitForFunction(() => /** @type {any} */ (document.querySelector('.rule-name input'))?.value === 'high_cpu_usage_copy', undefined, PATIENCE)
})

onPage('axe finds nothing in the editor, and it fits a phone', async (page) => {
  await page.goto(`${service.url}/#/alerts?edit=${encodeURIComponent('copy high_cpu_usage')}`)
  await would(page, /^Would (not )?have fired/)
  await editor(page).getByRole('button', { name: 'Add a label' }).click()
  await page.evaluate(AXE)
  for (const width of [360, 1440, 2560]) {
    await page.setViewportSize({ width, height: 900 })
    const found = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
      return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}`))
    })
    assert.deepEqual(found, [], `${width} px`)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`)
  }
})
