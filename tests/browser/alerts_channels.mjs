/**
 * Channels on the page of alerts: a test to a real receiver and what became of it, and deliveries that fail and work again.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, test } from 'node:test'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 30_000 }
/** What came, and what is answered. */
const taken = /** @type {any[]} */ ([])
let answer = 200
const receiver = createServer((req, res) => {
  let body = ''
  req.on('data', (part) => { body += part })
  req.on('end', () => {
    taken.push({ path: req.url, body: JSON.parse(body) })
    res.writeHead(answer).end(answer === 200 ? '' : 'not now')
  })
})
await new Promise((listens) => { receiver.listen(0, '127.0.0.1', () => listens(undefined)) })
after(() => receiver.close())
const { port } = /** @type {import('node:net').AddressInfo} */ (receiver.address())

const QUIET = ['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance', 'task_failure_rate', 'github_failure_rate']
  .map((rule) => `[alerts.rules.${rule}]\nexpr = "none > 0"\nseverity = "info"\nenabled = false\n`).join('')
const { service, withPage } = await withService(`${QUIET}[optimizer]\nenabled = false\n[notify.channels.ops]\nkind = "webhook"\nurl = "http://127.0.0.1:${port}/hook/s3cret"\n`)

/** @param {string} name @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body */
const onPage = (name, body) => test(name, () => withPage(async (watched) => {
  await watched.page.goto(`${service.url}/#/alerts`)
  await watched.page.locator('[data-panel="channels"][data-face="data"]').waitFor(PATIENCE)
  await body(watched.page, watched)
}))

onPage('a test is sent by keyboard, comes to the receiver, and its outcome is said in words', async (page) => {
  const row = page.locator('[data-row="channel ops"]')
  const button = row.getByRole('button', { name: 'Send a test over ops' })
  await button.focus()
  await page.keyboard.press('Enter')
  await row.getByRole('status').filter({ hasText: 'The test was delivered.' }).waitFor(PATIENCE)
  assert.equal(taken.at(-1).path, '/hook/s3cret')
  assert.equal(taken.at(-1).body.commonLabels.alertname, 'test')
  assert.ok(await button.evaluate((e) => e === document.activeElement), 'the focus stays')
  answer = 500
  await page.keyboard.press('Enter')
  await row.getByRole('status').filter({ hasText: 'The test was not delivered: status 500: not now.' }).waitFor(PATIENCE)
  answer = 200
})

onPage('a channel opens to where it sends, without its secret, and to where it is set', async (page) => {
  const row = page.locator('[data-row="channel ops"]')
  await row.locator('.fold-button').click()
  assert.match(await row.innerText(), new RegExp(`127\\.0\\.0\\.1:${port}`))
  assert.match(await row.innerText(), /\[notify\.channels\.ops\] of Settings\.toml/)
  assert.doesNotMatch(await page.locator('body').innerText(), /s3cret/)
  assert.equal(await page.locator('[data-panel="channels"] .copy').count(), 0, 'who has a channel needs no example')
})

onPage('notices that cannot be delivered are said with their reason and the next try, until they are delivered', async (page) => {
  answer = 503
  const rule = await fetch(`${service.url}/api/v1/rules/always`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ expr: 'system_cpu_utilization_ratio >= 0', severity: 'warning' }) })
  assert.equal(rule.status, 200, await rule.text())
  const row = page.locator('[data-row="channel ops"]')
  await row.locator('.channel-state', { hasText: /1 notice cannot be delivered since .*: status 503: not now; next try/ }).waitFor(PATIENCE)
  await row.getByRole('img', { name: 'fails' }).waitFor(PATIENCE)
  answer = 200
  await row.locator('.channel-state', { hasText: /last delivered/ }).waitFor({ timeout: 60_000 })
  assert.equal(taken.at(-1).body.alerts[0].labels.alertname, 'always')
})
