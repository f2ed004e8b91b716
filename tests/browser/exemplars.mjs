/**
 * Exemplars in Explore and at rules: marks at time and value that open their trace, by pointer and by keyboard; nothing is asked where there are none.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }
const TRACES = ['0af7651916cd43dd8448eb211c80319c', '1bf7651916cd43dd8448eb211c80319c', '2cf7651916cd43dd8448eb211c80319c']
const QUANTILE = 'histogram_quantile(0.95, sum by (le) (rate(shop_request_seconds_bucket[5m])))'
const { service, withPage } = await withService('[alerts.rules.busy]\nexpr = "shop_request_seconds_bucket > 1e9"\nseverity = "warning"\n')

/** @param {string} text */
const bring = async (text) => {
  const answer = await fetch(`${service.url}/api/v1/import?format=openmetrics`, { method: 'POST', body: `${text}# EOF\n` })
  assert.equal(answer.status, 200, await answer.text())
}
/** @param {import('playwright-core').Page} page @param {Record<string, string>} params */
const explore = async (page, params) => {
  await page.goto(`${service.url}/#/explore?${new URLSearchParams(params)}`)
  await page.locator('.plot[data-drawn]').waitFor(PATIENCE)
}
/** @param {import('playwright-core').Page} page */
const asked = (page) => {
  /** @type {string[]} */
  const urls = []
  page.on('request', (request) => { if (request.url().includes('query_exemplars')) urls.push(request.url()) })
  return urls
}
const now = Math.floor(Date.now() / 1000)

test('where there are no exemplars none are asked for', () => withPage(async ({ page }) => {
  const lines = Array.from({ length: 100 }, (_, i) => [['0.1', i], ['1', i * 3], ['+Inf', i * 3]].map(([le, v]) => `shop_request_seconds_bucket{le="${le}"} ${v} ${now - 1500 + i * 15}\n`).join(''))
  await bring(lines.join(''))
  const urls = asked(page)
  await explore(page, { query: QUANTILE, range: '30m' })
  assert.deepEqual([urls.length, await page.locator('.plot-dot').count()], [0, 0])
}))

test('a mark stands at time and value and opens its trace, by pointer and by keyboard', () => withPage(async ({ page }) => {
  const [early, middle, late] = TRACES
  await bring([
    `shop_request_seconds_bucket{le="1"} 300 ${now - 14} # {trace_id="${early}"} 0.25 ${now - 900}\n`,
    `shop_request_seconds_bucket{le="1"} 303 ${now - 12} # {trace_id="${middle}"} 0.75 ${now - 600}\n`,
    `shop_request_seconds_bucket{le="+Inf"} 303 ${now - 12} # {trace_id="${late}"} 7 ${now - 300}\n`,
  ].join(''))
  const urls = asked(page)
  await explore(page, { query: QUANTILE, range: '30m' })
  const dots = page.locator('.plot-dot')
  await dots.nth(2).waitFor(PATIENCE)
  assert.equal(await dots.count(), 3)
  assert.deepEqual(await dots.evaluateAll((all) => all.map((dot) => [dot.dataset.trace, dot.dataset.place])), [[early, 'value'], [middle, 'value'], [late, 'above']])
  const boxes = await dots.evaluateAll((all) => all.map((dot) => { const { x, y, width, height } = dot.getBoundingClientRect(); return { x: x + width / 2, y: y + height / 2 } }))
  assert.ok(boxes[0].x < boxes[1].x && boxes[1].x < boxes[2].x && boxes[0].y > boxes[1].y && boxes[1].y > boxes[2].y, JSON.stringify(boxes))
  assert.match(await dots.first().getAttribute('aria-label') ?? '', new RegExp(`^250.ms at .*, trace ${early}`))
  assert.match(await page.locator('.chart-holder .note').first().textContent() ?? '', /◆ 3 exemplars/)
  // Ticks of the clock ask nothing.
  const before = urls.length
  await page.locator('.plot').hover({ position: { x: 200, y: 60 } })
  await page.evaluate(() => new Promise((done) => setTimeout(done, 3000)))
  assert.ok(before >= 1 && urls.length <= before + 1, `${before} ${urls.length}`)
  await page.locator('.plot').focus()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).dataset.trace), early)
  await page.keyboard.press('ArrowRight')
  assert.equal(await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).dataset.trace), middle)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => url.hash.startsWith('#/logs') && url.hash.includes(middle), PATIENCE)
  await page.goBack()
  await dots.nth(2).waitFor(PATIENCE)
  await dots.nth(2).click()
  await page.waitForURL((url) => url.hash.startsWith('#/logs') && url.hash.includes(late), PATIENCE)
}))

test('where values are of another kind, marks stand at the foot at their time', () => withPage(async ({ page }) => {
  await explore(page, { query: 'sum(rate(shop_request_seconds_bucket[5m]))', b: 'scalar(vector(1))', range: '30m' })
  await page.locator('.plot-dot').nth(2).waitFor(PATIENCE)
  assert.deepEqual(await page.locator('.plot-dot').evaluateAll((all) => all.map((dot) => dot.dataset.place)), ['time', 'time', 'time'])
}))

test('the chart of a rule has the measurements of its metric, which open their traces', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/alerts?${new URLSearchParams({ range: '30m', open: 'rule busy' })}`)
  const dots = page.locator('[data-row="rule busy"] .plot-dot')
  await dots.first().waitFor(PATIENCE)
  assert.ok(TRACES.includes(await dots.first().getAttribute('data-trace') ?? ''))
  assert.match(await page.locator('[data-row="rule busy"] .chart-holder .note').first().textContent() ?? '', /◆ \d exemplars/)
  await dots.first().click()
  await page.waitForURL(/#\/logs\?.*trace=/)
}))
