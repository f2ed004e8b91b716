/**
 * Charts: what is drawn agrees with what the service says, and a reader can move through it by mouse, wheel and keyboard.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const DAY = 86_400
/** A whole minute of today, so that answers do not depend on the moment. */
const NOW = Math.floor(Date.now() / 60_000) * 60
const SPIKE_AT = NOW - 11 * DAY

const { service, withPage } = await withService('', fillAll)

/** @param {import('./service.mjs').Service} to @param {Array<{ metric: Record<string, string>, values: number[], timestamps: number[] }>} series */
async function fill(to, series) {
  const body = series.map((s) => JSON.stringify({ ...s, timestamps: s.timestamps.map((t) => t * 1000) })).join('\n')
  const answer = await fetch(`${to.url}/api/v1/import?format=jsonl`, { method: 'POST', body: `${body}\n` })
  assert.ok(answer.ok, await answer.text())
}

/** @param {import('./service.mjs').Service} to */
async function fillAll(to) {
  // Every two minutes of 25 days, and one sample that is far above all others.
  const times = Array.from({ length: 25 * 720 }, (_, n) => NOW - 25 * DAY + n * 120 + 60)
  await fill(to, [{ metric: { __name__: 'spiky' }, values: [...times.map((_, n) => 1 + (n % 2) / 10), 10], timestamps: [...times, SPIKE_AT + 5] }])
  const hour = Array.from({ length: 720 }, (_, n) => NOW - 3600 + n * 5)
  await fill(to, ['a', 'b', 'c'].map((name, i) => ({ metric: { __name__: 'three', name }, values: hour.map((_, n) => i * 10 + (n % 7)), timestamps: hour })))
  await fill(to, Array.from({ length: 120 }, (_, n) => ({ metric: { __name__: 'many', n: String(n) }, values: hour.filter((_, i) => i % 20 === 0).map(() => n), timestamps: hour.filter((_, i) => i % 20 === 0) })))
}

/** Opens the chart of a query in Explore. @param {import('playwright-core').Page} page @param {string} query @param {string} [time] */
async function open(page, query, time = `from=${NOW - 3600}&to=${NOW}`) {
  await page.goto(`${service.url}/#/explore?${time}&query=${encodeURIComponent(query)}`)
  await page.locator('.chart-holder .plot canvas').waitFor(PATIENCE)
}

/** How high the picture reaches, column by column: the first pixel from above that is drawn in the colour of a single line, in parts of the plot. @param {import('playwright-core').Page} page */
const outline = (page) => page.evaluate(() => {
  const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector('.chart-holder .plot canvas'))
  const over = /** @type {HTMLElement} */ (document.querySelector('.chart-holder .plot-over'))
  // A worker draws on it: what it shows can be read from a copy.
  const pen = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d'))
  pen.drawImage(canvas, 0, 0)
  const scale = devicePixelRatio
  const [left, top, width, height] = [over.offsetLeft, over.offsetTop, over.clientWidth, over.clientHeight].map((v) => Math.round(v * scale))
  const { data } = pen.getImageData(left, top, width, height)
  return Array.from({ length: width }, (_, x) => {
    for (let y = 0; y < height; y += 1) {
      const at = (y * width + x) * 4
      // Lines of the axis are paler than what is drawn of the data.
      if (data[at + 3] > 100 && data[at] + data[at + 1] + data[at + 2] < 500) return 1 - y / height
    }
    return 0
  })
})

test('a sample of a moment is seen at thirty days, where it was', () => withPage(async ({ page }) => {
  await open(page, 'spiky', `from=${NOW - 30 * DAY}&to=${NOW}`)
  const heights = await until('the line is drawn', async () => {
    const found = await outline(page)
    return Math.max(...found) > 0.05 && found
  })
  const step = Number(await page.locator('.plot').getAttribute('data-step'))
  const { result } = await service.get(`/api/v1/buckets?query=spiky&start=${NOW - 30 * DAY}&end=${NOW}&step=${step}`)
  assert.equal(Math.max(...result[0].max), 10)
  const x = ((Math.ceil((SPIKE_AT + 5) / step) * step - (NOW - 30 * DAY)) / (30 * DAY)) * heights.length
  const tall = heights.flatMap((h, i) => (h > 0.6 ? [i] : []))
  assert.ok(tall.length >= 1 && tall.length < 12, `it is narrow: ${tall}`)
  assert.ok(tall.some((i) => Math.abs(i - x) <= 2), `at ${tall}, not at ${x}`)
  assert.match(await page.locator('.legend tbody tr').innerText(), /10$/, 'and the legend has it as the highest')
}, { colorScheme: 'light' }))

test('a pull zooms in, a double click leads back, the wheel moves, and the view follows again when asked', () => withPage(async ({ page }) => {
  await open(page, 'three', 'range=1h')
  const box = await page.locator('.plot-over').boundingBox()
  assert.ok(box)
  const middle = box.y + box.height / 2
  await page.mouse.move(box.x + box.width / 4, middle)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2, middle, { steps: 4 })
  await page.mouse.up()
  await page.waitForURL(/from=\d+&to=\d+/)
  const times = () => /from=(\d+)&to=(\d+)/.exec(page.url())?.slice(1).map(Number) ?? []
  const [from, to] = times()
  assert.ok(Math.abs(to - from - 900) < 60, `a quarter of the hour: ${to - from}`)
  await page.keyboard.down('Shift')
  await page.mouse.wheel(0, -box.width / 2)
  await page.keyboard.up('Shift')
  await page.waitForURL((url) => !url.href.includes(`from=${from}&`))
  assert.ok(Math.abs(times()[0] - (from - 450)) < 60, 'half of what is in view earlier')
  await page.getByRole('button', { name: 'Follow' }).click()
  await page.waitForURL(/range=1h/)
  await page.goBack()
  await page.waitForURL(/from=/)
  const [held] = times()
  await page.mouse.dblclick(box.x + 20, middle)
  await page.waitForURL((url) => !url.href.includes(`from=${held}&`))
}))

test('the keyboard moves the cursor of all charts, and its figures are said', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/system?range=15m`)
  await waitForState(page, 'live')
  const cpu = page.locator('[data-panel="chart-cpu"]')
  await cpu.locator('.plot canvas').waitFor(PATIENCE)
  await page.locator('[data-panel="chart-memory"] .legend').waitFor(PATIENCE)
  await cpu.locator('.plot').focus()
  await page.keyboard.press('ArrowLeft')
  const said = await until('the figure is said', () => cpu.locator('.plot-box [role="status"]').first().innerText())
  assert.match(said, /^\d\d:\d\d:\d\d: CPU (no sample|[\d.]+\s%)$/)
  const time = said.slice(0, 8)
  await page.locator('[data-panel="chart-memory"] .legend thead', { hasText: time }).waitFor(PATIENCE)
  await page.keyboard.press('Escape')
  await page.locator('[data-panel="chart-memory"] .legend thead', { hasText: 'last' }).waitFor(PATIENCE)
  assert.match(await cpu.locator('.plot').getAttribute('aria-label') ?? '', /^CPU, last 15 minutes\. CPU [\d.]+\s%, between/)
}))

test('a line is hidden by its name and shown again, by mouse and keyboard', () => withPage(async ({ page }) => {
  await open(page, 'three')
  const plot = page.locator('.plot')
  const button = page.locator('[data-series*="name=\\"c\\""] button')
  await button.waitFor(PATIENCE)
  assert.equal(await plot.getAttribute('data-lines'), '3')
  await button.click()
  await page.locator('.plot[data-lines="2"]').waitFor(PATIENCE)
  assert.equal(await button.getAttribute('aria-pressed'), 'false')
  await button.focus()
  await page.keyboard.press('Enter')
  await page.locator('.plot[data-lines="3"]').waitFor(PATIENCE)
  await button.click({ modifiers: ['Shift'] })
  await page.locator('.plot[data-lines="1"]').waitFor(PATIENCE)
}))

test('the figures of the menu are those of the service', () => withPage(async ({ page }) => {
  await open(page, 'three')
  await page.getByRole('button', { name: /: more$/ }).click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Save as CSV' }).click()])
  const rows = (await readFile(await download.path(), 'utf8')).trim().split('\n')
  assert.equal(rows[0], 'series,time,unix,min,mean,max,last,count')
  const step = Number(await page.locator('.plot').getAttribute('data-step'))
  const { result } = await service.get(`/api/v1/buckets?query=three&start=${NOW - 3600}&end=${NOW}&step=${step}`)
  const expected = result.flatMap((/** @type {any} */ s) => s.t.flatMap((/** @type {number} */ t, /** @type {number} */ i) => (t > NOW - 3600
    ? [`"three{name=""${s.metric.name}""}",${new Date(t * 1000).toISOString()},${t},${s.min[i]},${s.mean[i]},${s.max[i]},${s.last[i]},${s.count[i]}`] : [])))
  assert.deepEqual(rows.slice(1), expected)
  await page.getByRole('button', { name: /: more$/ }).click()
  const [picture] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Save as PNG' }).click()])
  assert.deepEqual([...(await readFile(await picture.path())).subarray(1, 4)], [...Buffer.from('PNG')])
  await page.getByRole('button', { name: /: more$/ }).click()
  await page.getByRole('menuitem', { name: 'Show as a table' }).click()
  await page.locator('.chart-table td').first().waitFor(PATIENCE)
}))

test('of many series the highest are drawn, and how many there are is said', () => withPage(async ({ page }) => {
  await open(page, 'many')
  await page.locator('.chart-holder .note', { hasText: 'showing 20 of 120 series' }).waitFor(PATIENCE)
  assert.equal(await page.locator('.legend [data-series]').count(), 20)
  assert.match(await page.locator('.legend [data-series]').first().innerText(), /119/)
  await page.getByRole('searchbox', { name: /Search the 20 lines/ }).fill('104')
  await page.locator('.legend [data-series]', { hasText: '104' }).waitFor(PATIENCE)
  assert.equal(await page.locator('.legend [data-series]').count(), 1)
}))

test('the legend of a rate says once that it is one, and a list that is cut says how long it is', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/system?range=15m`)
  const network = page.locator('[data-panel="chart-network"] .legend')
  await network.locator('tbody tr').first().waitFor(PATIENCE)
  assert.match((await network.locator('thead').innerText()).trim(), /^per second\s+last\s+min\s+mean\s+max$/)
  assert.doesNotMatch(await network.locator('tbody').innerText(), /\/s/)
  const load = page.locator('[data-panel="chart-load"] .legend-wrap')
  await load.locator('tbody tr').first().waitFor(PATIENCE)
  const shade = (/** @type {import('playwright-core').Locator} */ legend) => legend.evaluate((e) => getComputedStyle(e).backgroundImage.includes('gradient'))
  assert.deepEqual([await load.locator('thead th').first().innerText(), await shade(load)], ['Line', false], 'three lines find room')
  await open(page, 'many')
  const many = page.locator('.legend-wrap')
  assert.deepEqual([await many.locator('thead th').first().innerText(), await shade(many)], ['20 lines', true])
}))

test('charts are drawn once their worker is there, however late that is', () => withPage(async ({ page, serverMayBeGone }) => {
  serverMayBeGone(true)
  let refused = 0
  await page.context().route(/painter.*\.js$/, (route) => {
    refused += 1
    return refused === 1 ? route.abort('connectionrefused') : route.continue()
  })
  await open(page, 'three')
  await page.locator('.plot[data-drawn]').waitFor(PATIENCE)
  assert.ok(refused > 1, `it was asked for again (${refused})`)
}))

test('yesterday is drawn beside today, with figures of its own', () => withPage(async ({ page }) => {
  await open(page, 'spiky', `from=${NOW - 3600}&to=${NOW}&compare=day`)
  const before = page.locator('.legend-before', { hasText: 'the day before' })
  await before.waitFor(PATIENCE)
  assert.match(await before.innerText(), /1(\.1)?\s/)
  await page.locator('.plot[data-lines="2"]').waitFor(PATIENCE)
  await page.getByRole('button', { name: /^Time: .* vs day before/ }).waitFor(PATIENCE)
  assert.equal(await page.locator('.chart-holder .note').first().innerText(), '', 'nothing is missing')
  await open(page, 'three', `from=${NOW - 3600}&to=${NOW}&compare=week`)
  await page.locator('.chart-holder .note', { hasText: 'no data of the week before' }).waitFor(PATIENCE)
  await page.getByRole('button', { name: /^Time: .* vs week before/ }).waitFor(PATIENCE)
}))
