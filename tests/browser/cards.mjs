/**
 * The cards of the first screen: the board's counts are those of its files, CI and application say what would fill them, then what there is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { Github, Service, until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }

const { service, withPage } = await withService()

test('the board shows the counts of its files, tag by tag', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  const card = page.locator('[data-panel="board"]')
  const counts = await service.countsOfFiles()
  assert.ok(Object.keys(counts).length > 1, 'the recorded board has several tags')
  for (const [tag, expected] of Object.entries(counts)) {
    const option = card.locator(`select.chooser option[value$="/${tag}"]`)
    await option.waitFor({ state: 'attached', ...PATIENCE })
    await card.locator('select.chooser').selectOption(await option.getAttribute('value'))
    const board = page.locator(`[data-board$="/${tag}"]`)
    await board.waitFor(PATIENCE)
    const shown = await board.locator('[data-status]').evaluateAll((all) => Object.fromEntries(all.map((e) => [e.getAttribute('data-status'), Number(e.getAttribute('data-count'))])))
    assert.deepEqual(shown, expected, tag)
    const finish = board.locator('.row', { hasText: 'finish' })
    assert.match(await finish.innerText(), /–[^]*(a forecast needs 5|no task is open)/, 'no date is made up')
  }
}))

test('the page of tasks lists every task of the board under its status', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/tasks`)
  const chooser = page.locator('main select[aria-label="Board"]').first()
  await chooser.waitFor(PATIENCE)
  const tag = (await chooser.inputValue()).split('/').at(-1) ?? ''
  const expected = (await service.countsOfFiles())[tag]
  for (const [status, many] of Object.entries(expected)) {
    const group = page.locator(`main [data-status="${status}"]`)
    await group.waitFor(PATIENCE)
    assert.match(await group.innerText(), new RegExp(`\\b${many} tasks?\\b`), status)
  }
}))

test('the CI card says what would fill it, and shows what the service tells', () => withPage(async ({ page }) => {
  const card = page.locator('[data-panel="ci"]')
  await page.goto(service.url)
  await page.locator('[data-panel="ci"][data-face="empty"]', { hasText: 'github.repositories' }).waitFor(PATIENCE)
  const github = new Github()
  const watching = await Service.prepare(await github.start())
  try {
    await watching.start()
    await page.goto(watching.url)
    await page.waitForSelector('[data-panel="ci"][data-face="data"]', PATIENCE)
    const told = await until('all of the history', async () => {
      const [repository] = (await (await fetch(`${watching.url}/api/v1/ci/runs`)).json()).data.repositories
      return repository?.whole && repository.jobs_wanted === 0 && repository
    })
    const busiest = told.workflows.toSorted((/** @type {any} */ a, /** @type {any} */ b) => sum(b.runs) - sum(a.runs))[0]
    const ratio = `${Math.round(busiest.success_ratio * 100)}\u00a0%`
    await card.locator('.row', { hasText: 'success' }).locator('.figure', { hasText: ratio }).waitFor(PATIENCE)
    const newest = told.runs.find((/** @type {any} */ run) => run.workflow === busiest.workflow)
    const last = card.locator('.row', { hasText: 'last run' }).locator('a.figure', { hasText: `#${newest.number}` })
    await last.waitFor(PATIENCE)
    assert.equal(await last.getAttribute('href'), newest.url)
    await card.locator('select').selectOption({ label: 'Nightly' })
    await card.locator('.row', { hasText: 'median' }).locator('.figure', { hasText: 'm' }).waitFor(PATIENCE)
    await page.goto('about:blank')
  } finally {
    await watching.remove()
    github.stop()
  }
}))

/** @param {Record<string, number>} counts */
const sum = (counts) => Object.values(counts).reduce((all, n) => all + n, 0)

test('the application card says how to fill it, then what is up, what is down and why', () => withPage(async ({ page }) => {
  const card = page.locator('[data-panel="application"]')
  await page.goto(service.url)
  const targets = card.locator('.row', { hasText: 'targets' })
  await targets.locator('.figure-none[title*="[probes.check.NAME]"]').waitFor(PATIENCE)
  const other = await Service.prepare()
  try {
    const check = (/** @type {string} */ name, /** @type {string} */ keys) => `[probes.check.${name}]\ninterval = "1s"\ntimeout = "1s"\n${keys}\n`
    await other.settings(check('checkout', `url = "${other.url}/healthz"`) + check('search', 'tcp = "127.0.0.1:1"') + check('a-rather-long-name', 'command = "true"'))
    await other.start()
    await page.goto(other.url)
    await targets.locator('.figure', { hasText: '2/3' }).waitFor(PATIENCE)
    await targets.locator('[data-down="1"]', { hasText: /search down since \d\d:\d\d/ }).waitFor(PATIENCE)
    await targets.getByRole('img', { name: /^search is down.*Connection refused/ }).waitFor(PATIENCE)
    // The one that is down failed at once: it is not the fastest, and not the slowest either.
    assert.doesNotMatch(await card.locator('.row', { hasText: 'slowest' }).innerText(), /search/)
    await page.goto(`${other.url}/#/application`)
    await page.locator('[data-panel="chart-application"] .plot').waitFor(PATIENCE)
    await until('its part of the health score', async () => /probes\s+40/.test(await page.locator('[data-part="probes"]').innerText()))
    await page.goto('about:blank')
  } finally {
    await other.remove()
  }
}))

test('a line beside a figure shows a spike that lasted for one sample', async () => {
  const machine = await Service.prepare()
  try {
    await machine.start()
    // An hour of figures each 5 s, quiet but for one.
    const end = Math.floor(Date.now() / 1000) - 30
    const times = Array.from({ length: 710 }, (_, i) => (end - (709 - i) * 5) * 1000)
    const line = JSON.stringify({ metric: { __name__: 'system_cpu_utilization_ratio' }, values: times.map((_, i) => (i === 300 ? 1 : 0.1)), timestamps: times })
    assert.equal((await fetch(`${machine.url}/api/v1/import?format=jsonl`, { method: 'POST', body: line })).status, 200)
    await withPage(async ({ page }) => {
      await page.goto(machine.url)
      const path = page.locator('[data-panel="machine"] .row', { hasText: 'CPU' }).first().locator('.spark path')
      await path.waitFor({ state: 'attached', ...PATIENCE })
      const drawn = async () => [...(await path.getAttribute('d') ?? '').matchAll(/[ML][\d.]+ ([\d.]+)(?:V([\d.]+)V([\d.]+))?/g)].map(([, mean, top, bottom]) => ({ mean: Number(mean), top: Number(top), bottom: Number(bottom) }))
      const spike = await until('the spike reaches the top', async () => (await drawn()).find(({ top }) => top <= 2))
      assert.ok(spike.mean > 12 && spike.bottom > spike.mean, `its mean is low, and its smallest value lower: ${JSON.stringify(spike)}`)
    })
  } finally {
    await machine.remove()
  }
})

test('figures of this machine stay its own while others send series of the same names', async () => {
  const machine = await Service.prepare()
  try {
    await machine.start()
    const own = await until('its fullest disk', async () => (await machine.get('/api/v1/query?query=topk(1,system_filesystem_utilization_ratio{fstype=""})')).result[0]?.metric.mountpoint)
    const value = (/** @type {string} */ text) => ({ stringValue: text })
    const point = (/** @type {number} */ v, /** @type {object} */ labels) => ({ timeUnixNano: `${Date.now()}000000`, asDouble: v, attributes: Object.entries(labels).map(([key, text]) => ({ key, value: value(text) })) })
    const gauge = (/** @type {string} */ name, /** @type {string} */ unit, /** @type {object[]} */ dataPoints) => ({ name, unit, gauge: { dataPoints } })
    const metrics = [
      gauge('system.cpu.utilization', '1', [point(0.01234, {})]), gauge('system.memory.utilization', '1', [point(0.01234, {})]), gauge('system.uptime', 's', [point(31.5e7, {})]),
      gauge('system.filesystem.utilization', '1', [point(0.999, { mountpoint: '/away' }), point(0.999, { mountpoint: own })]), gauge('system.filesystem.usage', 'By', [point(77, { mountpoint: own, state: 'free' })]),
      gauge('process.cpu.utilization', '1', [point(900, { process: 'elsewhere' })]), gauge('system.cpu.core.utilization', '1', [point(0.5, { cpu: '4711' })]),
    ]
    // Named before this machine in any order: by its instance, and by its job alone.
    for (const attributes of [{ 'service.name': 'a', 'service.instance.id': 'a' }, { 'service.name': 'a' }]) {
      const resource = { attributes: Object.entries(attributes).map(([key, text]) => ({ key, value: value(text) })) }
      const sent = await fetch(`${machine.url}/v1/metrics`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }) })
      assert.equal(sent.status, 200, await sent.text())
    }
    await until('they are kept', async () => (await machine.get('/api/v1/query?query=system_filesystem_utilization_ratio{mountpoint="/away"}')).result.length === 2)
    await withPage(async ({ page }) => {
      await page.goto(machine.url)
      const card = page.locator('[data-panel="machine"]')
      await card.locator('.row', { hasText: 'running' }).locator('a.figure').waitFor(PATIENCE)
      const text = await card.innerText()
      assert.doesNotMatch(text, /1\.2\d?\s%|\/away|elsewhere|\d y/)
      assert.doesNotMatch(await card.locator('.row', { hasText: 'disk' }).first().innerText(), /100\s%/)
      assert.doesNotMatch(await card.locator('.row', { hasText: 'disk' }).first().innerHTML(), /77\s?B\b/)
      await page.goto(`${machine.url}/#/system`)
      await page.locator('[data-panel="disks"] tbody tr').first().waitFor(PATIENCE)
      await page.locator('[data-panel="cores"] li').first().waitFor(PATIENCE)
      assert.doesNotMatch(await page.locator('.system-page').innerText(), /\/away|elsewhere|4711/)
      assert.doesNotMatch(await page.locator('[data-panel="disks"]').innerText(), /100\s%|99\.9/)
      const plot = page.locator('[data-panel="chart-cpu"] .plot[data-drawn]')
      await plot.waitFor(PATIENCE)
      assert.equal(await plot.getAttribute('data-lines'), '1')
    })
  } finally {
    await machine.remove()
  }
})
