/**
 * Alerts: silences and maintenance windows by mouse and by keyboard, with a way back from each; the service keeps what the page says.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const QUIET = ['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance', 'task_failure_rate', 'github_failure_rate']
  .map((rule) => `[alerts.rules.${rule}]\nexpr = "none > 0"\nseverity = "info"\nenabled = false\n`).join('')
const { service, withPage } = await withService(`${QUIET}[optimizer]
enabled = false
[alerts.rules.always_busy]
expr = "system_cpu_utilization_ratio >= 0"
severity = "warning"
[alerts.rules.many_parts]
expr = "shop_parts > 0"
severity = "error"
[alerts.rules.from_busy]
expr = "system_cpu_utilization_ratio >= 0"
severity = "info"
[notify.inhibit.busy]
source = ['alertname="always_busy"']
target = ['alertname="from_busy"']
[notify.maintenance.backup]
times = ["sun 02:00-04:00"]
match = ['source="system"']
comment = "the weekly backup"
`, async (service) => {
  const parts = { samples: ['a', 'b', 'c'].map((part) => ({ name: 'shop_parts', labels: { part }, value: 1 })) }
  await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(parts) })
  await until('the rules fire', async () => (await service.get('/api/v1/alerts')).alerts.length >= 5)
})

/** @param {string} name @param {(page: import('playwright-core').Page) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
const onPage = (name, body, options) => test(name, () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/alerts`)
  await page.locator('[data-row="firing many_parts"]').waitFor(PATIENCE)
  await page.locator('[data-panel="silences"]:not([data-face="loading"])').waitFor(PATIENCE)
  await body(page)
}, options))

/** @returns {Promise<any[]>} those that are in force */
const silences = async () => (await (await fetch(`${service.url}/api/v2/silences`)).json()).filter((/** @type {any} */ s) => s.status.state === 'active')
/** @param {any[]} matchers */
const texts = (matchers) => matchers.map((m) => `${m.name}=${m.value}`).join()
/** @param {import('playwright-core').Page} page @param {string} text of what has the focus */
const focusIsOn = (page, text) => page.waitForFunction((wanted) => document.activeElement?.textContent === wanted, text, PATIENCE)

onPage('an alert is silenced from its row by keyboard, and its silence ends by the same key', async (page) => {
  const row = page.locator('[data-row="firing always_busy"]')
  await row.locator('.fold-button').first().focus()
  await page.keyboard.press('s')
  const form = page.getByRole('form', { name: /^Silence: CPU/ })
  await form.waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.matches('.row-form select'), undefined, PATIENCE)
  await form.getByLabel('For').selectOption('4h')
  await form.getByLabel('Why').fill('a long build')
  await page.keyboard.press('Enter')
  await row.locator('.need-since', { hasText: 'silenced until' }).first().waitFor(PATIENCE)
  await focusIsOn(page, 'End silence')
  const [made] = await silences()
  assert.deepEqual([texts(made.matchers).split(',')[0], made.comment, made.createdBy], ['alertname=always_busy', 'a long build', 'the dashboard'])
  assert.ok(Math.abs(Date.parse(made.endsAt) - Date.now() - 4 * 3_600_000) < 60_000, made.endsAt)
  // It still fires: a silence is about notices.
  assert.equal((await service.get('/api/v1/alerts')).alerts.filter((/** @type {any} */ a) => a.rule === 'always_busy' && a.state === 'firing').length, 1)
  const listed = page.locator(`[data-row="silence ${made.id}"]`)
  assert.match(await listed.innerText(), /Always busy.*a long build.*ends in 4\sh/s)
  await page.keyboard.press('s')
  await focusIsOn(page, 'Silence')
  assert.equal((await silences()).length, 0)
  await listed.waitFor({ state: 'detached', ...PATIENCE })
})

onPage('a silence of a whole rule ends in its list, and that is undone with the end that it had', async (page) => {
  const row = page.locator('[data-row="firing many_parts"]')
  await row.getByRole('button', { name: /^Silence/ }).click()
  await page.getByRole('form', { name: /^Silence/ }).getByRole('button', { name: 'Silence' }).click()
  await row.locator('.need-since', { hasText: 'silenced until' }).waitFor(PATIENCE)
  const [made] = await silences()
  assert.equal(texts(made.matchers), 'alertname=many_parts')
  const panel = page.locator('[data-panel="silences"]')
  await panel.locator('.fold-button').click()
  await panel.locator('dd', { hasText: 'the notices of 3 alerts' }).waitFor(PATIENCE)
  await panel.getByRole('button', { name: 'End the silence: Many parts' }).click()
  await panel.locator(`[data-row="over ${made.id}"]`).waitFor(PATIENCE)
  await focusIsOn(page, 'Undo')
  assert.equal((await silences()).length, 0)
  await page.keyboard.press('Enter')
  await until('it is silenced again', async () => (await silences()).length === 1)
  const [again] = await silences()
  assert.deepEqual([texts(again.matchers), again.endsAt], [texts(made.matchers), made.endsAt])
  await focusIsOn(page, 'End')
  await page.keyboard.press('Enter')
  await until('it is over', async () => (await silences()).length === 0)
})

onPage('one alert of a rule is silenced until a time, and the others go on', async (page) => {
  await page.locator('[data-row="firing many_parts"] > .fold-head .fold-button').click()
  const alert = page.locator('[data-row="firing many_parts"] .instance').nth(1)
  await alert.getByRole('button', { name: /^Silence/ }).click()
  const form = alert.getByRole('form')
  await form.getByLabel('For').selectOption('until')
  await form.getByRole('textbox', { name: 'Until' }).fill('2020-01-01T10:00')
  await form.getByRole('button', { name: 'Silence' }).click()
  await form.getByRole('alert').filter({ hasText: 'The end must be a time in the future' }).waitFor(PATIENCE)
  const end = new Date(Date.now() + 7_200_000)
  const field = new Date(end.getTime() - end.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
  await form.getByRole('textbox', { name: 'Until' }).fill(field)
  await form.getByRole('button', { name: 'Silence' }).click()
  await page.locator('[data-row="firing many_parts"] > .fold-head .need-since', { hasText: '1 of 3 silenced until' }).waitFor(PATIENCE)
  const [made] = await silences()
  assert.equal(Date.parse(made.endsAt), Date.parse(new Date(field).toISOString()))
  assert.match(texts(made.matchers), /^alertname=many_parts,.*part=/)
  await alert.getByRole('button', { name: /^End the silence/ }).click()
  await until('it is over', async () => (await silences()).length === 0)
})

onPage('a silence is written as matchers; what cannot be read is said; Escape leads back to the button', async (page) => {
  const panel = page.locator('[data-panel="silences"]')
  await panel.getByRole('button', { name: 'New silence' }).click()
  const form = page.getByRole('form', { name: 'New silence' })
  await page.waitForFunction(() => document.activeElement?.matches('.row-form input'), undefined, PATIENCE)
  await page.keyboard.type('part=b')
  await page.keyboard.press('Enter')
  await form.getByRole('alert').filter({ hasText: 'Write which alerts' }).waitFor(PATIENCE)
  await page.keyboard.press('Escape')
  await focusIsOn(page, 'New silence')
  await page.keyboard.press('Enter')
  await form.getByLabel('Which alerts').fill('part=~"a|b"')
  await page.keyboard.press('Enter')
  await panel.locator('.fold-title', { hasText: 'Alerts where part is like a|b' }).waitFor(PATIENCE)
  await page.locator('[data-row="firing many_parts"] .need-since', { hasText: '2 of 3 silenced until' }).waitFor(PATIENCE)
  for (const { id } of await silences()) await fetch(`${service.url}/api/v2/silence/${id}`, { method: 'DELETE' })
})

onPage('maintenance windows say when and where they are set; one of REST is removed and comes back', async (page) => {
  await fetch(`${service.url}/api/v1/maintenance/move`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ times: ['00:00-24:00'], match: ['part="a"'], comment: 'the move' }) })
  await page.reload()
  const panel = page.locator('[data-panel="maintenance"]')
  const [fixed, given] = [panel.locator('[data-row="maintenance backup"]'), panel.locator('[data-row="maintenance move"]')]
  await given.waitFor(PATIENCE)
  assert.match(await fixed.innerText(), /backup.*sun 02:00-04:00/s)
  await fixed.locator('.fold-button').click()
  assert.match(await fixed.innerText(), /\[notify\.maintenance\.backup\] of Settings\.toml/)
  assert.equal(await fixed.getByRole('button', { name: /Remove/ }).count(), 0)
  await page.locator('[data-row="firing many_parts"] .need-since', { hasText: '1 of 3 no notice during move' }).waitFor(PATIENCE)
  await given.getByRole('button', { name: 'Remove the maintenance window move' }).focus()
  await page.keyboard.press('Enter')
  await focusIsOn(page, 'Undo')
  assert.deepEqual((await service.get('/api/v1/maintenance')).map((/** @type {any} */ w) => w.name), ['backup'])
  await page.keyboard.press('Enter')
  await focusIsOn(page, 'Remove')
  const [, again] = await service.get('/api/v1/maintenance')
  assert.deepEqual([again.name, again.times, again.match, again.comment], ['move', ['00:00-24:00'], ['part="a"'], 'the move'])
  await fetch(`${service.url}/api/v1/maintenance/move`, { method: 'DELETE' })
})

onPage('an alert that follows from another stands below it, and says so', async (page) => {
  const cause = page.locator('[data-row="firing always_busy"]')
  await cause.locator('[data-row="firing from_busy"]').waitFor(PATIENCE)
  assert.match(await cause.innerText(), /Follows from it, without a notice of its own/)
  assert.equal(await page.locator('[data-panel="firing"] .panel-head .note').innerText(), '2 causes, 1 follows')
  assert.match(await page.locator('.nav .nav-count').innerText(), /^2\s/, 'the count leads to as many rows')
  // Where its cause is taken note of, it stays below that, and asks for nothing.
  await cause.locator('[data-act="acknowledge"]').first().click()
  await page.locator('[data-row="acknowledged always_busy"] [data-row="firing from_busy"]').waitFor(PATIENCE)
  assert.match(await page.locator('.nav .nav-count').innerText(), /^1\s/)
  await page.locator('[data-row="acknowledged always_busy"] [data-act="acknowledge"]').first().click()
  await cause.locator('[data-row="firing from_busy"]').waitFor(PATIENCE)
})

onPage('an alert is silenced from the first screen by a key', async (page) => {
  await page.goto(`${service.url}/#/now`)
  const cause = page.locator('.causes [data-rule="many_parts"]')
  await cause.locator('.cause-action').focus(PATIENCE)
  await page.keyboard.press('s')
  await page.getByRole('form', { name: /^Silence: Shop parts/ }).waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.matches('.row-form select'), undefined, PATIENCE)
  assert.doesNotMatch(page.url(), /silence=/, 'a link to the page asks nobody again')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await focusIsOn(page, 'End silence')
  assert.deepEqual((await silences()).map((s) => texts(s.matchers)), ['alertname=many_parts'])
  await page.keyboard.press('Enter')
  await until('it is over', async () => (await silences()).length === 0)
})

onPage('names and comments of any length widen nothing, and are text', async (page) => {
  const long = `<img src=x onerror=alert(1)>${'x'.repeat(3000)}`
  const rule = 'r'.repeat(200)
  const json = { 'content-type': 'application/json' }
  await fetch(`${service.url}/api/v1/rules/${rule}`, { method: 'PUT', headers: json, body: JSON.stringify({ expr: `nothing_${'y'.repeat(500)} > 1`, severity: 'info' }) })
  const ends = new Date(Date.now() + 3_600_000).toISOString()
  const answer = await fetch(`${service.url}/api/v2/silences`, { method: 'POST', headers: json, body: JSON.stringify({ matchers: [{ name: 'z'.repeat(300), value: long, isRegex: false, isEqual: true }], startsAt: new Date().toISOString(), endsAt: ends, createdBy: long, comment: long }) })
  const { silenceID } = await answer.json()
  try {
    await page.goto(`${service.url}/#/alerts?${new URLSearchParams({ edit: `rule ${rule}`, open: `silence ${silenceID}` })}`)
    await page.reload()
    await page.locator('.rule-form .would[data-state="ready"]').waitFor(PATIENCE)
    await page.locator('[data-panel="silences"] dd', { hasText: 'onerror' }).first().waitFor(PATIENCE)
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 800 })
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`)
    }
    assert.equal(await page.locator('main img').count(), 0)
  } finally {
    await fetch(`${service.url}/api/v1/rules/${rule}`, { method: 'DELETE' })
    await fetch(`${service.url}/api/v2/silence/${silenceID}`, { method: 'DELETE' })
  }
})

onPage('on a phone the forms of a silence fit, nothing is wider than the page, and axe finds nothing', async (page) => {
  await page.locator('[data-row="firing always_busy"]').getByRole('button', { name: /^Silence/ }).first().click()
  await page.getByRole('form', { name: /^Silence/ }).getByLabel('For').selectOption('until')
  await page.locator('[data-panel="silences"]').getByRole('button', { name: 'New silence' }).click()
  assert.equal(await page.locator('.row-form').count(), 2)
  await page.locator('[data-row="channel console"] .fold-button').click()
  await page.evaluate(AXE)
  for (const [width, colorScheme] of /** @type {Array<[number, 'light'|'dark']>} */ ([[360, 'light'], [1440, 'dark']])) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.setViewportSize({ width, height: 780 })
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width} px`)
    const found = await page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })
      return violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`))
    })
    assert.deepEqual(found, [], `${width} px, ${colorScheme}`)
  }
}, { viewport: { width: 360, height: 780 } })
