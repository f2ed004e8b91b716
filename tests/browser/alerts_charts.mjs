/**
 * Where a series is expected: shaded on the chart of its value, in Explore and at its rule.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const { service, withPage } = await withService('[optimizer]\nenabled = false\n[anomaly]\nseries = ["shop_load"]\n[alerts.rules.warm]\nexpr = "shop_warmth > 90"\nseverity = "warning"\n', async (service) => {
  const now = Math.floor(Date.now() / 1000)
  const times = Array.from({ length: 60 }, (_, i) => now - 3600 + i * 60)
  /** @param {string} name @param {Record<string, string>} labels @param {(i: number) => number} value */
  const series = (name, labels, value) => JSON.stringify({ metric: { __name__: name, room: 'a', ...labels }, values: times.map((_, i) => value(i)), timestamps: times.map((t) => t * 1000) })
  const lines = [
    series('shop_warmth', {}, (i) => i), series('shop_cold', {}, (i) => i),
    series('taskpulse_expected_low', { metric: 'shop_warmth' }, () => 20), series('taskpulse_expected_high', { metric: 'shop_warmth' }, () => 35),
  ]
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: lines.join('\n') })
  assert.equal(answer.status, 200, await answer.text())
  // Three even days, and a leap in a window of five minutes that samples of the next one have closed.
  const minutes = Array.from({ length: 3 * 1440 }, (_, i) => now - 3 * 86_400 + i * 60)
  const leap = Math.floor(now / 300) * 300 - 300
  const load = JSON.stringify({ metric: { __name__: 'shop_load' }, values: minutes.map((t, i) => (t >= leap - 300 && t < leap ? 90 : 20 + (i % 7))), timestamps: minutes.map((t) => t * 1000) })
  const taken = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: load })
  assert.equal(taken.status, 200, await taken.text())
})

/** Which part of the height of a column has the colour that is second most frequent in it: nothing drawn is the first. @param {import('playwright-core').Locator} canvas */
const shadedPart = (canvas) => canvas.evaluate((/** @type {HTMLCanvasElement} */ c) => {
  // A worker draws on it: what it shows can be read from a copy.
  const pen = Object.assign(document.createElement('canvas'), { width: c.width, height: c.height }).getContext('2d')
  pen?.drawImage(c, 0, 0)
  const data = pen?.getImageData(Math.round(c.width * 0.9), 0, 1, c.height).data ?? []
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.slice(i, i + 4).join()
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  return ([...counts.values()].sort((a, b) => b - a)[1] ?? 0) / c.height
})

for (const [where, hash, box] of [
  ['Explore', 'explore?query=shop_warmth&range=1h', '[data-panel="answer"]'],
  ['its rule', `alerts?range=1h&open=${encodeURIComponent('rule warm')}`, '[data-row="rule warm"]'],
]) {
  test(`where a series is expected is shaded in ${where}`, () => withPage(async ({ page }) => {
    await page.goto(`${service.url}/#/${hash}`)
    await page.locator(box).scrollIntoViewIfNeeded(PATIENCE)
    await page.locator(`${box} .note`, { hasText: 'shaded: what is usual for it' }).waitFor(PATIENCE)
    const canvas = page.locator(`${box} .plot canvas`)
    // It is drawn with the next frames.
    for (let frames = 0; await shadedPart(canvas) < 0.08; frames += 1) {
      assert.ok(frames < 300, 'a part of the picture is shaded')
      await page.evaluate(() => new Promise(requestAnimationFrame))
    }
  }))
}

test('a series that is not judged has no shade', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/explore?query=shop_cold&range=1h`)
  await page.locator('[data-panel="answer"] .plot canvas').waitFor(PATIENCE)
  assert.doesNotMatch(await page.locator('[data-panel="answer"]').innerText(), /shaded/)
}))

test('what is unusual stands in a sentence, and leads to its series, as does its tick', () => withPage(async ({ page }) => {
  await until('the leap is judged', async () => (await service.get('/api/v1/anomalies')).anomalies.length > 0, 120_000)
  await page.goto(`${service.url}/#/alerts?range=1h`)
  const row = page.locator('[data-row="unusual shop_load"]')
  await row.scrollIntoViewIfNeeded(PATIENCE)
  assert.match(await row.innerText(), /Shop load .* is unusual: .* was expected/)
  assert.match(await page.locator('[data-panel="unusual"] .note').innerText(), /1 series is watched/)
  await row.locator('.fold-button').click()
  assert.match(String(await row.getByRole('link', { name: 'Look at its history' }).getAttribute('href')), /^#\/explore\?.*query=shop_load/)
  await page.goto(`${service.url}/#/explore?query=shop_cold&range=1h`)
  const plot = page.locator('[data-panel="answer"] .plot')
  await plot.locator('canvas').waitFor(PATIENCE)
  await plot.focus()
  await until('the tick of the anomaly', async () => {
    await page.keyboard.press('Shift+ArrowLeft')
    return (await page.locator('[data-panel="answer"]').innerText()).includes('is unusual')
  })
  await page.keyboard.press('Enter')
  await page.waitForURL(/query=shop_load/)
}))
