/**
 * Logs: searched, filtered, opened, followed, with the real service and lines that were really sent. What others wrote is text and nothing else.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForPage, waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
/** Lines of the service `web`, one a second. */
const MANY = 260
/** What a terminal, a page and a reader could stumble over. */
const HOSTILE = ['<img src=x onerror="document.title=\'run\'"><script>document.title="run"</script>', '\u001b[31mred\u001b[0m\u001b]0;title\u0007 \u0000', '  two  spaces\n\tnext line', `right \u202eto left ${'x'.repeat(20_000)}`]

const { service, withPage } = await withService('[taskmaster]\nenabled = false\n')
let at = 0

/** @param {Record<string, string>} stream @param {Array<[number, string, Record<string, string>?]>} lines each with its time in Unix seconds */
async function push(stream, lines) {
  const values = lines.map(([time, text, more]) => [`${Math.round(time * 1000)}000000`, text, ...(more ? [more] : [])])
  const answer = await fetch(`${service.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ streams: [{ stream, values }] }) })
  assert.equal(answer.status, 204, await answer.text())
}

/** @param {string} name @param {Record<string, string>} params @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
const onLogs = (name, params, body, options) => test(name, () => withPage(async (watched) => {
  const { page } = watched
  await page.goto(`${service.url}/#/logs?${new URLSearchParams({ range: '1h', ...params })}`)
  await waitForState(page, 'live')
  await waitForPage(page, 'logs')
  await body(page, watched)
}, options))

/** @param {import('playwright-core').Page} page */
const texts = (page) => page.locator('.log-text').allInnerTexts()
/** @param {import('playwright-core').Page} page @param {string} words what stands above the list */
const noted = (page, words) => page.locator('[data-panel="log-lines"] .panel-head .note', { hasText: words }).waitFor(PATIENCE)
/** @param {import('playwright-core').Page} page */
const queryOf = (page) => new URLSearchParams(page.url().split('?')[1]).get('query')

onLogs('where nothing was sent, the page says how to send, with this address', {}, async (page) => {
  await page.locator('.logs-begin').waitFor(PATIENCE)
  assert.match(await page.locator('.logs-begin').innerText(), new RegExp(`OTEL_EXPORTER_OTLP_ENDPOINT=${service.url}\n`))
  await page.getByRole('button', { name: 'Copy: One line' }).waitFor(PATIENCE)
})

test('lines are sent', async () => {
  at = Math.floor(Date.now() / 1000) - 60
  const levels = ['info', 'info', 'info', 'warn', 'error']
  await push({ service_name: 'web', host_name: 'a' }, Array.from({ length: MANY }, (_, i) => [at - i, JSON.stringify({ msg: `request ${i}`, status: i % 5 === 4 ? 500 : 200, big: 1 }).replace('"big":1', '"big":12345678901234567890'), { level: levels[i % 5], user_id: String(i % 7), ...(i === 0 ? { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' } : {}) }]))
  await push({ job: 'hostile' }, HOSTILE.map((text, i) => [at - 300 - i, text]))
  await until('all are kept', async () => (await service.get(`/api/v1/logs/volume?${new URLSearchParams({ query: '{}' })}`)).levels.reduce((/** @type {number} */ sum, /** @type {any} */ l) => sum + l.total, 0) === MANY + HOSTILE.length)
})

onLogs('kinds of errors and warnings are counted, and each shows its lines', {}, async (page) => {
  const kinds = page.locator('[data-panel="log-kinds"]')
  await until('lines are grouped', async () => (await service.get('/api/v1/logs/templates')).templates.reduce((/** @type {number} */ sum, /** @type {any} */ t) => sum + t.count, 0) === 2 * MANY / 5)
  await page.getByRole('button', { name: 'Refresh' }).click()
  await kinds.getByRole('button', { name: 'Show' }).click(PATIENCE)
  const kind = kinds.locator('.kind', { hasText: 'request <*>' }).filter({ has: page.getByRole('img', { name: 'error' }) })
  await kind.locator('b', { hasText: String(MANY / 5) }).waitFor(PATIENCE)
  await kind.click()
  await noted(page, `${MANY / 5} of ${MANY / 5} lines`)
  await kinds.locator('.kind[aria-pressed="true"]').click()
  await noted(page, `of ${MANY + HOSTILE.length} lines`)
})

onLogs('all lines are there without a query: the newest first, counted by level, older ones on request', {}, async (page) => {
  await noted(page, `100 of ${MANY + HOSTILE.length} lines`)
  assert.match((await texts(page))[0], /^{"msg":"request 0"/)
  assert.equal(await page.locator('.volume-area').getAttribute('data-lines'), String(MANY + HOSTILE.length))
  assert.equal(await page.locator('.log-levels [data-level="error"] b').innerText(), String(MANY / 5))
  await page.getByRole('button', { name: 'Load 100 older' }).click(PATIENCE)
  await noted(page, `200 of ${MANY + HOSTILE.length}`)
  await page.getByRole('button', { name: 'Load 100 older' }).click(PATIENCE)
  await noted(page, `${MANY + HOSTILE.length} of ${MANY + HOSTILE.length}`)
  await page.getByText('These are all lines of this time.').waitFor(PATIENCE)
  const counts = await page.locator('.log-part').evaluateAll((parts) => parts.map((p) => Number(p.getAttribute('data-count'))))
  assert.equal(counts.reduce((a, b) => a + b, 0), MANY + HOSTILE.length)
})

onLogs('a query is written, its mistake marked in its place, and its link opens the same', {}, async (page, watched) => {
  watched.serverMayRefuse(true)
  await page.keyboard.press('q')
  await page.keyboard.type('{service')
  await page.locator('.offers li', { hasText: 'service_name' }).waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  await page.locator('.offers li', { hasText: 'web' }).waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  const field = page.locator('#query-logs')
  assert.equal(await field.inputValue(), '{service_name="web"}')
  await page.keyboard.press('End')
  await page.keyboard.type(' |== "500"')
  await page.keyboard.press('Enter')
  await page.locator('.query-mistake', { hasText: 'a string in' }).or(page.locator('.query-mistake', { hasText: 'A string in' })).waitFor(PATIENCE)
  assert.equal(await page.locator('.ql-mistake').textContent(), '=')
  await field.fill('{service_name="web"} | json | status >= 500')
  await page.keyboard.press('Enter')
  await noted(page, `${MANY / 5} of ${MANY / 5} lines`)
  assert.equal(queryOf(page), '{service_name="web"} | json | status >= 500')
  const seen = await texts(page)
  const other = await page.context().newPage()
  await other.goto(page.url())
  await noted(other, `${MANY / 5} of`)
  assert.deepEqual(await texts(other), seen)
  await other.close()
  await page.locator('.logs-before summary').click()
  await page.locator('.logs-before-list a', { hasText: 'status >= 500' }).waitFor(PATIENCE)
})

onLogs('labels, levels, texts and times are chosen without writing, and taken back', {}, async (page) => {
  await page.getByLabel('Filter by a label').selectOption('service_name')
  await page.getByLabel('Value of service_name').selectOption({ label: 'web' })
  await noted(page, `100 of ${MANY} lines`)
  await page.locator('.log-levels [data-level="error"]').click()
  await noted(page, `${MANY / 5} of ${MANY / 5} lines`)
  assert.equal(await page.locator('.log-levels [data-level="info"] b').innerText(), String(MANY * 3 / 5), 'the other levels can be chosen still')
  await page.getByLabel('Only lines that contain a text').fill('request 14"')
  await page.keyboard.press('Enter')
  await noted(page, '1 of 1 line,')
  assert.equal(queryOf(page), '{service_name="web"} | detected_level="error" |= "request 14\\""')
  await page.getByRole('button', { name: 'Take away: contains request 14"' }).click()
  await noted(page, `${MANY / 5} of`)
  await page.getByRole('button', { name: 'Clear' }).click()
  await noted(page, `of ${MANY + HOSTILE.length} lines`)
  const bars = await page.locator('.volume-area').boundingBox()
  assert.ok(bars)
  await page.mouse.move(bars.x + bars.width - 60, bars.y + 40)
  await page.mouse.down()
  await page.mouse.move(bars.x + bars.width - 5, bars.y + 40, { steps: 5 })
  await page.mouse.up()
  await page.waitForURL(/from=\d+&to=\d+|to=\d+.*from=\d+/, PATIENCE)
})

onLogs('a line opens to its fields, each of which filters; to its trace and the lines around it', { query: '{service_name="web"} |= "request 0"' }, async (page) => {
  await page.locator('.log-time').first().focus()
  await page.keyboard.press('Enter')
  const opened = page.locator('.log-opened')
  assert.match(await opened.locator('.log-body').innerText(), /^{\n {2}"msg": "request 0",\n {2}"status": 200,\n {2}"big": 12345678901234567890\n}$/)
  assert.match(await opened.getByRole('link', { name: 'Open its trace' }).getAttribute('href') ?? '', /^#\/logs\?.*tab=traces&trace=0af7651916cd43dd8448eb211c80319c/)
  await opened.getByRole('button', { name: 'Lines around it' }).click()
  await opened.locator('.log-around [aria-current]', { hasText: 'request 0' }).waitFor(PATIENCE)
  await opened.locator('.log-around li', { hasText: '"request 3"' }).waitFor(PATIENCE)
  await opened.getByRole('button', { name: 'Read its fields' }).click()
  await page.locator('[data-field="status"]').waitFor(PATIENCE)
  await page.locator('[data-field="user_id"]').getByRole('button', { name: /^No lines/ }).click()
  assert.equal(queryOf(page), '{service_name="web"} |= "request 0" | json | user_id!="0"')
  await page.getByText('No line of this time').waitFor(PATIENCE)
  await page.getByRole('button', { name: 'All lines' }).click()
  await noted(page, `of ${MANY + HOSTILE.length}`)
})

onLogs('a slow search is stopped on request, and asked again', {}, async (page) => {
  await noted(page, `of ${MANY + HOSTILE.length} lines`)
  await page.route('**/api/v1/logs?*', async (route) => {
    await new Promise((done) => { setTimeout(done, 8000) })
    await route.continue().catch(() => undefined)
  })
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.locator('.logs-query').getByRole('button', { name: 'Stop' }).click(PATIENCE)
  const lines = page.locator('[data-panel="log-lines"]')
  await lines.getByText('The search was stopped.').waitFor(PATIENCE)
  await page.unroute('**/api/v1/logs?*')
  await lines.getByRole('button', { name: 'Try again' }).click()
  await noted(page, `of ${MANY + HOSTILE.length} lines`)
})

onLogs('rows are walked with j and k', {}, async (page) => {
  await page.locator('.log-time').first().focus()
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  assert.equal(await page.evaluate(() => [...document.querySelectorAll('.log')].findIndex((row) => row.contains(document.activeElement))), 1)
  await page.keyboard.press('/')
  await page.getByRole('dialog', { name: 'Search' }).waitFor(PATIENCE)
})

test('from a moment of a chart to the lines around it, of the service that the chart shows', () => withPage(async ({ page }) => {
  const samples = [0, 30, 60].map((ago) => ({ name: 'shop_queue', labels: { service: 'web', core: '1' }, time: at - ago, value: ago }))
  const answer = await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples }) })
  assert.ok(answer.ok, await answer.text())
  await page.goto(`${service.url}/#/explore?${new URLSearchParams({ query: 'shop_queue', range: '15m' })}`)
  const plot = page.locator('[data-panel="answer"] .plot')
  await plot.waitFor(PATIENCE)
  await plot.focus()
  await page.keyboard.press('End')
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('PageUp')
  await page.locator('.menu-button').first().click()
  await page.getByRole('menuitem', { name: 'Logs at this moment' }).click()
  await page.locator('[data-panel="log-lines"] .log').first().waitFor(PATIENCE)
  const params = new URLSearchParams(page.url().split('?')[1])
  assert.equal(params.get('query'), '{service_name="web"}')
  assert.ok(Math.abs(Number(params.get('to')) - Number(params.get('from')) - 600) <= 1, page.url())
}))

for (const [width, height] of [[1440, 900], [360, 780]]) {
  onLogs(`what others wrote is text at ${width} px, with its white space, and signs for what a terminal would obey`, { query: '{job="hostile"}' }, async (page) => {
    await noted(page, `${HOSTILE.length} of ${HOSTILE.length}`)
    for (const button of await page.locator('.log-time').all()) await button.click()
    const bodies = await page.locator('.log-body').allInnerTexts()
    assert.equal(bodies[0], HOSTILE[0])
    assert.equal(bodies[1], '\\e[31mred\\e[0m\\e]0;title\\x07 \\x00')
    assert.equal(bodies[2], HOSTILE[2])
    assert.ok(bodies[3].startsWith('right \\u202eto left xxx') && bodies[3].endsWith('…') && bodies[3].length < 11_000)
    await page.getByRole('button', { name: /^Show all 20/ }).click()
    assert.ok((await page.locator('.log-body').nth(3).innerText()).length > 20_000)
    assert.equal(await page.evaluate(() => document.querySelectorAll('main img, main script').length), 0)
    assert.notEqual(await page.title(), 'run')
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no line widens the page')
  }, { viewport: { width, height } })
}

onLogs('a tail shows lines at the top as they come, and holds them while the reader reads', { query: '{service_name="tail"}', tail: 'on' }, async (page) => {
  await page.locator('.log-following[data-state="open"]').waitFor(PATIENCE)
  const now = () => Date.now() / 1000
  await push({ service_name: 'tail' }, [[now(), 'first']])
  await page.locator('.log-text', { hasText: 'first' }).waitFor(PATIENCE)
  await push({ service_name: 'tail' }, [[now(), 'second', { level: 'error' }]])
  await page.locator('.log[data-level="error"] .log-text', { hasText: 'second' }).waitFor(PATIENCE)
  assert.deepEqual(await texts(page), ['second', 'first'])
  await page.locator('.log').first().hover()
  await push({ service_name: 'tail' }, [[now(), 'third'], [now() + 0.001, 'fourth']])
  const more = page.getByRole('button', { name: '2 new lines' })
  await more.waitFor(PATIENCE)
  assert.deepEqual(await texts(page), ['second', 'first'])
  await more.click()
  await page.locator('.log-text', { hasText: 'fourth' }).waitFor(PATIENCE)
  assert.deepEqual(await texts(page), ['fourth', 'third', 'second', 'first'])
  await page.mouse.move(5, 300)
  await page.getByRole('button', { name: 'Pause' }).click()
  await push({ service_name: 'tail' }, [[now(), 'fifth']])
  await page.getByRole('button', { name: '1 new line' }).waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Go on' }).click()
  await page.locator('.log-text', { hasText: 'fifth' }).waitFor(PATIENCE)
  await push({ service_name: 'other' }, [[now(), 'not asked for']])
  await push({ service_name: 'tail' }, Array.from({ length: 1300 }, (_, i) => [now() + i / 1e6, `burst ${i}`]))
  await page.locator('.log-between', { hasText: 'a tail keeps' }).waitFor(PATIENCE)
  assert.equal((await texts(page)).filter((text) => text === 'not asked for').length, 0)
})

test('a tail goes on after the service was away, and shows no line twice', () => withPage(async ({ page, serverMayBeGone, serverMayRefuse }) => {
  serverMayBeGone(true)
  serverMayRefuse(true)
  await page.goto(`${service.url}/#/logs?${new URLSearchParams({ query: '{service_name="away"}', tail: 'on' })}`)
  await page.locator('.log-following[data-state="open"]').waitFor(PATIENCE)
  await push({ service_name: 'away' }, [[Date.now() / 1000, 'before']])
  await page.locator('.log-text', { hasText: 'before' }).waitFor(PATIENCE)
  await service.kill()
  await page.locator('.log-following[data-state="lost"]').waitFor(PATIENCE)
  await service.start()
  await push({ service_name: 'away' }, [[Date.now() / 1000, 'meanwhile']])
  await page.locator('.log-text', { hasText: 'meanwhile' }).waitFor({ timeout: 60_000 })
  assert.deepEqual(await texts(page), ['meanwhile', 'before'])
}))
