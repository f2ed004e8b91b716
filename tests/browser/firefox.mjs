/**
 * The main ways through the dashboard in Firefox, over WebDriver BiDi, which Firefox speaks itself.
 *
 * FIREFOX  the browser (default /usr/bin/firefox-esr). Where it is missing these tests are skipped; with CI set they fail.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { launch } from 'puppeteer-core'
import { everything, Service, until } from './service.mjs'

const FIREFOX = process.env.FIREFOX ?? '/usr/bin/firefox-esr'
const skip = existsSync(FIREFOX) || process.env.CI ? false : `${FIREFOX} is not installed`
const PATIENCE = { timeout: 20_000 }
/** What Firefox itself writes when a server is gone. */
const SERVER_GONE = /can.t establish a connection|was interrupted while the page was loading|NetworkError|Cross-Origin Request Blocked/

/** @type {Service} */
let service
/** @type {() => Promise<void>} */
let remove
/** @type {import('puppeteer-core').Browser} */
let browser

before(async () => {
  if (skip) return
  ;({ service, remove } = await everything())
  browser = await launch({ browser: 'firefox', executablePath: FIREFOX, headless: true })
})

after(async () => {
  await browser?.close()
  await remove?.()
})

/** A page of its own for each test, that must not have complained. @param {(page: import('puppeteer-core').Page) => Promise<void>} body @param {{ width?: number, height?: number, forgive?: RegExp }} [options] */
async function withPage(body, { width = 1440, height = 900, forgive } = {}) {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  /** @type {string[]} */
  const complaints = []
  const complain = (/** @type {string} */ text) => { if (!forgive?.test(text)) complaints.push(text) }
  page.on('console', (message) => { if (message.type() === 'error') complain(message.text()) })
  page.on('pageerror', (error) => complain(String(/** @type {Error} */ (error).stack || error)))
  try {
    await page.setViewport({ width, height })
    await body(page)
    assert.deepEqual(complaints, [], 'the console stays empty')
  } finally {
    await context.close()
  }
}

/** @param {import('puppeteer-core').Page} page @param {string} hash */
async function open(page, hash) {
  await page.goto(`${service.url}/${hash}`)
  await page.waitForSelector('html[data-state="live"]', PATIENCE)
}

/** @param {import('puppeteer-core').Page} page @param {string} selector */
const textOf = (page, selector) => page.$eval(selector, (e) => /** @type {HTMLElement} */ (e).innerText)

test('the first page is live and shows numbers, and a number leads to its history', { skip }, () => withPage(async (page) => {
  await open(page, '')
  await page.waitForSelector('[data-panel="machine"] a.figure:not(.figure-none)', PATIENCE)
  await page.waitForSelector('[data-panel="board"][data-face="data"]', PATIENCE)
  await page.waitForSelector('[data-panel="ci"][data-face="data"]', PATIENCE)
  await page.waitForSelector('[data-panel="application"] [data-down="1"]', PATIENCE)
  await page.$eval('[data-panel="machine"] a.figure', (e) => /** @type {HTMLElement} */ (e).click())
  await page.waitForSelector('main[data-page="explore"] .plot canvas', PATIENCE)
  await page.evaluate(() => history.back())
  await page.waitForSelector('[data-panel="machine"]', PATIENCE)
}))

test('keys open every page, and search finds a task', { skip }, () => withPage(async (page) => {
  await open(page, '')
  for (const [key, name] of [['t', 'tasks'], ['w', 'agents'], ['c', 'ci'], ['s', 'system'], ['p', 'application'], ['a', 'alerts'], ['d', 'advice'], ['e', 'explore'], ['u', 'status'], ['n', 'now']]) {
    await page.keyboard.press('g')
    await page.keyboard.press(/** @type {import('puppeteer-core').KeyInput} */ (key))
    await page.waitForSelector(`main[data-page="${name}"] .panel`, PATIENCE)
  }
  const [first] = /** @type {any} */ (Object.values(JSON.parse(await service.read('.taskmaster/tasks/tasks.json')))[0]).tasks
  await page.keyboard.press('/')
  await page.waitForSelector('dialog[open] input', PATIENCE)
  await page.keyboard.type(first.title)
  await until('the task is found', async () => (await textOf(page, '[role="option"][aria-selected="true"]')).includes('task'))
  await page.keyboard.press('Enter')
  await page.waitForSelector('main[data-page="tasks"]', PATIENCE)
}))

test('a stretch that is pulled over a chart is what all charts then show, and a double click leads back', { skip }, () => withPage(async (page) => {
  await open(page, '#/system?range=15m')
  const plot = await page.waitForSelector('[data-panel="chart-cpu"] .plot-over', PATIENCE)
  const box = /** @type {import('puppeteer-core').BoundingBox} */ (await plot?.boundingBox())
  const y = box.y + box.height / 2
  await page.mouse.move(box.x + box.width * 0.9, y)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.998, y, { steps: 4 })
  await page.mouse.up()
  await page.waitForFunction(() => /[?&]from=\d+/.test(location.hash), PATIENCE)
  const again = /** @type {import('puppeteer-core').BoundingBox} */ (await (await page.waitForSelector('[data-panel="chart-memory"] .plot-over', PATIENCE))?.boundingBox())
  await page.mouse.click(again.x + again.width / 2, again.y + again.height / 2, { count: 2 })
  await page.waitForFunction(() => !/[?&]from=\d+/.test(location.hash), PATIENCE)
}))

test('a chart is drawn by its worker', { skip }, () => withPage(async (page) => {
  await open(page, '#/system?range=15m')
  await page.waitForSelector('[data-panel="chart-cpu"] .plot[data-drawn]', PATIENCE)
  const drawn = () => page.$eval('[data-panel="chart-cpu"] .plot canvas', (e) => {
    const canvas = /** @type {HTMLCanvasElement} */ (e)
    const pen = /** @type {CanvasRenderingContext2D} */ (Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d'))
    pen.drawImage(canvas, 0, 0)
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.filter((v, i) => i % 4 === 3 && v > 0).length
  })
  await until('axis, labels and line are there', async () => await drawn() > 1500)
}))

test('nothing has to be scrolled sideways at 360 px, and the navigation is at the bottom', { skip }, () => withPage(async (page) => {
  for (const name of ['now', 'tasks', 'agents', 'ci', 'system', 'application', 'alerts', 'advice', 'explore', 'status']) {
    await open(page, `#/${name}`)
    await page.waitForSelector(`main[data-page="${name}"] .panel`, PATIENCE)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360, name)
  }
  const bottom = await page.$eval('.bottom-nav', (e) => e.getBoundingClientRect().bottom)
  assert.ok(Math.abs(bottom - 780) < 1, `${bottom}`)
}, { width: 360, height: 780 }))

test('a service that goes away is said, and comes back by itself', { skip }, () => withPage(async (page) => {
  await open(page, '#/system')
  await page.waitForSelector('[data-panel="chart-cpu"] .plot', PATIENCE)
  await service.kill()
  await page.waitForSelector('html[data-state="stale"]', PATIENCE)
  await service.start()
  await page.waitForSelector('html[data-state="live"]', { timeout: 40_000 })
}, { forgive: SERVER_GONE }))

test('the token is typed, a deep link is followed, and the button ends the login', { skip }, async () => {
  const guarded = await Service.prepare('[server]\ntoken = "a-long-enough-secret"\n')
  guarded.token = 'a-long-enough-secret'
  try {
    await guarded.start()
    await withPage(async (page) => {
      await page.goto(`${guarded.url}/#/status?range=6h`)
      await page.waitForSelector('input[name="token"]', PATIENCE)
      await page.keyboard.type(guarded.token)
      await page.keyboard.press('Enter')
      await page.waitForSelector('[data-actor]', PATIENCE)
      assert.equal(page.url(), `${guarded.url}/#/status?range=6h`)
      await page.$eval('.logout button', (e) => /** @type {HTMLElement} */ (e).click())
      await page.waitForSelector('input[name="token"]', PATIENCE)
      await page.goto('about:blank')
    })
  } finally {
    await guarded.remove()
  }
})
