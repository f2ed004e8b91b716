/**
 * Names that others give, and masses: HTML, overrides of the direction of writing and 10,000 characters in names of tasks, branches, workflows,
 * metrics and labels; a board of 8,000 tasks; thousands of series; numbers that are none. Every page stays as wide as its window, runs nothing
 * of it, isolates each name from what stands beside it, and says what it leaves out.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { launch, waitForPage, waitForState, withPage as onPage } from './browser.mjs'
import { Github, Service, until } from './service.mjs'

const PATIENCE = { timeout: 30_000 }
const HTML = '<img src=x onerror="document.title=\'run\'"><script>document.title=\'run\'</script>'
/** Turns around whatever follows it, unless that is kept apart. */
const OVERRIDE = '\u202e'
const NAME = `${HTML}${OVERRIDE}gnp.exe ${'W'.repeat(10_000)}`
const WIDTHS = [[360, 780], [1440, 900]]
const TASKS = '.taskmaster/tasks/tasks.json'

/** @type {Service} */
let service
/** @type {import('playwright-core').Browser} */
let browser
/** @type {Github} */
const github = new Github()
/** @type {import('node:http').Server} */
let between

/** @param {number} id @param {string} title */
const task = (id, title) => ({
  id, title, description: '', details: '', testStrategy: '', status: ['in-progress', 'pending', 'done'][id % 3], dependencies: id > 1 ? [id - 1] : [], priority: 'medium', subtasks: [],
})

/** @param {number} many */
const board = (many) => JSON.stringify({ [NAME.slice(0, 200)]: { tasks: Array.from({ length: many }, (_, i) => task(i + 1, i % 100 ? `Task ${i + 1}` : NAME)), metadata: {} } })

/** The stand-in for GitHub, whose runs, branches, workflows and jobs get names of their own. @param {string} settings @returns {Promise<string>} settings that watch it */
async function renamed(settings) {
  const [, address] = /** @type {RegExpExecArray} */ (/api_url = "(.*)"/.exec(settings))
  between = createServer(async (request, answer) => {
    const told = await fetch(address + request.url, { headers: { authorization: request.headers.authorization ?? '' } })
    const text = (await told.text()).replaceAll(/"(display_title|head_branch|name|workflow_name)": ?"([^"]*)"/g, (_, key, value) => `${JSON.stringify(key)}: ${JSON.stringify(`${value} ${NAME}`)}`)
    answer.writeHead(told.status, { 'content-type': 'application/json', ...(told.headers.get('link') ? { link: told.headers.get('link')?.replaceAll(address, `http://${request.headers.host}`) } : {}) })
    answer.end(text)
  })
  await new Promise((resolve) => between.listen(0, '127.0.0.1', () => resolve(undefined)))
  const at = between.address()
  return settings.replace(address, `http://127.0.0.1:${at && typeof at === 'object' ? at.port : 0}`)
}

/** @param {object[]} samples */
async function ingest(samples) {
  const answer = await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples }) })
  assert.ok(answer.ok, await answer.text())
}

before(async () => {
  service = await Service.prepare(await renamed(await github.start()))
  await service.write(TASKS, board(9))
  await service.start()
  await until('runs', async () => (await service.get('/api/v1/ci/runs')).repositories[0]?.whole)
  browser = await launch()
})

after(async () => {
  await browser?.close()
  await service?.remove()
  github.stop()
  between?.close()
})

/** @param {import('playwright-core').Page} page @param {string} at */
async function open(page, at) {
  await page.goto('about:blank')
  await page.goto(`${service.url}/#/${at}`)
  await waitForState(page, 'live')
  await waitForPage(page, at.split(/[/?]/)[0])
}

/** What is wrong with how names stand on the page. @param {import('playwright-core').Page} page @param {string} at @returns {Promise<string[]>} */
const faults = (page, at) => page.evaluate(([override, where]) => {
  /** @type {string[]} */
  const found = []
  const { scrollWidth, scrollHeight } = document.documentElement
  if (scrollWidth > innerWidth) {
    const widest = [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth).map((e) => `${e.tagName}.${e.getAttribute('class')}`)
    found.push(`${where} is ${scrollWidth} px wide, the window ${innerWidth}: ${widest.slice(0, 8).join(' ')}`)
  }
  if (scrollHeight > 24_000) found.push(`${where} is ${scrollHeight} px high`)
  if (document.title === 'run' || document.querySelector('main img, main script, main iframe')) found.push(`${where} took a name for HTML`)
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement
    if (!element || !node.textContent?.includes(override) || element.getClientRects().length === 0 || element.matches('option, .editor *')) continue
    const { unicodeBidi, display } = getComputedStyle(element)
    if (display === 'inline' && !/isolate|plaintext/.test(unicodeBidi)) found.push(`${where}: ${element.tagName}.${element.className} does not isolate a name`)
    let { height } = element.getBoundingClientRect()
    for (let e = /** @type {Element|null} */ (element); e && e !== document.body; e = e.parentElement) if (getComputedStyle(e).overflowY !== 'visible') height = Math.min(height, e.clientHeight)
    if (height > innerHeight) found.push(`${where}: ${element.tagName}.${element.className} is higher than the window`)
  }
  return [...new Set(found)].slice(0, 10)
}, [OVERRIDE, at])

/** @param {string[]} pages */
const lookAt = (pages) => onPage(browser, async ({ page }) => {
  /** @type {string[]} */
  const found = []
  for (const at of pages) {
    await open(page, at)
    for (const [width, height] of WIDTHS) {
      await page.setViewportSize({ width, height })
      found.push(...(await faults(page, `${at} at ${width} px`)))
    }
  }
  assert.deepEqual(found, [])
})

test('names of tasks, boards, branches, workflows and jobs are text, clipped and kept apart', () => lookAt(['now', 'tasks', 'tasks/1', 'ci', 'alerts', 'status', 'explore']))

test('names of metrics and labels are text, clipped and kept apart', async () => {
  await ingest([{ name: `${HTML}${OVERRIDE}metric`, labels: { [`${HTML}label`]: NAME }, value: 1 }, { name: 'hostile', labels: { one: NAME, two: `${OVERRIDE}x` }, value: 2 }])
  await lookAt(['explore', 'explore?query=hostile', `explore?query=${encodeURIComponent(`{${JSON.stringify(`${HTML}${OVERRIDE}metric`)}}`)}`, 'system', 'application'])
})

test('NaN and infinities are said, and draw no line', async () => {
  const now = Date.now() / 1000
  const values = [1, 'NaN', '+Inf', '-Inf', 2, 1e308, -1e308, 1e-9]
  await ingest(values.map((value, i) => ({ name: 'odd', labels: {}, time: now - (values.length - i), value })))
  await ingest([{ name: 'endless', labels: { kind: 'more' }, value: '+Inf' }, { name: 'endless', labels: { kind: 'none' }, value: 'NaN' }])
  await lookAt(['explore?query=odd', 'explore?query=endless', 'explore?query=odd*1e300', 'explore?query=0%2F0', 'explore?query=1%2F0'])
})

for (const many of [2_000, 5_000]) {
  test(`${many} series stay a page of few elements, which says how many there are`, () => onPage(browser, async ({ page }) => {
    const now = Date.now() / 1000
    for (const ago of [60, 30, 0]) await ingest(Array.from({ length: many }, (_, i) => ({ name: `wide_${many}`, labels: { n: String(i), name: i % 100 ? `x${i}` : NAME.slice(0, 1000) }, time: now - ago, value: i })))
    await open(page, `explore?query=wide_${many}`)
    await page.locator('main .plot').first().waitFor(PATIENCE)
    await page.locator('main').getByText(new RegExp(`\\b${Math.trunc(many / 1000)}.?000 series`)).first().waitFor(PATIENCE)
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length)
    assert.ok(nodes < 2_000 + 400, `${nodes} elements`)
    assert.deepEqual(await faults(page, `${many} series`), [])
  }))
}

test('a board of 8,000 tasks opens, is counted right and stays within its window', () => onPage(browser, async ({ page }) => {
  await service.write(TASKS, board(8_000))
  await until('the board was read', async () => (await service.get('/api/v1/tasks')).boards[0]?.items.length === 8_000)
  for (const at of ['now', 'tasks', 'tasks/4000']) {
    await open(page, at)
    for (const [width, height] of WIDTHS) {
      await page.setViewportSize({ width, height })
      assert.deepEqual(await faults(page, `${at} at ${width} px`), [])
    }
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length)
    assert.ok(nodes < 6_000, `${at}: ${nodes} elements`)
  }
  await page.locator('main [data-status="done"]', { hasText: /2.?667 tasks/ }).waitFor(PATIENCE)
}))
