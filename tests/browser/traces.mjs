/**
 * Traces: searched by form and by text, read as a waterfall by keyboard and by pointer, and the map of services; spans as OpenTelemetry sends them.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const SHOP = 'f00d'.repeat(8)
const OTHER = 'cafe'.repeat(8)
const LONG = 'beef'.repeat(8)
const HOSTILE = 'dead'.repeat(8)
const MANY = 10_000
/** Hours that began are counted up to the present: spans lie a little before it. */
const BEGIN = Math.floor(Date.now() / 1000) - 120

/** @typedef {{ trace: string, id: string, parent?: string, service: string, name: string, kind: number, from: number, to: number, error?: string, attributes?: Record<string, string>, events?: Array<[number, string]>, link?: string }} Sent */
/** An id of a span from a short name. @param {string} text */
const idOf = (text) => Buffer.from(text).toString('hex').padStart(16, '0').slice(-16)
/** @param {number} seconds since the beginning */
const nanos = (seconds) => String(BigInt(BEGIN) * 1_000_000_000n + BigInt(Math.round(seconds * 1e9)))
/** @param {Record<string, string>} pairs */
const attributes = (pairs) => Object.entries(pairs).map(([key, stringValue]) => ({ key, value: { stringValue } }))

/** @type {Sent[]} */
const SPANS = [
  { trace: SHOP, id: 'a1', service: 'web', name: 'GET /cart', kind: 2, from: 0, to: 0.42 },
  { trace: SHOP, id: 'a2', parent: 'a1', service: 'web', name: 'ask shop', kind: 3, from: 0.01, to: 0.39 },
  { trace: SHOP, id: 'b1', parent: 'a2', service: 'shop', name: 'GET /cart/{id}', kind: 2, from: 0.006, to: 0.376, error: 'stock does not answer', attributes: { 'http.method': 'GET', 'user id': '7' } },
  { trace: SHOP, id: 'b2', parent: 'b1', service: 'shop', name: 'SELECT cart', kind: 1, from: 0.03, to: 0.08, events: [[0.05, 'row locked']] },
  { trace: SHOP, id: 'b3', parent: 'b1', service: 'shop', name: 'ask stock', kind: 3, from: 0.09, to: 0.34, error: 'timeout', link: OTHER },
  { trace: SHOP, id: 'c1', parent: 'b3', service: 'stock', name: 'GET /stock', kind: 2, from: 0.1, to: 0.6 },
  { trace: SHOP, id: 'd1', parent: 'gone', service: 'mail', name: 'send', kind: 5, from: 0.2, to: 0.3 },
  { trace: OTHER, id: 'o1', service: 'web', name: 'POST /order', kind: 2, from: 5, to: 7 },
  { trace: HOSTILE, id: 'h1', service: '<img src=x onerror=alert(1)>', name: '\u202eevil', kind: 2, from: 8, to: 8.1, attributes: { '<b>key</b>': 'x'.repeat(3000) } },
  ...Array.from({ length: MANY }, (_, i) => ({ trace: LONG, id: `s${i}`, ...(i ? { parent: i < 100 ? `s${i - 1}` : `s${i % 100}` } : {}), service: i % 2 ? 'batch' : 'loader', name: `step ${i}`, kind: 1, from: 10 + i / 5000, to: 12.5 - i / 1e5 })),
]

/** As OpenTelemetry's exporters send them. @param {Sent[]} spans */
const request = (spans) => ({
  resourceSpans: [...new Set(spans.map(({ service }) => service))].map((service) => ({
    resource: { attributes: attributes({ 'service.name': service, 'host.name': 'h1' }) },
    scopeSpans: [{
      scope: { name: 'browser test', version: '1' },
      spans: spans.filter((s) => s.service === service).map((s) => ({
        traceId: s.trace, spanId: idOf(s.id), ...(s.parent ? { parentSpanId: idOf(s.parent) } : {}), name: s.name, kind: s.kind, startTimeUnixNano: nanos(s.from), endTimeUnixNano: nanos(s.to),
        status: s.error ? { code: 2, message: s.error } : {}, attributes: attributes(s.attributes ?? {}), events: (s.events ?? []).map(([at, name]) => ({ timeUnixNano: nanos(at), name, attributes: attributes({ why: 'busy' }) })),
        links: s.link ? [{ traceId: s.link, spanId: idOf('o1'), attributes: [] }] : [],
      })),
    }],
  })),
})

const { service, withPage } = await withService('', async (service) => {
  /** @param {string} path @param {unknown} body */
  const send = async (path, body) => {
    const answer = await fetch(`${service.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    assert.equal(answer.status, 200, await answer.text())
  }
  for (let i = 0; i < SPANS.length; i += 2000) await send('/v1/traces', request(SPANS.slice(i, i + 2000)))
  const line = (/** @type {number} */ at, /** @type {string} */ text, /** @type {string} */ span) => ({ timeUnixNano: nanos(at), severityNumber: 17, body: { stringValue: text }, traceId: SHOP, spanId: idOf(span) })
  await send('/v1/logs', { resourceLogs: [{ resource: { attributes: attributes({ 'service.name': 'shop' }) }, scopeLogs: [{ logRecords: [line(0.2, 'stock is \u001b[31mslow\u001b[0m', 'b3'), line(0.05, 'cart read', 'b2')] }] }] })
  await until('the traces are found', async () => (await service.get('/api/v1/traces?limit=50')).traces.length === 4)
  await until('their lines are found', async () => (await service.get(`/api/v1/logs?query=${encodeURIComponent('{service_name="shop"}')}`)).lines.length === 2)
})

/** @param {string} name @param {(page: import('playwright-core').Page, watched: import('./browser.mjs').Watched) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
const onPage = (name, body, options) => test(name, () => withPage((watched) => body(watched.page, watched), options))

/** @param {import('playwright-core').Page} page @param {Record<string, string>} [params] */
const open = (page, params = {}) => page.goto(`${service.url}/#/logs?${new URLSearchParams({ tab: 'traces', ...params })}`)
/** @param {import('playwright-core').Page} page @param {string} id @param {Record<string, string>} [params] */
async function openTrace(page, id, params = {}) {
  await open(page, { trace: id, ...params })
  await page.locator('.waterfall-rows [role="treeitem"]').first().waitFor(PATIENCE)
}
/** @param {import('playwright-core').Page} page */
const addressOf = (page) => new URLSearchParams(new URL(page.url()).hash.split('?')[1])
/** Answers for the map from the second one on: the same services and calls in another order, with other figures. @param {import('playwright-core').Page} page @param {number} rate of each service, a second */
async function withOtherFigures(page, rate) {
  let asked = 0
  await page.route('**/api/v1/traces/services?*', async (route) => {
    asked += 1
    if (asked === 1) return route.continue()
    const response = await route.fetch()
    const { data, ...rest } = await response.json()
    return route.fulfill({ response, json: { ...rest, data: { ...data, services: data.services.map((/** @type {any} */ one) => ({ ...one, rate: one.requests > 0 ? rate : one.rate })).reverse(), edges: data.edges.reverse() } } })
  })
}
/** The row that keys act on, as it is read out. @param {import('playwright-core').Page} page */
const active = (page) => page.evaluate(() => {
  const row = document.getElementById(document.querySelector('[role="tree"]')?.getAttribute('aria-activedescendant') ?? '')?.cloneNode(true)
  if (!(row instanceof HTMLElement)) return ''
  row.querySelectorAll('[aria-hidden="true"]').forEach((hidden) => hidden.remove())
  return [...row.querySelectorAll('*')].flatMap((e) => [...e.childNodes]).filter((n) => n.nodeType === 3).map((n) => n.textContent?.trim()).filter(Boolean).join(' ')
})
/** @param {import('playwright-core').Page} page @param {RegExp} words */
const untilActive = async (page, words) => until(`${words} is active`, async () => words.test(await active(page)), PATIENCE.timeout)

onPage('the form writes the query, the query is the address, and what it finds opens and is found again', async (page) => {
  await open(page)
  const list = page.locator('.trace-list')
  await list.locator('a').first().waitFor(PATIENCE)
  assert.equal(await list.locator('a').count(), 4)
  await page.getByRole('combobox', { name: 'Status' }).selectOption('error')
  await page.waitForFunction(() => document.querySelectorAll('.trace-list a').length === 1, undefined, PATIENCE)
  const text = page.getByRole('textbox', { name: 'Query, TraceQL' })
  assert.equal(await text.inputValue(), '{ status = error }')
  assert.match(await list.textContent() ?? '', /web GET \/cart.*600\smsx?.*7 spans.*2 errors/s)
  await page.getByRole('combobox', { name: 'Service' }).or(page.getByLabel('Service', { exact: true })).first().fill('shop')
  await page.keyboard.press('Enter')
  await until('both conditions are in the address', async () => addressOf(page).get('tq') === '{ resource.service.name = "shop" && status = error }')
  await list.locator('a').first().click(PATIENCE)
  await page.locator('[data-panel="waterfall"]').waitFor(PATIENCE)
  assert.equal(addressOf(page).get('trace'), SHOP)
  await page.getByRole('link', { name: 'All traces' }).click(PATIENCE)
  await page.waitForFunction((id) => document.activeElement?.getAttribute('data-trace') === id, SHOP, PATIENCE)
  assert.equal(await page.getByLabel('Service', { exact: true }).inputValue(), 'shop', 'the form reads the query back')
  await text.fill(OTHER)
  await page.keyboard.press('Enter')
  await page.locator('[data-panel="trace"] h2', { hasText: 'POST /order' }).waitFor(PATIENCE)
  await page.goBack()
  await list.locator('a').first().waitFor(PATIENCE)
  await text.fill('{ duration > 1s }')
  await page.keyboard.press('Enter')
  await page.getByText('This query says more than the form can show').waitFor(PATIENCE)
  await page.waitForFunction(() => document.querySelectorAll('.trace-list a').length === 2, undefined, PATIENCE)
  await page.getByRole('button', { name: 'Clear' }).click(PATIENCE)
  await page.waitForFunction(() => document.querySelectorAll('.trace-list a').length === 4, undefined, PATIENCE)
  await page.getByRole('combobox', { name: 'Order' }).selectOption('longest')
  await page.waitForFunction((id) => document.querySelector('.trace-list a')?.getAttribute('data-trace') === id, LONG, PATIENCE)
})

onPage('a mistake is marked in its place, and a field says what is wrong with it', async (page, watched) => {
  watched.serverMayRefuse(true)
  await open(page, { tq: '{ nonsense = "x" }' })
  await page.locator('#traces-mistake').waitFor(PATIENCE)
  assert.match(await page.locator('.traces-query .ql-mistake').textContent() ?? '', /nonsense/)
  await page.getByText('The query has a mistake').waitFor(PATIENCE)
  // The next query is not blamed while its answer is under way.
  let answer = () => {}
  const held = new Promise((resolve) => { answer = () => resolve(undefined) })
  await page.route('**/api/v1/traces?*', async (route) => {
    await held
    await route.continue()
  })
  const text = page.getByRole('textbox', { name: 'Query, TraceQL' })
  await text.fill('{ duration > 1s }')
  await page.keyboard.press('Enter')
  await page.locator('[data-panel="traces"][data-face="loading"]').waitFor(PATIENCE)
  assert.equal(await page.locator('#traces-mistake').count(), 0)
  answer()
  await page.locator('.trace-list a').first().waitFor(PATIENCE)
  await page.unroute('**/api/v1/traces?*')
  await text.fill('{ nonsense = "x" }')
  await page.keyboard.press('Enter')
  await page.locator('#traces-mistake').waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Begin with the form' }).click(PATIENCE)
  await page.getByLabel('Span lasts at least').fill('100')
  await page.keyboard.press('Enter')
  await page.getByText('A number and its unit').waitFor(PATIENCE)
  assert.equal(addressOf(page).get('tq'), null)
  await page.getByLabel(/^Span lasts at least/).fill('1s')
  await page.keyboard.press('Enter')
  await until('it is asked', async () => addressOf(page).get('tq') === '{ duration >= 1s }')
})

onPage('a trace is walked through by keyboard, as every tree', async (page) => {
  await openTrace(page, SHOP)
  const tree = page.getByRole('tree', { name: 'Spans' })
  await tree.focus()
  await page.keyboard.press('Home')
  await untilActive(page, /^web GET \/cart 420\sms begins at \+0\ss, on the critical path, 5 spans below$/)
  await page.keyboard.press('ArrowRight')
  await untilActive(page, /^web ask shop/)
  await page.keyboard.press('ArrowDown')
  await untilActive(page, /^shop GET \/cart\/\{id\} error 370\sms · 4\sms before its parent/)
  await page.keyboard.press('ArrowLeft')
  await page.locator('[role="treeitem"][aria-expanded="false"]').waitFor(PATIENCE)
  await page.keyboard.press('ArrowDown')
  await untilActive(page, /^Parent not received: 1 span$/)
  await page.keyboard.press('ArrowDown')
  await untilActive(page, /^mail send/)
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  const side = page.getByRole('complementary', { name: 'Span' })
  await side.getByText('stock does not answer').waitFor(PATIENCE)
  assert.equal(addressOf(page).get('span'), idOf('b1'))
  await page.keyboard.press('Escape')
  await page.getByRole('complementary', { name: 'What takes the time' }).waitFor(PATIENCE)
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('role')), 'tree')
})

onPage('a trace says what is not as it should be, and where its time went', async (page) => {
  await openTrace(page, SHOP)
  const head = page.locator('[data-panel="trace"]')
  assert.match(await head.textContent() ?? '', /Took600\sms.*Spans7.*Errors\s*2/s)
  await head.getByText('1 span came without its parent').waitFor(PATIENCE)
  await head.getByText('1 span begins before its parent').waitFor(PATIENCE)
  const row = (/** @type {string} */ id) => page.locator(`[role="treeitem"][data-span="${idOf(id)}"]`)
  assert.match(await row('b1').textContent() ?? '', /error.*before its parent/s)
  assert.equal(await row('c1').locator('.wf-path').count(), 1, 'what was waited for is marked')
  assert.equal(await row('d1').locator('.wf-path').count(), 0)
  const taken = page.getByRole('region', { name: 'What takes the time' })
  await page.getByRole('button', { name: 'by service' }).click(PATIENCE)
  assert.match(await taken.locator('tbody tr').first().textContent() ?? '', /stock1500\sms57\s%/)
})

onPage('a span shows its attributes, events, links and what was said, and leads on', async (page) => {
  await openTrace(page, SHOP, { span: idOf('b3') })
  const side = page.getByRole('complementary', { name: 'Span' })
  await side.getByText('1 line of this span').waitFor(PATIENCE)
  assert.match(await side.locator('.span-lines').textContent() ?? '', /\+200\sms\s*stock is \\e\[31mslow/, 'a terminal’s colours are signs')
  assert.match(await side.textContent() ?? '', /Self time10\sms/)
  await side.getByRole('button', { name: 'Its parent' }).click(PATIENCE)
  await side.getByRole('heading', { name: 'Attributes' }).waitFor(PATIENCE)
  await side.getByRole('link', { name: 'Traces with this user id' }).click(PATIENCE)
  await page.locator('.trace-list a').first().waitFor(PATIENCE)
  assert.equal(addressOf(page).get('tq'), '{ span."user id" = "7" }')
  assert.equal(await page.locator('.trace-list a').count(), 1)
  await openTrace(page, SHOP, { span: idOf('b2') })
  assert.match(await side.locator('.span-events').textContent() ?? '', /\+50\sms row locked\s*whybusy/)
  await openTrace(page, SHOP, { span: idOf('b3') })
  await side.getByRole('link', { name: /^Trace cafecafe/ }).click(PATIENCE)
  await page.locator('[data-panel="trace"] h2', { hasText: 'POST /order' }).waitFor(PATIENCE)
  await openTrace(page, SHOP, { span: idOf('b3') })
  await side.getByRole('link', { name: 'all of them' }).click(PATIENCE)
  await until('the lines are in view', async () => addressOf(page).get('query') === `{service_name="shop"} | trace_id="${SHOP}" | span_id="${idOf('b3')}"`)
})

onPage('a pull over the whole shows a part of the time; a search finds within the trace', async (page) => {
  await openTrace(page, SHOP)
  const box = await page.locator('.overview').boundingBox()
  assert.ok(box)
  await page.mouse.move(box.x + box.width / 3, box.y + 20)
  await page.mouse.down()
  await page.mouse.move(box.x + (box.width * 2) / 3, box.y + 20, { steps: 4 })
  await page.mouse.up()
  await page.getByRole('button', { name: 'Whole time' }).waitFor(PATIENCE)
  const [from, to] = (addressOf(page).get('zoom') ?? '').split('~').map(Number)
  assert.ok(Math.abs(from - 0.2) < 0.01 && Math.abs(to - 0.4) < 0.01, `${from} to ${to}`)
  await page.locator('.wf-before', { hasText: '50' }).waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Whole time' }).click(PATIENCE)
  await page.locator('.wf-before').first().waitFor({ state: 'detached', ...PATIENCE })
  await page.getByRole('tree', { name: 'Spans' }).focus()
  await page.keyboard.press('f')
  await page.keyboard.type('timeout')
  await page.locator('.waterfall-find [role="status"]', { hasText: '1 span' }).waitFor(PATIENCE)
  await page.keyboard.press('Enter')
  await untilActive(page, /^shop ask stock/)
  await page.locator('.wf-hit').waitFor(PATIENCE)
})

onPage('of 10,000 spans only those in view are in the document, wherever the reader is', async (page) => {
  await openTrace(page, LONG)
  const rows = () => page.locator('.waterfall-rows [role="treeitem"]').count()
  assert.ok(await rows() < 120, `${await rows()} rows`)
  await page.getByRole('tree', { name: 'Spans' }).focus()
  await page.keyboard.press('End')
  await untilActive(page, /^(batch|loader) step/)
  await until('the end is in view', async () => page.evaluate(() => { const e = document.querySelector('.waterfall-rows'); return e !== null && e.scrollTop + e.clientHeight >= e.scrollHeight - 1 }))
  assert.ok(await rows() < 120)
  await page.getByRole('searchbox', { name: 'Find in this trace' }).fill('step 5678')
  await page.locator('.waterfall-find [role="status"]', { hasText: '1 span' }).waitFor(PATIENCE)
  await page.getByRole('button', { name: 'The next one' }).click(PATIENCE)
  await untilActive(page, / step 5678 /)
  await page.locator('.wf-active', { hasText: 'step 5678' }).waitFor(PATIENCE)
  assert.ok(await rows() < 120)
})

onPage('the map shows who calls whom, as picture and as tables, and leads to the traces of a service', async (page) => {
  await withOtherFigures(page, 20)
  await open(page, { map: 'services' })
  const map = page.getByRole('region', { name: 'Which service calls which' })
  await map.locator('a').first().waitFor(PATIENCE)
  const places = () => map.locator('a').evaluateAll((boxes) => boxes.map((b) => ['x', 'y'].map((at) => b.querySelector('rect')?.getAttribute(at)).concat(b.getAttribute('data-service')).join(' ')))
  const before = await places()
  const calls = page.getByRole('region', { name: 'Calls' })
  await calls.locator('tr[data-row="web shop"]').waitFor(PATIENCE)
  assert.match(await calls.locator('tr[data-row="shop stock"]').textContent() ?? '', /shop\s*stock\s*1/)
  await page.locator('[data-panel="service-map"]').getByRole('button', { name: 'Ask again' }).click(PATIENCE)
  await map.getByText('20/s · p95 500').first().waitFor(PATIENCE)
  assert.deepEqual(await places(), before)
  await map.getByRole('link', { name: /^stock/ }).focus()
  await page.keyboard.press('Enter')
  await page.locator('.trace-list a').first().waitFor(PATIENCE)
  assert.equal(addressOf(page).get('tq'), '{ resource.service.name = "stock" }')
})

onPage('what is not there is said: no trace of this id, none in this time, a service that does not answer', async (page, watched) => {
  watched.serverMayRefuse(true)
  watched.serverMayBeGone(true)
  await open(page, { trace: '0123456789abcdef0123456789abcdef' })
  await page.getByText('This trace is not here').waitFor(PATIENCE)
  await page.getByRole('link', { name: 'All traces' }).click(PATIENCE)
  await page.locator('.trace-list a').first().waitFor(PATIENCE)
  await open(page, { from: '2020-01-01 10:00', to: '2020-01-01 11:00' })
  await page.locator('.copy', { hasText: `OTEL_EXPORTER_OTLP_ENDPOINT=${service.url}` }).first().waitFor(PATIENCE)
  await page.route('**/api/v1/traces?*', (route) => route.abort('connectionrefused'))
  await open(page, { tq: '{ name = "x" }' })
  await page.getByRole('alert').getByText('the service does not answer').waitFor(PATIENCE)
  await page.unroute('**/api/v1/traces?*')
  await page.getByRole('button', { name: 'Try again' }).click(PATIENCE)
  await page.getByText('No trace of this time fits the query').waitFor(PATIENCE)
})

onPage('names of others are text, and turn nothing around', async (page) => {
  await openTrace(page, HOSTILE, { span: idOf('h1') })
  const side = page.getByRole('complementary', { name: 'Span' })
  await side.getByText('<b>key</b>').waitFor(PATIENCE)
  assert.equal(await page.locator('main img, main b b').count(), 0)
  await side.getByRole('button', { name: 'All of it' }).click(PATIENCE)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

for (const [width, colorScheme, forcedColors] of /** @type {Array<[number, 'light'|'dark', 'none'|'active']>} */ ([[360, 'light', 'none'], [1440, 'dark', 'none'], [1440, 'light', 'active']])) {
  onPage(`axe finds nothing at ${width} px, ${colorScheme}${forcedColors === 'active' ? ', with forced colours' : ''}, and nothing is wider than the page`, async (page, watched) => {
    watched.serverMayRefuse(true)
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' })
    for (const [params, there] of /** @type {Array<[Record<string, string>, string]>} */ ([
      [{}, '.trace-list a'], [{ tq: '{ nonsense = "x" }' }, '#traces-mistake'], [{ map: 'services' }, '[data-panel="calls"] tbody tr'], [{ trace: SHOP }, '.wf-row'], [{ trace: SHOP, span: idOf('b3'), find: 'stock' }, '.span-lines li'],
      [{ trace: LONG }, '.wf-row'], [{ trace: HOSTILE, span: idOf('h1') }, '.span-pairs'], [{ trace: '00'.repeat(15) + '01' }, '[data-face="empty"]'], [{ from: '2020-01-01 10:00', to: '2020-01-01 11:00' }, '.copy'],
    ])) {
      await open(page, params)
      await page.locator(`main ${there}`).first().waitFor(PATIENCE)
      if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
      const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })).violations.flatMap((/** @type {any} */ v) => v.nodes.map((/** @type {any} */ n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`)))
      assert.deepEqual(found, [], JSON.stringify(params))
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${JSON.stringify(params)} is no wider than ${width} px`)
    }
  }, { viewport: { width, height: width < 500 ? 780 : 900 } })
}
