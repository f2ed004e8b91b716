/**
 * Explore and Alerts by keyboard: completion, mistakes in their place, heat map, links that open the same; taking note of an alert and back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const RULES = `
[alerts.rules.always_busy]
expr = "system_cpu_utilization_ratio >= 0"
for = "0s"
severity = "warning"
[alerts.rules.many_parts]
expr = "shop_parts > 0"
for = "0s"
severity = "error"
`
const { service, withPage } = await withService(RULES, async (service) => {
  const now = Math.floor(Date.now() / 1000)
  /** @param {string} name @param {Record<string, string>} labels @param {(i: number) => number} value */
  const series = (name, labels, value) => {
    const at = Array.from({ length: 100 }, (_, i) => now - 1500 + i * 15)
    return JSON.stringify({ metric: { __name__: name, ...labels }, values: at.map((_, i) => value(i)), timestamps: at.map((t) => t * 1000) })
  }
  // Of every 15 s, one request within 0.1 s and two more within 1 s.
  const lines = [['0.1', 1], ['1', 3], ['+Inf', 3]].map(([le, per]) => series('shop_request_seconds_bucket', { le: String(le) }, (i) => i * Number(per)))
  lines.push(series('shop_odd', { name: '<img src=x onerror=alert(1)>', long: 'x'.repeat(10_000), bidi: '\u202eabc' }, (i) => i))
  for (let i = 0; i < 2000; i += 1) lines.push(series('shop_many', { item: `i${i}` }, () => i))
  for (let i = 0; i < 2000; i += 1) lines.push(JSON.stringify({ metric: { __name__: `shop_thing_${i}_bytes` }, values: [i], timestamps: [now * 1000] }))
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: lines.join('\n') })
  assert.equal(answer.status, 200, await answer.text())
  const parts = { samples: ['a', 'b', 'c'].map((part) => ({ name: 'shop_parts', labels: { part }, value: 1 })) }
  await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(parts) })
  await until('the rules fire', async () => (await service.get('/api/v1/alerts')).alerts.length >= 4)
})

/** @param {string} name @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body */
const onPage = (name, body) => test(name, () => withPage((watched) => body(watched.page, watched)))

/** @param {import('playwright-core').Page} page @param {Record<string, string>} params */
const explore = async (page, params = {}) => {
  await page.goto(`${service.url}/#/explore?${new URLSearchParams(params)}`)
  await page.locator('#query-A').waitFor(PATIENCE)
}
/** What the element that has the focus is called. @param {import('playwright-core').Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName)

onPage('a query is written with the keyboard alone, from what the service knows', async (page, watched) => {
  watched.serverMayRefuse(true)
  await explore(page)
  await page.locator('.browser[data-state="ready"]').waitFor(PATIENCE)
  await page.keyboard.press('q')
  const field = page.locator('#query-A')
  await page.keyboard.type('rat')
  await page.locator('.offers [aria-selected="true"]', { hasText: 'rate' }).waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  await page.keyboard.type('shop_req')
  await page.locator('.offers li', { hasText: 'shop_request_seconds_bucket' }).waitFor(PATIENCE)
  await page.keyboard.press('Tab')
  await page.keyboard.type('{')
  await page.locator('.offers li', { hasText: 'le' }).waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  await page.locator('.offers li', { hasText: '0.1' }).waitFor(PATIENCE)
  assert.equal(await field.getAttribute('aria-activedescendant'), 'query-A-offer-0')
  await page.locator('.offers li', { hasText: '0.1' }).waitFor(PATIENCE)
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.keyboard.press('End')
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.type('[5')
  await page.locator('.offers li', { hasText: '5m' }).first().waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  assert.match(await field.inputValue(), /^rate\(shop_request_seconds_bucket\{le="[^"]+"\}\[5m\]\)$/)
  const written = await field.inputValue()
  await page.keyboard.press('Control+z')
  assert.notEqual(await field.inputValue(), written, 'the browser takes back what was completed')
  await field.fill(written)
  await page.keyboard.press('Enter')
  await page.locator('[data-panel="answer"] .plot canvas').waitFor(PATIENCE)
  assert.equal(new URLSearchParams(page.url().split('?')[1]).get('query'), written)
})

onPage('a mistake is marked in its place, and said in words with what would be right', async (page, watched) => {
  watched.serverMayRefuse(true)
  await explore(page)
  const field = page.locator('#query-A')
  await field.fill('sum(rat(shop_many[5m]))')
  await page.locator('.query-mistake').waitFor(PATIENCE)
  assert.equal(await page.locator('.ql-mistake').textContent(), 'rat')
  assert.match(await page.locator('.query-mistake').textContent() ?? '', /Unknown function.*Is rate\(\) meant\?/)
  assert.equal(await field.getAttribute('aria-invalid'), 'true')
  await field.fill('sum(rate(shop_many[5m]))')
  await page.locator('.query-mistake').waitFor({ ...PATIENCE, state: 'detached' })
})

onPage('a query that runs is not checked besides: its answer says whether it is right', async (page, watched) => {
  watched.serverMayRefuse(true)
  /** @type {string[]} */
  const sent = []
  page.on('request', (request) => { if (request.url().includes('shop_wrong')) sent.push(new URL(request.url()).pathname) })
  await explore(page)
  const field = page.locator('#query-A')
  await field.fill('rat(shop_wrong[5m])')
  await field.press('Enter')
  await page.locator('.query-mistake').waitFor(PATIENCE)
  // A check would come after a pause of 0.4 s; what is written next is checked at the earliest after that.
  await field.fill('rat(shop_parts[5m])')
  await page.waitForRequest((request) => request.url().includes('parse_query'), PATIENCE)
  assert.deepEqual(sent, ['/api/v1/query_range'])
})

onPage('a heat map shows where observations fell, and tells count and bounds of a cell', async (page) => {
  await explore(page, { query: 'sum by (le) (increase(shop_request_seconds_bucket[step()] anchored))', view: 'heat', range: '30m' })
  const canvas = page.locator('.heat-box canvas')
  await canvas.waitFor(PATIENCE)
  const drawn = await canvas.evaluate((/** @type {HTMLCanvasElement} */ c) => {
    const at = (/** @type {number} */ x, /** @type {number} */ y) => [...c.getContext('2d')?.getImageData(Math.round(x * c.width), Math.round(y * c.height), 1, 1).data ?? []].join()
    return { over: at(0.6, 0.15), second: at(0.6, 0.45), lowest: at(0.6, 0.8) }
  })
  assert.equal(new Set(Object.values(drawn)).size, 3, `three buckets, three shades: ${JSON.stringify(drawn)}`)
  const box = await canvas.boundingBox()
  assert.ok(box)
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.45)
  const tip = page.locator('.heat-tip')
  await tip.waitFor(PATIENCE)
  assert.match((await tip.textContent() ?? '').replaceAll('\u00a0', ' '), /^2 observationsover 100 ms, up to 1 s/)
  await page.mouse.move(5, 5)
  await canvas.focus()
  await page.keyboard.press('ArrowLeft')
  await tip.waitFor(PATIENCE)
})

onPage('a link opens the same: queries, hidden ones, view, order and time', async (page) => {
  await explore(page, { query: 'shop_parts', b: 'shop_request_seconds_bucket', c: 'shop_odd', hide: 'c', view: 'table', sort: '-value', range: '1h' })
  const rows = page.locator('.answers tbody tr:not([aria-hidden])')
  await rows.first().waitFor(PATIENCE)
  const seen = await rows.allTextContents()
  assert.equal(seen.length, 6)
  const other = await page.context().newPage()
  await other.goto(page.url())
  const again = other.locator('.answers tbody tr:not([aria-hidden])')
  await again.first().waitFor(PATIENCE)
  assert.deepEqual(await again.allTextContents(), seen)
  assert.equal(await other.locator('.query-letter[aria-pressed="false"]').textContent(), 'C')
  await other.close()
})

onPage('thousands of metrics and series are listed, and said where they are cut, with few nodes', async (page) => {
  await explore(page)
  await page.locator('#metric-list [role="option"]').first().waitFor(PATIENCE)
  const search = page.getByRole('combobox', { name: /Search metrics/ })
  await search.fill('shop_thing')
  await page.locator('.browser-note', { hasText: '2000 of' }).waitFor(PATIENCE)
  await search.press('ArrowDown')
  await search.press('Enter')
  await page.locator('.chosen', { hasText: 'shop_thing' }).waitFor(PATIENCE)
  await explore(page, { query: 'shop_many', view: 'table' })
  await page.locator('[data-panel="answer"] .note', { hasText: 'There are more series than are shown' }).waitFor(PATIENCE)
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 2000)
  await explore(page, { query: 'shop_many' })
  await page.locator('[data-panel="answer"] .note', { hasText: 'of 2\u202f000 series' }).waitFor(PATIENCE)
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 2000)
  for (const view of ['graph', 'table']) {
    await explore(page, { query: 'shop_odd', metric: 'shop_odd', view })
    await page.locator('[data-panel="answer"][data-face="data"]', { hasText: 'onerror' }).waitFor(PATIENCE)
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no name widens the page')
})

onPage('a slow query is stopped on request, and asked again', async (page) => {
  /** @type {() => void} */
  let answer = () => undefined
  await page.route('**/api/v1/query_range*', async (route) => {
    await new Promise((done) => { answer = () => done(undefined) })
    await route.continue().catch(() => undefined)
  })
  await explore(page, { query: 'shop_parts' })
  await page.getByRole('button', { name: 'Stop' }).first().click(PATIENCE)
  await page.locator('[data-failed="A"]', { hasText: 'Stopped' }).waitFor(PATIENCE)
  await page.unroute('**/api/v1/query_range*')
  answer()
  await page.getByRole('button', { name: 'Ask again' }).click(PATIENCE)
  await page.locator('[data-panel="answer"] .plot canvas').waitFor(PATIENCE)
})

onPage('alerts are one row a rule in words; taking note and back keeps the focus', async (page) => {
  await page.goto(`${service.url}/#/alerts`)
  const firing = page.locator('[data-panel="firing"]')
  await firing.locator('[data-row="firing many_parts"]').waitFor(PATIENCE)
  const rows = await firing.locator('[data-row]').count()
  assert.equal(await firing.locator('.panel-head .note').textContent(), `${rows} rules`)
  for (const title of await page.locator('.fold-title').allTextContents()) assert.doesNotMatch(title, /\w+_\w+|\{/, 'no name of a metric in a headline')
  await firing.locator('[data-row="firing always_busy"] button', { hasText: 'Acknowledge' }).focus()
  await page.keyboard.press('Enter')
  const acknowledged = page.locator('[data-panel="acknowledged"]')
  await acknowledged.locator('[data-row="acknowledged always_busy"]').waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.textContent === 'Undo', undefined, PATIENCE)
  assert.match(await focused(page) ?? '', /^Undo: CPU/)
  await acknowledged.locator('.fold-button').first().click()
  await acknowledged.getByRole('button', { name: 'Add a note' }).click()
  await page.keyboard.type('the new build runs')
  await page.keyboard.press('Enter')
  await acknowledged.locator('dd', { hasText: 'the new build runs' }).first().waitFor(PATIENCE)
  await acknowledged.getByRole('button', { name: /^Undo: CPU/ }).focus()
  await page.keyboard.press('Enter')
  await firing.locator('[data-row="firing always_busy"]').waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.textContent === 'Acknowledge', undefined, PATIENCE)
  await firing.getByRole('button', { name: /^Acknowledge all 3/ }).click()
  await acknowledged.locator('[data-row="acknowledged many_parts"]').waitFor(PATIENCE)
})

onPage('a row opens to the value against the threshold, and its link opens there', async (page) => {
  await page.goto(`${service.url}/#/alerts?${new URLSearchParams({ open: 'rule many_parts' })}`)
  const row = page.locator('[data-row="rule many_parts"]')
  await row.locator('.plot canvas').waitFor(PATIENCE)
  assert.match(await row.locator('dd', { hasText: 'shop_parts > 0' }).textContent() ?? '', /shop_parts > 0/)
  await row.locator('.fold-button').click()
  await row.locator('.plot canvas').waitFor({ ...PATIENCE, state: 'detached' })
})
