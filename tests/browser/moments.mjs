/**
 * The moment at which a target became slower stands as a tick on the latency chart of the page Application, leads to the advice that names it, and is
 * said there with its bounds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'
import { onTopic } from './stand_ins.mjs'

const PATIENCE = { timeout: 20_000 }
const now = Math.floor(Date.now() / 1000)
const at = now - 6 * 3600
const { service, withPage } = await withService('[optimizer]\nenabled = false\n[probes.check.door]\ntcp = "127.0.0.1:1"\ninterval = "10s"\n', async (service) => {
  const times = Array.from({ length: 1440 }, (_, i) => now - 86_400 + i * 60)
  const line = (/** @type {string} */ name, /** @type {(t: number) => number} */ value) => JSON.stringify({ metric: { __name__: name, target: 'web' }, values: times.map(value), timestamps: times.map((t) => t * 1000) })
  const lines = [line('probe_success', () => 1), line('probe_duration_seconds', (t) => (t < at ? 0.2 : 0.5))]
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: lines.join('\n') })
  assert.equal(answer.status, 200, await answer.text())
})

const SLOWER = {
  id: 'latency_shifted:web', kind: 'probe', title: 'web answers more slowly than it did', why: 'Checks took 500 ms on average in the last 7 days and 200 ms in the same hours of the week before.', action: 'See which phase became slower.', severity: 'notice',
  status: 'open', created: now - 3600, updated: now - 3600, query: 'probe_duration_seconds{target="web"}', start: now - 86_400, end: now,
  evidence: [{ name: 'time now over time before', value: 2.5, low: 2.4, high: 2.6, unit: 'ratio' }, { name: 'begin of the first slower hour', value: at, low: at - 3600, high: at + 7200, unit: 'time' }],
}

test('the moment is a tick on the latency chart, which leads to the advice and its bounds', () => withPage(async ({ page }) => {
  await onTopic(page, 'recommendations', (text, frame) => (frame.type === 'snapshot' ? JSON.stringify({ ...frame, data: [SLOWER] }) : text))
  await page.goto(`${service.url}/#/application?range=24h`)
  const plot = page.locator('.plot[aria-label^="Answer time"]')
  await plot.locator('canvas').waitFor(PATIENCE)
  await plot.focus()
  await until('the tick of the moment', async () => {
    await page.keyboard.press('Shift+ArrowLeft')
    return (await page.locator('.tip-event').allInnerTexts()).join().includes('answers more slowly than it did')
  })
  await page.keyboard.press('Enter')
  const row = page.locator('[data-row="advice latency_shifted:web"][data-open="true"]')
  await row.waitFor(PATIENCE)
  const cells = await row.locator('.evidence-table tr', { hasText: 'first slower hour' }).locator('td').allInnerTexts()
  const time = /\d\d:\d\d/
  assert.match(cells[1], time)
  assert.match(cells[2], /\d\d:\d\d.* and .*\d\d:\d\d/, 'bounds are moments as well')
}))
