/**
 * Questions in the search: asked by keyboard, answered by a sentence, rows, a picture and the query; refused with the nearest ones as choices.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const { service, withPage } = await withService('[optimizer]\nenabled = false\n')

const now = Math.floor(Date.now() / 1000)
const EMPTY = { understood: true, understood_as: null, meaning: null, notes: [], missing: null, refused_word: null, query: null, charts: [], rows: [], nearest: [], page: null }
/** @type {Record<string, object>} */
const ANSWERS = {
  'How busy is the CPU?': {
    ...EMPTY, sentence: 'CPU: 42 % on average in the last hour', notes: ['“cpuu” was read as “cpu”'], query: 'system_cpu_utilization_ratio', charts: [{ query: 'system_cpu_utilization_ratio', start: now - 3600, end: now + 3600, step: 30 }],
    rows: [{ name: 'CPU', text: '42 %', value: 0.42, compared: null, unit: 'ratio', time: null }, { name: '<img src=x onerror=alert(1)>', text: '1 %', value: 0.01, compared: null, unit: 'ratio', time: null }], page: 'system',
  },
  'is my box sweating': { ...EMPTY, understood_as: 'how busy is the cpu <b>', sentence: 'CPU: 42 %, now', notes: ['A model made this question of yours'] },
  'what is love': { ...EMPTY, understood: false, sentence: '“love” is no word of the grammar, and nothing has this name.', refused_word: 'love', nearest: ['How busy is the CPU?', 'Is everything ok?'] },
}

/** The answers of the service, and what was asked. @param {import('playwright-core').Page} page */
async function withAnswers(page) {
  /** @type {string[]} */
  const asked = []
  await page.route('**/api/v1/ask?*', (route) => {
    const q = new URL(route.request().url()).searchParams.get('q') ?? ''
    asked.push(q)
    return route.fulfill({ json: { status: 'success', data: { question: q, ...(ANSWERS[q] ?? { ...EMPTY, understood: false, sentence: 'Not understood.', nearest: [] }) } } })
  })
  await page.goto(service.url)
  await waitForState(page, 'live')
  await page.keyboard.press('/')
  await page.getByRole('combobox', { name: /ask a question$/ }).waitFor(PATIENCE)
  return asked
}

/** @param {import('playwright-core').Page} page */
const answer = (page) => page.getByRole('region', { name: 'Answer', exact: true })
/** @param {import('playwright-core').Page} page */
const findings = async (page) => {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
  return page.evaluate(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`))
}

test('what ends with a question mark is answered in a sentence, rows, a picture and a query that leads to Explore', () => withPage(async ({ page }) => {
  const asked = await withAnswers(page)
  await page.keyboard.type('How busy is the CPU?')
  await answer(page).getByText('CPU: 42 % on average in the last hour').waitFor(PATIENCE)
  assert.deepEqual(asked, ['How busy is the CPU?'], 'nothing is asked before the reader is done')
  await answer(page).getByText('“cpuu” was read as “cpu”').waitFor(PATIENCE)
  assert.deepEqual(await answer(page).locator('tbody tr').allInnerTexts(), ['CPU\t42 %', '<img src=x onerror=alert(1)>\t1 %'])
  await answer(page).locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 780 })
      assert.deepEqual(await findings(page), [], `${colorScheme}, ${width} px`)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width)
      assert.ok(await page.evaluate(() => { const d = document.querySelector('.palette'); return d !== null && d.scrollWidth <= d.clientWidth }), 'nothing is cut')
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/ask-${colorScheme}-${width}.png` })
    }
  }
  await answer(page).getByRole('link', { name: 'Look at its history' }).click()
  await page.waitForURL(/#\/explore\?.*query=system_cpu_utilization_ratio/)
  await page.getByRole('dialog', { name: 'Search' }).waitFor({ state: 'detached', ...PATIENCE })
}))

test('what is not understood says why, and the nearest questions are chosen by keyboard', () => withPage(async ({ page }) => {
  const asked = await withAnswers(page)
  await page.keyboard.type('what is love')
  await page.getByRole('option', { selected: true }).filter({ hasText: 'Ask: what is love' }).waitFor(PATIENCE)
  assert.deepEqual(asked, [])
  await page.keyboard.press('Enter')
  await answer(page).getByText('“love” is no word of the grammar').waitFor(PATIENCE)
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/ask-refused.png` })
  await page.keyboard.press('Tab')
  for (let i = 0; i < 6 && await page.evaluate(() => document.activeElement?.textContent) !== 'How busy is the CPU?'; i += 1) await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await answer(page).getByText('CPU: 42 % on average').waitFor(PATIENCE)
  const field = page.getByRole('combobox', { name: /ask a question$/ })
  assert.equal(await field.inputValue(), 'How busy is the CPU?')
  assert.ok(await page.evaluate(() => document.activeElement?.closest('dialog') !== null), 'the focus stays in the search')
  assert.deepEqual(asked, ['what is love', 'How busy is the CPU?'])
  await field.fill('expl')
  await answer(page).waitFor({ state: 'detached', ...PATIENCE })
  await field.press('Enter')
  await page.waitForURL(/#\/explore/)
}))

test('what a model made of a question stands before its answer', () => withPage(async ({ page }) => {
  await withAnswers(page)
  await page.keyboard.type('is my box sweating')
  await page.keyboard.press('Enter')
  await answer(page).getByText('Understood as: how busy is the cpu <b>').waitFor(PATIENCE)
  const said = await answer(page).locator('p').allInnerTexts()
  assert.deepEqual(said.slice(0, 3), ['Understood as: how busy is the cpu <b>', 'CPU: 42 %, now', 'A model made this question of yours'])
}))

test('a question that cannot be asked is said, and asked again', () => withPage(async (watched) => {
  const { page } = watched
  watched.serverMayRefuse(true)
  await withAnswers(page)
  let refused = true
  await page.route('**/api/v1/ask?*', (route) => (refused ? route.fulfill({ status: 429, json: { status: 'error', errorType: 'unavailable', error: 'too busy' } }) : route.fallback()))
  await page.keyboard.type('How busy is the CPU?')
  await page.getByRole('alert').filter({ hasText: 'too busy' }).waitFor(PATIENCE)
  refused = false
  await page.getByRole('button', { name: 'Try again' }).click()
  await answer(page).getByText('CPU: 42 % on average').waitFor(PATIENCE)
}))
