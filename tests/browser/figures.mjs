/**
 * Figures of live legends: drawn by the worker, where the page would have them as text, said as they change, and text as soon as somebody has to do with them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const { service, withPage } = await withService('', (begun) => send(begun, 10))

/** @param {import('./service.mjs').Service} to @param {number} value */
async function send(to, value) {
  const samples = ['a', 'b'].map((name, i) => ({ name: 'figured', labels: { name }, value: value + i * 1000 }))
  const answer = await fetch(`${to.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples }) })
  assert.ok(answer.ok, `${answer.status} ${await answer.text()}`)
}

/** @param {import('playwright-core').Page} page */
async function open(page) {
  await page.goto(`${service.url}/#/explore?range=15m&query=figured`)
  await waitForState(page, 'live')
  await page.locator('.legend-figure[role="img"]').first().waitFor(PATIENCE)
}

/** What is said of each figure, and what stands there as text. @param {import('playwright-core').Page} page */
const figures = (page) => page.locator('.legend-figure').evaluateAll((all) => all.map((e) => ({ said: e.getAttribute('aria-label'), text: e.textContent })))
/** @param {import('playwright-core').Page} page @param {boolean} drawn */
const are = (page, drawn) => until(drawn ? 'they are drawn' : 'they are text', async () => {
  const visible = await page.evaluate(() => [...document.querySelectorAll('.legend-written canvas')].some((canvas) => getComputedStyle(canvas).visibility === 'visible'))
  return visible === drawn && (await figures(page)).every(({ said, text }) => (said !== null) === drawn && (text === '') === drawn)
})

/** Where the ink of each figure is, in device pixels of a picture of the legend. @param {import('playwright-core').Page} page @param {import('playwright-core').Page} other takes the picture apart */
async function inkOf(page, other) {
  const legend = page.locator('.legend-wrap')
  const picture = (await legend.screenshot()).toString('base64')
  const boxes = await legend.evaluate((wrap) => [...wrap.querySelectorAll('.legend-figure')].map((figure) => {
    const [a, b] = [wrap, figure].map((e) => e.getBoundingClientRect())
    return [b.left - a.left, b.top - a.top, b.width, b.height].map((v) => Math.round(v * devicePixelRatio))
  }))
  return other.evaluate(async ([data, cells]) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(image.width, image.height).getContext('2d'))
    pen.drawImage(image, 0, 0)
    return cells.map(([left, top, width, height]) => {
      const { data: pixels } = pen.getImageData(left, top, width, height)
      let [x1, y1, x2, y2] = [Infinity, Infinity, -1, -1]
      for (let i = 0; i < pixels.length; i += 4) {
        if (pixels[i] + pixels[i + 1] + pixels[i + 2] > 450) continue
        const [x, y] = [(i / 4) % width, Math.floor(i / 4 / width)];
        [x1, y1, x2, y2] = [Math.min(x1, x), Math.min(y1, y), Math.max(x2, x), Math.max(y2, y)]
      }
      return [x1, y1, x2, y2]
    })
  }, /** @type {[string, number[][]]} */ ([picture, boxes]))
}

for (const scale of [1, 2]) {
  test(`figures that are drawn are where the text is, at ${scale} device pixels a pixel`, () => withPage(async ({ page }) => {
    const other = await page.context().newPage()
    await page.bringToFront()
    await open(page)
    await are(page, true)
    const drawn = await inkOf(page, other)
    const { said } = (await figures(page))[4]
    assert.equal(said?.replace(/\D/g, ''), '1010', 'the newest of the second line')
    await page.locator('.legend-wrap').hover()
    await are(page, false)
    const text = await inkOf(page, other)
    assert.equal(drawn.length, 8)
    for (const [i, box] of text.entries()) {
      assert.ok(box[3] > 0, 'there is ink')
      box.forEach((at, side) => assert.ok(Math.abs(at - drawn[i][side]) <= 1, `figure ${i}: ${drawn[i]} in place of ${box}`))
    }
  }, { deviceScaleFactor: scale, colorScheme: 'light' }))
}

test('figures say what is newest, and are text for the pointer, for the cursor, on paper and in colours of the reader', () => withPage(async ({ page }) => {
  await open(page)
  await are(page, true)
  await send(service, 20)
  const [first] = await until('the newest is said', async () => {
    const all = await figures(page)
    return all[0].said === '20' && all[4].said?.replace(/\D/g, '') === '1020' ? all : undefined
  }, 30_000)
  assert.equal(first.text, '')
  await page.locator('.legend-wrap').hover()
  await are(page, false)
  assert.equal((await figures(page))[0].text, '20')
  await page.mouse.move(0, 0)
  await are(page, true)
  await page.locator('.plot').focus()
  await page.keyboard.press('End')
  await are(page, false)
  await page.keyboard.press('Escape')
  await are(page, true)
  for (const media of /** @type {const} */ ([{ media: 'print' }, { media: 'screen', forcedColors: 'active' }])) {
    await page.emulateMedia(media)
    await are(page, false)
    await page.emulateMedia({ media: 'screen', forcedColors: 'none' })
    await are(page, true)
  }
  await page.locator('button.legend-name').first().click()
  await page.mouse.move(0, 0)
  await are(page, true)
  await page.goto(`${service.url}/#/explore?from=${Math.floor(Date.now() / 1000) - 600}&to=${Math.floor(Date.now() / 1000) - 1}&query=figured`)
  await until('of a time that is over they are text', async () => (await figures(page)).every(({ said, text }) => said === null && text !== ''))
}))

test('without the worker figures are text', () => withPage(async ({ page, serverMayBeGone }) => {
  serverMayBeGone(true)
  await page.context().route(/painter.*\.js$/, (route) => route.abort('connectionrefused'))
  await page.goto(`${service.url}/#/explore?range=15m&query=figured`)
  await until('they are there', async () => {
    const all = await figures(page)
    return all.length === 8 && all.every(({ said, text }) => said === null && text !== '')
  })
}))
