/**
 * The focus: few stops for Tab, arrows within cards and lists, j and k from row to row; and it is never lost.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withEverything } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
/** Of the first page, which once had 145. */
const MOST_STOPS = 40

const { service, withPage: onPage } = await withEverything()

/** @param {(page: import('playwright-core').Page) => Promise<void>} body */
const withPage = (body) => onPage(async ({ page }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  await page.locator('[data-panel="ci"][data-face="data"]').waitFor(PATIENCE)
  await page.locator('[data-panel="application"][data-face="data"]').waitFor(PATIENCE)
  await body(page)
})

/** Whether something of the page has the focus, rather than all of it. @param {import('playwright-core').Page} page */
const held = (page) => page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body && document.activeElement.isConnected)

test('the first page has few stops for Tab, and each shows that it has the focus', () => withPage(async (page) => {
  let stops = 0
  for (; stops <= MOST_STOPS; stops += 1) {
    await page.keyboard.press('Tab')
    if (!await held(page)) break
    const outline = await page.evaluate(() => getComputedStyle(/** @type {Element} */ (document.activeElement)).outlineStyle)
    assert.notEqual(outline, 'none', await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200)))
  }
  assert.ok(stops > 10 && stops <= MOST_STOPS, `${stops} stops`)
}))

test('what shows the focus of a chart lies within the chart, where nothing covers it', () => onPage(async ({ page }) => {
  await page.goto(`${service.url}/#/system`)
  const plot = page.locator('.plot').first()
  await plot.locator('canvas').waitFor(PATIENCE)
  await page.keyboard.press('Tab')
  await plot.focus()
  const [width, offset] = await plot.evaluate((e) => [getComputedStyle(e).outlineWidth, getComputedStyle(e).outlineOffset].map(parseFloat))
  assert.ok(width >= 2 && offset <= -width, `${width} px wide, ${offset} px outside`)
}))

test('arrows walk within a card, Home and End to its ends, and Tab comes back to where it was', () => withPage(async (page) => {
  const items = page.locator('[data-panel="machine"] a[href]')
  const many = await items.count()
  assert.ok(many > 2)
  await items.first().focus()
  await page.keyboard.press('ArrowDown')
  assert.ok(await items.nth(1).evaluate((e) => e === document.activeElement))
  await page.keyboard.press('End')
  assert.ok(await items.nth(many - 1).evaluate((e) => e === document.activeElement))
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Shift+Tab')
  await page.keyboard.press('Tab')
  assert.ok(await items.nth(1).evaluate((e) => e === document.activeElement))
  assert.equal(await items.evaluateAll((all) => all.filter((e) => /** @type {HTMLElement} */ (e).tabIndex === 0).length), 1, 'one stop')
}))

test('j and k lead on from column to column of a board, left and right beside', () => onPage(async ({ page }) => {
  await page.goto(`${service.url}/#/tasks?board=project%2Fmaster`)
  await page.locator('.column-task').first().waitFor(PATIENCE)
  const at = () => page.evaluate(() => `${document.activeElement?.closest('.column')?.getAttribute('data-status')} ${document.activeElement?.getAttribute('data-task')}`)
  /** @type {Array<[string, number]>} */
  const columns = await page.locator('.column').evaluateAll((all) => all.map((c) => [c.getAttribute('data-status') ?? '', Number(c.getAttribute('data-count'))]))
  const tasks = await page.locator('.column').evaluateAll((all) => all.flatMap((c) => [...c.querySelectorAll('.column-task')].map((t) => `${c.getAttribute('data-status')} ${t.getAttribute('data-task')}`)))
  assert.ok(columns.filter(([, n]) => n > 0).length > 3 && tasks.length === 10, `${columns}`)
  await page.locator('.column-task').first().focus()
  const went = [await at()]
  for (let i = 1; i < tasks.length; i += 1) {
    await page.keyboard.press('j')
    await page.waitForFunction((before) => document.activeElement?.getAttribute('data-task') !== before, went[went.length - 1].split(' ')[1], PATIENCE)
    went.push(await at())
  }
  assert.deepEqual(went, tasks)
  for (let i = tasks.length - 2; i >= 0; i -= 1) {
    await page.keyboard.press('k')
    await until('the row before', async () => await at() === tasks[i])
  }
  const [first, second] = columns.filter(([, n]) => n > 0)
  await page.keyboard.press('ArrowRight')
  assert.ok((await at()).startsWith(`${second[0]} `), `${await at()}`)
  await page.keyboard.press('ArrowLeft')
  assert.equal(await at(), tasks[0], first[0])
}))

test('j and k walk from row to row, over lists', () => withPage(async (page) => {
  const where = () => page.evaluate(() => document.activeElement?.closest('[data-panel]')?.getAttribute('data-panel') ?? '')
  /** @type {Set<string>} */
  const panels = new Set()
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press('j')
    assert.ok(await held(page))
    panels.add(await where())
  }
  assert.ok(panels.has('board') && panels.has('machine'), [...panels].join())
  const last = await page.evaluate(() => document.activeElement?.outerHTML)
  await page.keyboard.press('k')
  assert.notEqual(await page.evaluate(() => document.activeElement?.outerHTML), last)
}))

test('the focus is kept when its row goes away, when a dialog closes, and when a page changes', () => withPage(async (page) => {
  // What has the focus is taken out of the page, as the list does when it changes.
  const link = page.locator('[data-panel="machine"] a[href]').first()
  await link.focus()
  await link.evaluate((e) => e.remove())
  await page.waitForFunction(() => document.activeElement?.closest('[data-panel="machine"]') !== null && document.activeElement !== document.body, undefined, PATIENCE)

  const search = page.getByRole('button', { name: 'Search' })
  await search.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('combobox', { name: /^Search pages/ }).waitFor(PATIENCE)
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Search', undefined, PATIENCE)

  for (const key of ['s', 'u', 'n']) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await page.waitForFunction(() => document.activeElement?.id === 'main', undefined, PATIENCE)
  }
}))

test('single keys can be switched off, and stay off', () => withPage(async (page) => {
  await page.keyboard.press('?')
  await page.getByRole('checkbox', { name: /Single keys/ }).uncheck(PATIENCE)
  await page.keyboard.press('Escape')
  await page.reload()
  await waitForState(page, 'live')
  await page.keyboard.press('/')
  await page.keyboard.press('?')
  assert.equal(await page.getByRole('dialog').count(), 0)
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox', { name: /^Search pages/ }).waitFor(PATIENCE)
}))

test('fingers reach every page: at the bottom, and through More', () => onPage(async ({ page }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  const bottom = page.locator('.bottom-nav')
  await bottom.getByRole('link', { name: 'Tasks' }).tap(PATIENCE)
  await page.locator('main[data-page="tasks"] .panel').first().waitFor(PATIENCE)
  await bottom.getByRole('button', { name: 'More' }).tap()
  await page.getByRole('option', { name: /^System/ }).tap(PATIENCE)
  await page.locator('main[data-page="system"] .plot').first().waitFor(PATIENCE)
  await page.locator('main[data-page="system"] .plot-over').first().tap()
  await page.locator('.brand').tap()
  await page.locator('main[data-page="now"] .ribbon').waitFor(PATIENCE)
}, { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true }))
