/**
 * The dashboard with forced colours, with less motion, at 320 px, and on paper.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForPage, waitForState } from './browser.mjs'
import { withEverything } from './fixture.mjs'

const PAGES = ['now', 'tasks', 'ci', 'system', 'application', 'logs', 'alerts', 'explore', 'status']
/** A sheet of A4 between its margins, in pixels of a style sheet. */
const PAPER_PX = 703

const { service, withPage: onPage } = await withEverything()

/** @param {import('playwright-core').Page} page @param {string} name */
async function open(page, name) {
  await page.goto(`${service.url}/#/${name}`)
  await waitForState(page, 'live')
  await waitForPage(page, name)
}

test('forced colours leave what is current and what colours mean to be seen', () => onPage(async ({ page }) => {
  await open(page, 'tasks')
  const border = (/** @type {string} */ which) => page.locator(`.nav a${which}`).first().evaluate((e) => getComputedStyle(e).borderBottomColor)
  assert.notEqual(await border('[aria-current]'), await border(':not([aria-current])'), 'the page in view is marked')
  const swatches = await page.locator('main .swatch').evaluateAll((all) => all.map((e) => getComputedStyle(e).backgroundColor))
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  assert.ok(swatches.length > 0 && swatches.every((colour) => colour !== ground && colour !== 'rgb(255, 255, 255)' && colour !== 'rgb(0, 0, 0)'), `colours of statuses are kept: ${swatches}`)
}, { forcedColors: 'active' }))

test('nothing moves for who asked for less motion', () => onPage(async ({ page }) => {
  for (const name of PAGES) {
    await open(page, name)
    const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((e) => {
      const { transitionDuration, animationDuration } = getComputedStyle(e)
      return [...transitionDuration.split(','), ...animationDuration.split(',')].some((d) => parseFloat(d) > 0)
    }).map((e) => e.className))
    assert.deepEqual(moving, [], name)
  }
}, { reducedMotion: 'reduce' }))

test('at 320 px, as with a zoom of 400 %, nothing has to be scrolled sideways', () => onPage(async ({ page }) => {
  for (const name of PAGES) {
    await open(page, name)
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 320, name)
  }
}, { viewport: { width: 320, height: 640 } }))

test('on paper a page is as wide as the sheet, without what only a screen can use, with its pictures', { timeout: 120_000 }, () => onPage(async ({ page }) => {
  for (const name of PAGES) {
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.emulateMedia({ media: 'screen' })
    await open(page, name)
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
    await page.emulateMedia({ media: 'print' })
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    // The window takes the sheet's width; what was painted for the screen keeps its own, as it does in print.
    await page.setViewportSize({ width: PAPER_PX, height: 1000 })
    const seen = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      useless: [...document.querySelectorAll('.top, .bottom-nav, .skip, .button')].filter((e) => e.getClientRects().length > 0).length,
      heading: document.querySelector('h1')?.getBoundingClientRect().height ?? 0,
      ground: getComputedStyle(document.documentElement).colorScheme,
    }))
    assert.ok(seen.wide <= PAPER_PX, `${name} is ${seen.wide} px wide`)
    assert.equal(seen.useless, 0, name)
    assert.ok(seen.heading > 16, `${name} says what it is`)
    assert.equal(seen.ground, 'light', name)
    if (name === 'system' || name === 'now') await page.locator('main canvas').first().waitFor({ timeout: 20_000 })
  }
  assert.ok((await page.pdf({ preferCSSPageSize: true })).byteLength > 1000)
}, { colorScheme: 'dark' }))
