/**
 * Measures the dashboard: the real binary, a recorded board, Chromium without a screen. Prints a table beside the goals.
 *
 *     node tests/browser/numbers.mjs [--binary target/release/taskpulse] [--minutes 5] [--loads 5] [--only load,shift,work,heap,many,ribbon,day,tail] [--why]
 *
 * The machine's noise is measured beside: a fixed loop before and after. `--why` names what moved and what was asked. No test: figures depend on the machine.
 */
import { parseArgs } from 'node:util'
import { launch, openPage, waitForState } from './browser.mjs'
import { heap, hide, mainThread, median, noise, shiftsOf, watchShifts } from './measure.mjs'
import { manyRuns, passHour } from './stand_ins.mjs'

const { values: options } = parseArgs({
  options: {
    binary: { type: 'string' }, minutes: { type: 'string', default: '5' }, loads: { type: 'string', default: '5' },
    only: { type: 'string', default: 'load,shift,work,many,day,ribbon,tail,heap' }, why: { type: 'boolean', default: false },
  },
})
if (options.binary) process.env.TASKPULSE_BIN = options.binary
const { Service } = await import('./service.mjs')

/** @type {Array<{ what: string, value: string, goal: string }>} */
const rows = []
/** @param {string} what @param {string} value @param {string} goal */
const say = (what, value, goal) => {
  rows.push({ what, value, goal })
  console.error(`${what}: ${value} (${goal})`)
}
const ms = (/** @type {number} */ value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`
const sleep = (/** @type {number} */ time) => new Promise((resolve) => setTimeout(resolve, time))

/** @type {import('./service.mjs').Service} */
let service
/** @type {import('playwright-core').Browser} */
let browser

/** One load in a browser that knows nothing yet, or has been here. @param {{ slow?: number, page?: import('playwright-core').Page }} how */
async function load({ slow = 1, page: held } = {}) {
  const watched = held ? null : await openPage(browser)
  const page = held ?? /** @type {import('./browser.mjs').Watched} */ (watched).page
  const session = await page.context().newCDPSession(page)
  if (!held) await watchShifts(page)
  if (slow > 1) await session.send('Emulation.setCPUThrottlingRate', { rate: slow })
  await session.send('Network.enable')
  /** Those that went over the network. @type {Set<string>} */
  const wire = new Set()
  /** @type {Map<string, { url: string, bytes: number, status: number, cached: boolean }>} */
  const requests = new Map()
  session.on('Network.requestWillBeSent', ({ requestId, request }) => { if (!request.url.startsWith('data:')) requests.set(requestId, { url: request.url, bytes: 0, status: 0, cached: false }) })
  session.on('Network.webSocketCreated', ({ requestId, url }) => requests.set(requestId, { url, bytes: 0, status: 101, cached: false }))
  session.on('Network.responseReceived', ({ requestId, response }) => {
    const request = requests.get(requestId)
    if (request) Object.assign(request, { status: response.status, cached: response.fromDiskCache || response.fromServiceWorker })
  })
  session.on('Network.responseReceivedExtraInfo', ({ requestId }) => { wire.add(requestId) })
  session.on('Network.requestServedFromCache', ({ requestId }) => Object.assign(requests.get(requestId) ?? {}, { cached: true }))
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { const request = requests.get(requestId); if (request) request.bytes = encodedDataLength })
  if (held) await page.reload()
  else await page.goto(service.url)
  await waitForState(page, 'live', 60_000)
  const untilLive = [...requests.values()]
  await page.waitForFunction(() => performance.getEntriesByName('first-number').length > 0, undefined, { timeout: 60_000 })
  await sleep(1500)
  const times = await page.evaluate(() => ({
    paint: performance.getEntriesByType('paint').find((e) => e.name === 'first-paint')?.startTime ?? Infinity,
    number: performance.getEntriesByName('first-number')[0].startTime,
    first: [...document.querySelectorAll('script[src], link[rel~="stylesheet"], link[rel~="modulepreload"]')].map((e) => e.getAttribute('src') ?? e.getAttribute('href')),
  }))
  return { ...times, untilLive, all: [...requests.values()], wired: [...requests].filter(([id]) => wire.has(id)).map(([, r]) => r), page, close: async () => { await session.detach(); await watched?.close() } }
}

const pathOf = (/** @type {{ url: string }} */ r) => new URL(r.url).pathname + new URL(r.url).search
const isAsset = (/** @type {{ url: string }} */ r) => /\.(js|css)$/.test(new URL(r.url).pathname)

async function measureLoad() {
  /** @type {Array<Awaited<ReturnType<typeof load>>>} */
  const loads = []
  for (let i = 0; i < Number(options.loads); i += 1) {
    const one = await load()
    loads.push(one)
    if (i < Number(options.loads) - 1) await one.close()
  }
  const last = loads[loads.length - 1]
  const assets = last.all.filter((r) => isAsset(r) && last.first.includes(new URL(r.url).pathname))
  say('first page, JS and CSS compressed', `${(assets.reduce((sum, r) => sum + r.bytes, 0) / 1024).toFixed(1)} KB in ${assets.length}`, '≤ 90 KB in ≤ 4')
  say('requests until live', String(Math.max(...loads.map((l) => l.untilLive.length))), '≤ 12')
  const twice = last.all.map(pathOf).filter((path, i, all) => all.indexOf(path) !== i || all.some((other, j) => j < i && other.split('?')[0] === path.split('?')[0] && !/query|buckets/.test(path)))
  say('asked more than once within 1.5 s', twice.length ? [...new Set(twice)].join(' ') : 'nothing', 'nothing')
  say('first paint', ms(median(loads.map((l) => l.paint))), '< 300 ms')
  say('first number', ms(median(loads.map((l) => l.number))), '< 600 ms')
  if (options.why) console.error(last.all.map((r) => `    ${r.status} ${r.bytes} ${pathOf(r)}`).join('\n'))
  const again = await load({ page: last.page })
  const asked = again.wired.filter((r) => !/^\/(api|ws)/.test(pathOf(r)) && pathOf(r) !== '/')
  say('asked again on reload beside page and data', asked.length ? asked.map(pathOf).join(' ') : 'nothing', 'nothing')
  await again.close()
  await last.close()
  /** @type {number[]} */
  const slow = []
  for (let i = 0; i < Number(options.loads); i += 1) {
    const one = await load({ slow: 4 })
    slow.push(one.number)
    await one.close()
  }
  say('first number with a CPU four times slower', ms(median(slow)), '< 1,000 ms')
}

async function measureShift() {
  const { page, close } = await openPage(browser)
  await watchShifts(page)
  await page.goto(service.url)
  await waitForState(page, 'live')
  await sleep(5000)
  const atLoad = await shiftsOf(page)
  const sum = (/** @type {Array<{ value: number }>} */ shifts) => shifts.reduce((all, s) => all + s.value, 0).toFixed(4)
  say('layout shift at load', sum(atLoad), '< 0.01')
  await sleep(Number(options.minutes) * 60_000)
  const later = await shiftsOf(page)
  say(`layout shift in ${options.minutes} live minutes`, sum(later), '0')
  if (options.why) for (const s of [...atLoad, ...later]) console.error(`    at ${s.at} ms ${s.value.toFixed(4)}\n      ${s.moved.join('\n      ')}`)
  await close()
}

/** Main thread in windows of five seconds. @param {import('playwright-core').Page} page @param {number} [windows] */
async function worked(page, windows = 4) {
  const found = []
  for (let i = 0; i < windows; i += 1) found.push(await mainThread(page, () => sleep(5000)))
  if (options.why) console.error(`    ${found.map((f) => `${f.total.toFixed(1)} (longest ${f.longest.toFixed(1)})`).join(', ')}`)
  return median(found.map((f) => f.total))
}

async function measureWork() {
  const { page, close } = await openPage(browser)
  say('main thread per 5 s, an empty page', ms(await worked(page, 2)), 'what measuring itself costs')
  for (const at of ['now', 'system']) {
    await page.goto(`${service.url}/#/${at}?range=1h`)
    await waitForState(page, 'live')
    await sleep(6000)
    const charts = await page.locator('.plot').count()
    say(`main thread per 5 s, ${at}, ${charts} charts of an hour`, ms(await worked(page)), '≤ 8 ms with 20 charts')
    await hide(page, true)
    await sleep(8000)
    say(`the same, hidden`, ms(await worked(page, 2)), '0')
    await hide(page, false)
  }
  await close()
}

/** Series of a test's own, with a point every `step` seconds for `seconds`. @param {string} name @param {number} count @param {number} seconds @param {number} step */
async function fill(name, count, seconds, step) {
  const end = Math.floor(Date.now() / 1000 / step) * step
  const times = Array.from({ length: Math.floor(seconds / step) }, (_, i) => (end - seconds + (i + 1) * step) * 1000)
  const at = Math.max(1, Math.floor(200_000 / times.length))
  for (let from = 0; from < count; from += at) {
    const lines = Array.from({ length: Math.min(at, count - from) }, (_, i) => JSON.stringify({
      metric: { __name__: name, number: String(from + i) }, values: times.map((t) => Math.round(1000 * (1 + Math.sin(t / 4e6 + from + i))) / 10), timestamps: times,
    }))
    const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: `${lines.join('\n')}\n` })
    if (!answer.ok) throw new Error(await answer.text())
  }
}

async function measureMany() {
  await fill('numbers_many', 2000, 600, 15)
  const { page, close } = await openPage(browser)
  await page.goto(`${service.url}/#/explore?range=15m&query=numbers_many`)
  await page.locator('.plot').waitFor({ timeout: 60_000 })
  await sleep(3000)
  say('2,000 series: nodes', String(await page.evaluate(() => document.querySelectorAll('*').length)), '< 2,000')
  say('2,000 series: main thread per 5 s', ms(await worked(page)), '< 16 ms')
  await close()
}

async function measureDay() {
  await fill('numbers_day', 40, 86_400, 5)
  /** @type {number[]} */
  const found = []
  for (let i = 0; i < Number(options.loads); i += 1) {
    // A page of its own each time: what was loaded once is kept.
    const { page, close } = await openPage(browser)
    await page.goto(`${service.url}/#/explore`)
    await waitForState(page, 'live')
    await sleep(1500)
    found.push(await page.evaluate(() => new Promise((resolve) => {
      const look = () => {
        if (!document.querySelector('.plot[data-drawn]')) return requestAnimationFrame(look)
        const answers = performance.getEntriesByType('resource').filter((e) => /buckets.*numbers_day/.test(e.name)).map((e) => /** @type {PerformanceResourceTiming} */ (e).responseEnd)
        return requestAnimationFrame(() => resolve(performance.now() - Math.min(...answers)))
      }
      performance.clearResourceTimings()
      location.hash = '#/explore?range=24h&query=numbers_day'
      requestAnimationFrame(look)
    })))
    await close()
  }
  say('24 h × 40 series of 5 s, data to picture', ms(median(found)), '< 100 ms')
}

async function measureRibbon() {
  const { page, close } = await openPage(browser)
  await manyRuns(page, 500, 2000)
  await page.goto(`${service.url}/#/now?range=7d`)
  await waitForState(page, 'live')
  await sleep(3000)
  const box = await page.locator('.ribbon').boundingBox()
  if (!box) throw new Error('there is no ribbon')
  const frames = page.evaluate(() => new Promise((resolve) => {
    /** @type {number[]} */
    const times = []
    const begun = performance.now()
    const next = () => { times.push(performance.now()); if (performance.now() - begun < 3000) requestAnimationFrame(next); else resolve(times) }
    requestAnimationFrame(next)
  }))
  const begun = Date.now()
  await page.mouse.move(box.x + box.width / 2, box.y + 30)
  for (let i = 0; Date.now() - begun < 3000; i += 1) await page.mouse.wheel(i % 40 < 20 ? 12 : -12, 0)
  const times = /** @type {number[]} */ (await frames)
  const gaps = times.slice(1).map((t, i) => t - times[i])
  say('ribbon of 500 tasks and 2,000 runs pans at', `${(1000 / (gaps.reduce((a, b) => a + b, 0) / gaps.length)).toFixed(0)} frames/s (95 % within ${ms([...gaps].sort((a, b) => a - b)[Math.floor(gaps.length * 0.95)])})`, '60')
  await close()
}

/** Lines one after the other, at a pace of people and machines together. */
const TAIL_LINES = 400
const TAIL_PACE_MS = 25

/** From the moment a line is sent until it stands on the page, in the frame that shows it. */
async function measureTail() {
  const { page, close } = await openPage(browser)
  await page.goto(`${service.url}/#/logs?${new URLSearchParams({ query: '{service_name="numbers"}', tail: 'on' })}`)
  await page.locator('.log-following[data-state="open"]').waitFor({ timeout: 60_000 })
  await page.evaluate(() => {
    /** @type {Map<string, number>} */
    const shown = new Map()
    Reflect.set(globalThis, 'shownAt', shown)
    const look = () => {
      const time = Date.now()
      for (const text of document.querySelectorAll('.log-part .log-text')) {
        const [, number] = /^line (\d+)$/.exec(text.textContent ?? '') ?? []
        if (number && !shown.has(number)) shown.set(number, time)
        else if (number) break
      }
    }
    // What a frame shows is in the document when the next one begins.
    new MutationObserver(() => requestAnimationFrame(look)).observe(document.body, { childList: true, subtree: true })
  })
  /** @type {Map<string, number>} */
  const sent = new Map()
  const pushes = []
  for (let i = 0; i < TAIL_LINES; i += 1) {
    sent.set(String(i), Date.now())
    const values = [[`${Date.now()}000000`, `line ${i}`]]
    pushes.push(fetch(`${service.url}/loki/api/v1/push`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ streams: [{ stream: { service_name: 'numbers' }, values }] }) }))
    await sleep(TAIL_PACE_MS)
  }
  await Promise.all(pushes)
  await sleep(1500)
  const shown = new Map(await page.evaluate(() => [.../** @type {Map<string, number>} */ (Reflect.get(globalThis, 'shownAt'))]))
  const times = [...sent].flatMap(([number, time]) => (shown.has(number) ? [/** @type {number} */ (shown.get(number)) - time] : [])).sort((a, b) => a - b)
  say(`live tail, ${TAIL_LINES} lines, on screen`, `p99 ${ms(times[Math.floor(times.length * 0.99)] ?? Infinity)} (median ${ms(median(times))}, ${TAIL_LINES - times.length} not shown)`, 'p99 < 300 ms')
  await close()
}

async function measureHeap() {
  const { page, close } = await openPage(browser)
  const hour = await passHour(page)
  await page.goto(`${service.url}/#/now?range=15m`)
  await waitForState(page, 'live')
  await hour.pass(900)
  const before = await heap(page)
  await hour.pass(3600)
  say('heap over an hour, accelerated', `${((await heap(page) - before) / 1e6).toFixed(1)} MB (${(before / 1e6).toFixed(1)} MB before)`, '± 5 MB')
  await close()
}

const MEASURES = /** @type {Record<string, () => Promise<void>>} */ ({ load: measureLoad, shift: measureShift, work: measureWork, many: measureMany, day: measureDay, ribbon: measureRibbon, tail: measureTail, heap: measureHeap })
const before = noise()
service = await Service.prepare()
browser = await launch()
try {
  await service.start()
  for (const name of options.only.split(',')) await MEASURES[name]()
} finally {
  await browser.close()
  await service.remove()
}
console.log('| | measured | goal |\n|---|---|---|')
for (const { what, value, goal } of rows) console.log(`| ${what} | ${value} | ${goal} |`)
console.log(`\nA loop of 50,000,000 steps took ${ms(before)} before and ${ms(noise())} after.`)
