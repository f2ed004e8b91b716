/**
 * The dashboard over time: what it asks for, what it does while nobody looks, without the service, with a clock that is off.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { hide } from './measure.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }

const { service, withPage } = await withService()

/** Notes what a page asks for. @param {import('playwright-core').Page} page */
function note(page) {
  /** @type {string[]} */
  const asked = []
  page.on('request', (request) => { if (request.url().startsWith('http')) asked.push(request.url().replace(service.url, '')) })
  return asked
}

/** Notes what it says on the live stream, and what it is told. @param {import('playwright-core').Page} page */
function listen(page) {
  const sent = /** @type {any[]} */ ([])
  const heard = /** @type {any[]} */ ([])
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => sent.push(JSON.parse(String(payload))))
    socket.on('framereceived', ({ payload }) => heard.push(JSON.parse(String(payload))))
  })
  return { sent, heard }
}

test('the first page asks for nothing twice, and a reload asks for the page and data alone', () => withPage(async ({ page }) => {
  const asked = note(page)
  await page.goto(service.url)
  await waitForState(page, 'live')
  await page.locator('[data-panel="board"][data-face="data"]').waitFor(PATIENCE)
  await page.locator('[data-panel="machine"] .figure:not(.figure-none)').first().waitFor(PATIENCE)
  const plain = asked.map((path) => path.split('?')[0]).filter((path) => !/query|buckets/.test(path))
  assert.deepEqual(plain, [...new Set(plain)])
  assert.ok(asked.filter((path) => /\.(js|css)$/.test(path)).length <= 4, asked.join('\n'))

  const fetched = /** @type {string[]} */ ([])
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  session.on('Network.responseReceivedExtraInfo', ({ headers }) => { if (headers['cache-control']?.includes('immutable')) fetched.push(JSON.stringify(headers)) })
  await page.reload()
  await waitForState(page, 'live')
  assert.deepEqual(fetched, [], 'files named by their content come from the cache')
}))

test('a page that nobody looks at asks for nothing and is told nothing of what happens each second; one catch-up follows', () => withPage(async ({ page }) => {
  const asked = note(page)
  const { sent, heard } = listen(page)
  await page.goto(`${service.url}/#/now?range=15m`)
  await waitForState(page, 'live')
  await page.waitForFunction(() => performance.getEntriesByName('first-number').length > 0, undefined, PATIENCE)
  await hide(page, true)
  await until('samples and status are no longer sent', async () => {
    const over = new Set(heard.filter((m) => m.type === 'unsubscribed').map((m) => m.id))
    const wanted = sent.filter((m) => m.op === 'subscribe' && /samples|status/.test(m.topic))
    return wanted.length > 0 && wanted.every((m) => over.has(m.id))
  })
  const told = heard.length
  const before = asked.length
  // Alerts and events may come; where none did, nothing must have woken the page.
  let timers = /** @type {unknown} */ (null)
  await until('five seconds in which nothing happens', async () => {
    const already = heard.length
    const woken = await page.evaluate(() => new Promise((resolve) => {
      const count = /** @type {string[]} */ ([])
      for (const name of /** @type {const} */ (['setTimeout', 'setInterval', 'requestAnimationFrame'])) {
        const real = /** @type {any} */ (window)[name]
        Object.assign(window, { [name]: (/** @type {any[]} */ ...given) => { count.push(`${name} ${new Error().stack}`); return real.apply(window, given) } })
        if (name === 'setTimeout') real.call(window, () => resolve(count), 5000)
      }
    }))
    if (heard.length > already) return false
    timers = woken
    return true
  })
  assert.deepEqual(timers, [], 'no timer is set while nobody looks')
  assert.equal(asked.length, before, 'nothing is asked')
  const samples = heard.slice(told).filter((m) => m.data?.[0]?.values)
  assert.deepEqual(samples, [], 'no samples are sent')

  await hide(page, false)
  await until('the newest sample is there again', async () => heard.slice(told).some((m) => m.type === 'snapshot' && m.data[0]?.values))
  await waitForState(page, 'live')
  const again = () => asked.slice(before).map((path) => path.split('?')[0]).filter((path) => /tasks$|ci.runs$|rules$|history$/.test(path)).sort()
  await until('the catch-up', async () => again().length >= 3)
  assert.deepEqual(again(), ['/api/v1/alerts/history', '/api/v1/ci/runs', '/api/v1/tasks'], 'each once')
}))

test('the dashboard opens without the service, says since when, and goes on by itself', () => withPage(async ({ page, serverMayBeGone }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  await until('a worker keeps the files', () => page.evaluate(() => navigator.serviceWorker.controller?.state === 'activated'))
  const kept = await page.evaluate(async () => (await (await caches.open((await caches.keys())[0])).keys()).map((r) => new URL(r.url).pathname))
  assert.ok(kept.some((path) => /^\/assets\/shell-.*\.html$/.test(path)), kept.join('\n'))
  assert.deepEqual(kept.filter((path) => !path.startsWith('/assets/')), [], 'no data is kept')
  serverMayBeGone(true)
  await service.kill()
  await page.goto(`${service.url}/#/tasks`)
  await page.reload()
  await page.locator('.lost', { hasText: /has not answered since \d\d:\d\d/ }).waitFor(PATIENCE)
  await page.locator('h1', { hasText: 'Tasks' }).waitFor({ state: 'attached', ...PATIENCE })
  await service.start()
  await page.locator('.lost button').click(PATIENCE)
  await waitForState(page, 'live', 40_000)
  serverMayBeGone(false)
  await page.locator('.lost').waitFor({ state: 'detached', ...PATIENCE })
}))

test('a page whose files were replaced by a newer version is loaded anew, once, at the same place', () => withPage(async ({ page, serverMayRefuse }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  serverMayRefuse(true)
  let loads = 0
  await page.route((url) => url.pathname === '/', async (route) => {
    loads += 1
    const answer = await route.fetch()
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/main-[0-9a-f]+\.js/, (name) => `${name}?new`) })
  })
  await page.route(/\/assets\/(?!main|style|boot)[^/]*\.js/, (route) => (loads < 2 ? route.fulfill({ status: 404 }) : route.continue()))
  await page.evaluate(() => { location.hash = '#/ci' })
  await page.locator('main[data-page="ci"] [data-panel]').first().waitFor(PATIENCE)
  assert.equal(loads, 2, 'asked for the version, then loaded')
}, { serviceWorkers: 'block' }))

test('a browser whose clock is ten minutes slow shows the same times, and asks for the right ones', () => withPage(async ({ page }) => {
  await page.addInitScript(() => {
    const [real, begun] = [Date.now, performance.timeOrigin]
    Date.now = () => real() - 600_000
    Object.defineProperty(performance, 'timeOrigin', { get: () => begun - 600_000 })
  })
  const asked = note(page)
  await page.goto(`${service.url}/#/now?range=15m`)
  await waitForState(page, 'live')
  await page.locator('[data-panel="board"][data-face="data"]').waitFor(PATIENCE)
  const ends = asked.map((path) => new URLSearchParams(path.split('?')[1])).map((q) => Number(q.get('end') ?? q.get('time'))).filter(Boolean)
  assert.ok(ends.length > 0)
  for (const end of ends) assert.ok(Math.abs(end - Date.now() / 1000) < 60, `${end - Date.now() / 1000} s off`)
}))

const ALERT = {
  id: 'loud', rule: 'high_cpu_usage', severity: 'critical', state: 'firing', metric: { __name__: 'system_cpu_utilization_ratio' }, value: 0.99, op: '>', threshold: 0.8, for_seconds: 60,
  cooldown_seconds: 300, pending_since: 1, firing_since: 2, resolved_at: null, last_sample: 3, summary: 'CPU 99 %, above 80 %', acked_at: null, reason: null,
}

test('who asked for it is notified once of an alert that fires while the page is hidden, until it is over', () => withPage(async ({ page }) => {
  await page.addInitScript(() => {
    const shown = /** @type {any[]} */ ([])
    Object.assign(window, {
      shown,
      Notification: Object.assign(class { constructor(/** @type {string} */ title) { shown.push(this); Object.assign(this, { title, open: true }) } close() { Object.assign(this, { open: false }) } },
        { permission: 'default', asked: 0, requestPermission() { this.asked += 1; this.permission = 'granted'; return Promise.resolve('granted') } }),
    })
  })
  /** @type {(alerts: any[]) => void} */
  let say = () => {}
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer()
    let id = -1
    socket.onMessage((text) => {
      const frame = JSON.parse(String(text))
      if (frame.topic === 'alerts') id = frame.id
      server.send(text)
    })
    server.onMessage((text) => socket.send(text))
    say = (data) => socket.send(JSON.stringify({ id, type: 'update', seq: 1, time: Date.now() / 1000, data }))
  })
  const shown = () => page.evaluate(() => /** @type {any} */ (window).shown.map((/** @type {any} */ n) => [n.title, n.open]))
  await page.goto(service.url)
  await waitForState(page, 'live')
  assert.equal(await page.evaluate(() => /** @type {any} */ (Notification).asked), 0, 'nothing is asked without a click')
  await page.getByRole('button', { name: 'Desktop notifications' }).click(PATIENCE)
  await page.locator('button[aria-pressed="true"].notify').waitFor(PATIENCE)
  await hide(page, true)
  say([ALERT])
  say([{ ...ALERT, value: 0.98 }])
  await until('one notification', async () => (await shown()).length === 1)
  await page.waitForFunction(() => document.title.startsWith('◆'), undefined, PATIENCE)
  assert.deepEqual(await shown(), [['CPU 99 %, above 80 %', true]])
  say([{ ...ALERT, state: 'resolved', resolved_at: 9 }])
  await until('it is closed', async () => (await shown())[0][1] === false)
}))

test('a replay shows the board, the alerts and the charts as they were, and leads back', () => withPage(async ({ page }) => {
  await page.goto(`${service.url}/#/now?range=15m`)
  await waitForState(page, 'live')
  const shown = () => page.locator('[data-board] [data-status]').evaluateAll((all) => Object.fromEntries(all.map((e) => [e.getAttribute('data-status'), Number(e.getAttribute('data-count'))]).filter(([, n]) => n)))
  await page.locator('[data-board] [data-status]').first().waitFor(PATIENCE)
  const before = await shown()
  const at = Math.floor(Date.now() / 1000)
  await until('a later second', async () => Date.now() / 1000 > at + 2)
  const file = JSON.parse(await service.read('.taskmaster/tasks/tasks.json'))
  const tag = await page.locator('[data-board]').getAttribute('data-board')
  const task = file[String(tag).split('/').pop() ?? ''].tasks.find((/** @type {any} */ t) => t.status === 'pending')
  task.status = 'done'
  await service.write('.taskmaster/tasks/tasks.json', JSON.stringify(file))
  await until('the move is seen', async () => JSON.stringify(await shown()) !== JSON.stringify(before))
  const now = await shown()
  await page.evaluate((time) => { location.hash = `#/now?range=15m&at=${time}` }, at)
  await page.locator(`.replay-time[data-at="${at}"][data-ready="true"]`).waitFor(PATIENCE)
  await until('the board of then', async () => JSON.stringify(await shown()) === JSON.stringify(before))
  // Every page is of then, or says what is not kept.
  const asked = note(page)
  for (const [hash, panel, words] of /** @type {Array<[string, string, RegExp]>} */ ([
    ['alerts', 'rules', /as they are set now; earlier ones are not kept/], ['advice', 'advice', /as far as the time line is kept/], ['status', 'store', /not kept for a past time/], ['status', 'service', /Look at what was measured/],
    ['tasks', 'cost-by-task', /not kept for a past time/], ['explore?query=system_cpu_utilization_ratio', 'answer', /system_cpu_utilization_ratio/],
  ])) {
    await page.evaluate((to) => { location.hash = to }, `#/${hash}${hash.includes('?') ? '&' : '?'}range=15m&at=${at}`)
    await page.locator(`[data-panel="${panel}"]`).filter({ hasText: words }).waitFor(PATIENCE)
    assert.equal(await page.getByRole('button', { name: /^(Acknowledge|Accept|Dismiss|Undo)/ }).count(), 0, 'nothing is decided about what was')
  }
  await until('Explore asks for the time of then', async () => asked.some((path) => path.startsWith('/api/v1/query_range?query=system_cpu') && Number(new URLSearchParams(path.split('?')[1]).get('end')) === at))
  await page.evaluate((time) => { location.hash = `#/now?range=15m&at=${time}` }, at)
  await page.getByRole('button', { name: 'Play', exact: true }).click(PATIENCE)
  await until('it has come to the present', async () => Number(await page.locator('.replay-time').getAttribute('data-at')) > at)
  await page.getByRole('button', { name: 'Back to now' }).click(PATIENCE)
  await page.locator('.replay').waitFor({ state: 'detached', ...PATIENCE })
  await until('the board of now', async () => JSON.stringify(await shown()) === JSON.stringify(now))
  assert.doesNotMatch(page.url(), /at=/)
}))

test('the time zone of the time menu holds for every clock time of the page, not for charts alone', () => withPage(async ({ page }) => {
  const times = async () => (await page.locator('[data-panel="sources"] td.num').allInnerTexts()).filter((text) => /^\d\d:\d\d$/.test(text))
  await page.goto(`${service.url}/#/status`)
  await page.locator('[data-source="system"]').waitFor(PATIENCE)
  await page.getByRole('button', { name: /^Time:/ }).click(PATIENCE)
  const own = await times()
  assert.ok(own.length > 0)
  await page.getByLabel('Time zone').selectOption('utc')
  await page.getByRole('button', { name: /^Time: .*UTC/ }).waitFor(PATIENCE)
  const hours = (/** @type {string} */ text) => Number(text.slice(0, 2)) + Number(text.slice(3)) / 60
  // Five hours and a half behind, whatever the time of day.
  await until('the sources are of UTC', async () => {
    const now = await times()
    return now.length > 0 && now.some((text) => own.some((before) => Math.abs(((hours(before) - hours(text) + 24) % 24) - 5.5) < 0.05))
  })
}, { timezoneId: 'Asia/Kolkata' }))
