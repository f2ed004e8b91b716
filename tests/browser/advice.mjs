/**
 * The page Advice: what is to be decided, decided by mouse and by keyboard, the course of what was seen in place; narrow, and in both themes.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { onTopic } from './stand_ins.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const now = Math.floor(Date.now() / 1000)
const { service, withPage } = await withService('[optimizer]\nenabled = false\n', async (service) => {
  const times = Array.from({ length: 200 }, (_, i) => now - 86_400 + i * 400)
  const line = (/** @type {string} */ room, /** @type {number} */ by) => JSON.stringify({ metric: { __name__: 'shop_fill_ratio', room }, values: times.map((_, i) => by + i / 500), timestamps: times.map((t) => t * 1000) })
  const answer = await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: [line('cellar', 0.5), line('attic', 0.1)].join('\n') })
  assert.equal(answer.status, 200, await answer.text())
})

/** @param {string} id @param {object} [more] */
const piece = (id, more = {}) => ({
  id, kind: 'disk', title: `The ${id} fills up`, why: `The ${id} was 71 % full, and grew by 10 points a day.`, action: `Empty the ${id}.`, severity: 'warning', status: 'open', created: now - 7200, updated: now - 7200,
  evidence: [{ name: 'full', value: 0.9, low: null, high: null, unit: 'ratio' }, { name: 'time left', value: 86_400, low: 43_200, high: null, unit: 'seconds' }],
  query: 'shop_fill_ratio', start: now - 86_400, end: now - 6000, ...more,
})

/** What a service says of a piece beside that. */
const COUNSEL = {
  priority: 6, confidence: 'medium', effort: 'hours', matters: 'When it is full, nothing can be stored any more.', steps: ['Empty the cellar.', 'See who fills it, and why.', 'Give it more room.'],
  expected: { what: 'share in use', low: 0.17, high: 0.38, unit: 'ratio', basis: 'what it was before it began to fill' }, expected_missing: null,
  refuted_by: 'It stops growing by itself within a day.', measure_missing: null, attempts: /** @type {any[]} */ ([]), seems_applied: /** @type {any} */ (null), verdict: /** @type {any} */ (null), verdict_missing: null, experiment: /** @type {any} */ (null), reason: null, applied_at: null, gone_at: null,
}
const DAY = 86_400
/** An experiment of the same change. @param {string} id @param {string} state @param {number} by after divided by before @param {object} [more] */
const experiment = (id, state, by, more = {}) => ({
  id, title: '', expr: 'avg(shop_fill_ratio)', control: null, direction: 'lower', at: now - 9 * DAY, days: 28, created_at: now - 9 * DAY, metric: { __name__: 'shop_fill_ratio' }, unit_of: 'shop_fill_ratio', state, since: now - DAY, judged_at: now - DAY, judged_from: now - 4 * DAY, final: false,
  sentence: `Shop fill went from 60 % to ${Math.round(60 * by)} %.`, missing: null, others: [], before: { start: now - 18 * DAY, end: now - 9 * DAY, mean: 0.6 }, after: { start: now - 9 * DAY, end: now, mean: 0.6 * by },
  ratio: { value: by, low: by - 0.08, high: by + 0.08 }, difference: { value: 0.6 * (by - 1), low: 0.6 * (by - 1.08), high: 0.6 * (by - 0.92) },
  pairs: Array.from({ length: 18 }, (_, i) => ({ t: now - 9 * DAY + i * DAY / 2, before: 0.6 + 0.1 * Math.sin(i * 3.1), after: by * (0.6 + 0.08 * Math.sin(i * 2.9)) })), ...more,
})
/** @param {ReturnType<typeof experiment>} of @param {object} [more] */
const verdict = ({ state, since, sentence, final, judged_from, missing, before, after, ratio, difference }, more = {}) => ({ state, since, sentence, final, judged_from, missing, before: before.mean, after: after.mean, ratio, difference, ...more })
const HELPED = experiment('e1', 'verified', 0.7)
const VAIN = experiment('e2', 'ineffective', 0.99, { final: true })

/** The service's stream with these pieces instead of its own; what is decided over REST changes them. @param {import('playwright-core').Page} page @param {any[]} pieces @param {any[]} [experiments] @returns {Promise<Array<[string, string]>>} what was asked for: the decision, and what was said with it */
async function withPieces(page, pieces, experiments = []) {
  /** @type {Array<[string, string]>} */
  const asked = []
  await onTopic(page, 'recommendations', (_, frame) => (frame.type === 'snapshot' ? JSON.stringify({ ...frame, data: pieces }) : null))
  if (experiments.length > 0) await page.route('**/api/v1/experiments', (route) => route.fulfill({ json: { status: 'success', data: experiments } }))
  await page.route('**/api/v1/recommendations?state=all', (route) => route.fulfill({ json: { status: 'success', data: pieces } }))
  await page.route('**/api/v1/recommendations/*/*', (route) => {
    const { pathname } = new URL(route.request().url())
    const [, id, decision] = /recommendations\/([^/]+)\/(\w+)$/.exec(pathname) ?? []
    asked.push([decision, route.request().postData() ?? ''])
    const held = pieces.find((one) => one.id === id)
    held.status = { accept: 'accepted', dismiss: 'dismissed', applied: 'applied', undo: held.status === 'applied' ? 'accepted' : 'open', reopen: 'open' }[decision]
    held.updated = now
    return route.fulfill({ json: { status: 'success', data: held } })
  })
  return asked
}

/** @param {import('playwright-core').Page} page @param {string} id */
const row = (page, id) => page.locator(`[data-row="advice ${id}"]`)
/** @param {import('playwright-core').Page} page */
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)

test('a piece opens on what was seen and its course, and is accepted, applied, dismissed with a reason and taken back by mouse', () => withPage(async ({ page }) => {
  const asked = await withPieces(page, [piece('attic', { severity: 'info' }), piece('cellar', { severity: 'error' })])
  await page.goto(`${service.url}/#/advice`)
  const open = page.locator('[data-panel="advice"]')
  await open.locator('.fold').nth(1).waitFor(PATIENCE)
  assert.deepEqual(await open.locator('.fold').evaluateAll((rows) => rows.map((r) => r.getAttribute('data-row'))), ['advice cellar', 'advice attic'], 'the worst stands first')
  assert.equal(await open.locator('.note').innerText(), '2 pieces')
  assert.equal(await page.locator('.strip').count(), 0, 'no course is asked for before it is opened')
  await row(page, 'cellar').locator('.fold-button').click()
  await row(page, 'cellar').getByText('Empty the cellar.').waitFor(PATIENCE)
  const plot = row(page, 'cellar').locator('.strip-plot')
  await plot.locator('.strip-line').nth(1).waitFor({ state: 'attached', ...PATIENCE })
  assert.match(String(await plot.getAttribute('aria-label')), /^The cellar fills up: attic \d+\s%.*; cellar \d+\s% at last, between 50\s% and \d+\s%\. Arrow keys move the cursor\.$/)
  const box = /** @type {{ x: number, y: number, width: number, height: number }} */ (await plot.boundingBox())
  await page.mouse.move(box.x + box.width / 2, box.y + 40)
  await row(page, 'cellar').locator('.strip-legend .num', { hasText: /^\d+\s%$/ }).first().waitFor(PATIENCE)
  assert.match(String(await row(page, 'cellar').getByRole('link', { name: 'Look at its history' }).getAttribute('href')), /^#\/explore\?.*from=\d+.*query=shop_fill_ratio/)

  await row(page, 'cellar').getByRole('button', { name: 'Accept: The cellar fills up' }).click()
  await page.locator('[data-panel="accepted"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await row(page, 'cellar').getByRole('button', { name: 'Applied: The cellar fills up' }).click()
  await row(page, 'cellar').getByRole('button', { name: 'Applied', exact: true }).click()
  await page.locator('[data-panel="applied"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await row(page, 'attic').getByRole('button', { name: 'Dismiss: The attic fills up' }).click()
  await page.waitForFunction(() => document.activeElement?.closest('label')?.textContent?.startsWith('Why not'), undefined, PATIENCE)
  await page.keyboard.type('nobody uses it')
  await row(page, 'attic').getByRole('button', { name: 'Dismiss', exact: true }).click()
  await page.locator('[data-panel="advice"][data-face="empty"]').waitFor(PATIENCE)
  assert.deepEqual(asked.map(([decision]) => decision), ['accept', 'applied', 'dismiss'])
  assert.deepEqual(JSON.parse(asked[2][1]), { reason: 'nobody uses it' })
  await page.getByRole('button', { name: 'Dismissed: 1 piece' }).click()
  await row(page, 'attic').getByRole('button', { name: 'Undo: The attic fills up' }).click()
  await open.getByText('The attic fills up').waitFor(PATIENCE)
}))

test('all of it is done by keyboard, and the focus stays with the piece', () => withPage(async ({ page }) => {
  const asked = await withPieces(page, [piece('cellar', { ...COUNSEL, severity: 'error' }), piece('attic', COUNSEL)])
  await page.goto(service.url)
  await page.locator('html[data-ready="true"]').waitFor(PATIENCE)
  await page.keyboard.press('g')
  await page.keyboard.press('d')
  await row(page, 'attic').waitFor(PATIENCE)
  await page.keyboard.press('j')
  await page.waitForFunction(() => document.activeElement?.textContent?.includes('The cellar fills up'), undefined, PATIENCE)
  await page.keyboard.press('Enter')
  const plot = row(page, 'cellar').locator('.strip-plot')
  await plot.locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
  await plot.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('ArrowRight')
  await row(page, 'cellar').locator('[role="status"]', { hasText: /attic \d+\s%, cellar \d+\s%/ }).waitFor({ state: 'attached', ...PATIENCE })
  await page.keyboard.press('a')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Undo: The cellar fills up', undefined, PATIENCE)
  await page.keyboard.press('d')
  await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT', undefined, PATIENCE)
  await page.keyboard.press('Enter')
  await page.locator('[data-panel="applied"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Undo: The cellar fills up', undefined, PATIENCE)
  await page.keyboard.press('u')
  await page.locator('[data-panel="accepted"]').getByText('The cellar fills up').waitFor(PATIENCE)
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Undo: The cellar fills up', undefined, PATIENCE)
  await page.keyboard.press('u')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Accept: The cellar fills up', undefined, PATIENCE)
  await row(page, 'attic').locator('.fold-button').focus()
  await page.keyboard.press('x')
  await page.waitForFunction(() => document.activeElement?.tagName === 'INPUT', undefined, PATIENCE)
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.endsWith(': The attic fills up'), undefined, PATIENCE)
  await page.keyboard.press('x')
  await page.keyboard.type('is empty')
  await page.keyboard.press('Enter')
  await row(page, 'attic').waitFor({ state: 'detached', ...PATIENCE })
  assert.notEqual(await focused(page), null, 'the focus is not lost')
  assert.deepEqual(asked.map(([decision]) => decision), ['accept', 'applied', 'undo', 'undo', 'dismiss'])
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keys' }).getByText('Accept the advice').waitFor(PATIENCE)
}))

test('a piece says why, what to do, what to expect and what would refute it; what seems applied is confirmed with one button', () => withPage(async ({ page }) => {
  const before = { at: now - 40 * DAY, until: now - 20 * DAY, outcome: 'ineffective', sentence: 'It stayed at 60 %.', experiment: null }
  const asked = await withPieces(page, [piece('cellar', { ...COUNSEL, seems_applied: { at: now - 600, what: 'Settings.toml changed' }, attempts: [before], status: 'accepted' }), piece('attic', { ...COUNSEL, expected: null, expected_missing: 'the evidence does not say' })])
  await page.goto(`${service.url}/#/advice/cellar`)
  const inside = row(page, 'cellar').locator('.fold-body')
  await inside.waitFor(PATIENCE)
  const words = (await inside.innerText()).replaceAll('\u00a0', ' ')
  for (const said of ['When it is full, nothing can be stored', 'See who fills it, and why.', 'Share in use: 17 % to 38 % less taken from what it was before', 'Hours: a search for the cause', 'Medium: a forecast', 'It stops growing by itself', 'no effect. It stayed at 60 %.']) assert.ok(words.includes(said), `${said}: ${words}`)
  assert.equal(await inside.locator('ol li').count(), 3)
  await row(page, 'cellar').getByText(/^It seems applied at .*: Settings\.toml changed$/).waitFor(PATIENCE)
  await row(page, 'cellar').getByRole('button', { name: /^Applied then, at .*: The cellar fills up$/ }).click()
  await page.locator('[data-panel="applied"]').getByText('The cellar fills up').waitFor(PATIENCE)
  assert.equal(asked[0][0], 'applied')
  assert.deepEqual(JSON.parse(asked[0][1]), { at: now - 600 }, 'the moment is said with it')
  await row(page, 'attic').locator('.fold-button').click()
  await row(page, 'attic').getByText('The evidence does not say').waitFor(PATIENCE)
}))

test('a verdict has both numbers, the interval and a picture; what did not help and what is not wanted stand in folds', () => withPage(async ({ page }) => {
  const done = (/** @type {string} */ id, /** @type {any} */ of) => piece(id, { ...COUNSEL, status: 'applied', applied_at: of.at, experiment: of.id, verdict: verdict(of) })
  await withPieces(page, [done('cellar', HELPED), done('attic', VAIN), piece('shed', { ...COUNSEL, status: 'dismissed', reason: 'nobody uses it' }), piece('barn', { ...COUNSEL, status: 'applied', verdict_missing: 'its series is gone' })],
    [HELPED, VAIN, experiment('e3', 'too_early', 1, { title: 'by hand', judged_from: now + DAY })])
  await page.goto(`${service.url}/#/advice`)
  await row(page, 'cellar').getByText('helped', { exact: true }).waitFor(PATIENCE)
  assert.deepEqual((await row(page, 'cellar').locator('.need-since').allInnerTexts()).slice(0, 2).map((text) => text.replaceAll('\u00a0', ' ')), ['60 % → 42 %', '-38 % to -22 %'])
  await row(page, 'cellar').locator('.fold-button').click()
  await row(page, 'cellar').getByRole('img', { name: /18 half days after the change .*: 60\s% before, 42\s% after, -38\s% to -22\s% with 95\s% confidence/ }).waitFor(PATIENCE)
  assert.match(await row(page, 'barn').innerText(), /Whether it helped is not said: its series is gone/)
  assert.equal(await page.locator('[data-panel="experiments"] .fold').count(), 1, 'what follows a piece is shown with it alone')
  assert.equal(await row(page, 'attic').count(), 0)
  await page.getByRole('button', { name: 'Did not help: 1 piece' }).click()
  await row(page, 'attic').getByText('no effect, for good').waitFor(PATIENCE)
  await page.goto(`${service.url}/#/advice/shed`)
  await row(page, 'shed').and(page.locator('[data-open="true"]')).getByText('Not wanted: nobody uses it').waitFor(PATIENCE)
}))

test('what is bound to a piece is run after a question, is listed with what it did, and undone', () => withPage(async ({ page }) => {
  await withPieces(page, [piece('disk_filling:/cellar', COUNSEL), piece('attic', COUNSEL)])
  await page.goto(`${service.url}/#/advice`)
  await page.getByText(/^No advice is carried out automatically/).waitFor(PATIENCE)
  /** @type {any[]} */
  const runs = []
  const bindings = [{ advisor: 'disk_filling', mode: 'ask', after: null, dry_run: '/bin/clean (1 argument)', command: '/bin/clean', undo: '/bin/unclean', timeout: 300, guard: { query: 'max(up)', worse: 'lower', share: 0.2, amount: null, watch: 900 }, cooldown: DAY, ready_at: null, waits_for: null }]
  await page.route('**/api/v1/actions', (route) => route.fulfill({ json: { status: 'success', data: { off: null, bindings, runs } } }))
  await page.route('**/api/v1/recommendations/*/run', (route) => {
    assert.match(route.request().url(), /recommendations\/disk_filling%3A%2Fcellar\/run$/)
    runs.push({ id: 'r1', advisor: 'disk_filling', recommendation: 'disk_filling:/cellar', title: 'The cellar fills up', by: 'person', state: 'watching', reason: '', planned_at: now, began_at: now, watch_until: now + 900, updated: now,
      steps: [{ step: 'dry_run', started: now, ended: now + 1, code: 0, exit: 'code 0', output: 'would free 10 GiB' }], guard: { baseline: 1, bound: 0.8, last: 1, worst: 1 }, is_active: true })
    return route.fulfill({ json: { status: 'success', data: runs[0] } })
  })
  await page.route('**/api/v1/actions/r1/undo', (route) => {
    Object.assign(runs[0], { state: 'undone', reason: 'A person asked for it.' })
    return route.fulfill({ json: { status: 'success', data: runs[0] } })
  })
  await page.reload()
  const own = row(page, 'disk_filling:/cellar')
  const run = own.getByRole('button', { name: /^Run: / })
  await run.waitFor(PATIENCE)
  assert.equal(await row(page, 'attic').getByRole('button', { name: /^Run/ }).count(), 0, 'nothing is bound to this one')
  await run.press('Enter')
  await page.waitForFunction(() => document.activeElement?.textContent === 'Run it', undefined, PATIENCE)
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label')?.startsWith('Run: '), undefined, PATIENCE)
  assert.deepEqual(runs, [], 'nothing ran yet')
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.activeElement?.textContent === 'Run it', undefined, PATIENCE)
  await page.keyboard.press('Enter')
  const done = page.locator('[data-row="run r1"]')
  await done.getByText(/^is watched until /).waitFor(PATIENCE)
  await done.locator('.fold-button').click()
  await done.getByText('would free 10 GiB').waitFor(PATIENCE)
  await page.evaluate(AXE)
  const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run('main')).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`))
  assert.deepEqual(found, [])
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/actions.png`, fullPage: true })
  await done.getByRole('button', { name: 'Undo: The cellar fills up' }).click()
  await done.getByText('A person asked for it.').waitFor(PATIENCE)
  await page.setViewportSize({ width: 360, height: 780 })
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360)
}))

test('a link leads to its piece, open; what is looked for and what is missing is one fold away', () => withPage(async ({ page }) => {
  await withPieces(page, [piece('cellar')])
  await page.goto(service.url)
  await page.locator('.causes [data-advice="cellar"]').getByRole('link', { name: 'Advice: The cellar fills up' }).click(PATIENCE)
  await row(page, 'cellar').and(page.locator('[data-open="true"]')).waitFor(PATIENCE)
  await page.getByRole('button', { name: /^Why nothing here\?/ }).click()
  await page.locator('[data-advisor="probe_down"]').getByText(/cannot be said: advice is switched off/).waitFor(PATIENCE)
  await page.getByText(/things are looked for, \d+ of which cannot be said now/).waitFor(PATIENCE)
}))

test('a course that cannot be read is said in its place, and asked again', () => withPage(async (watched) => {
  const { page } = watched
  watched.serverMayRefuse(true)
  await withPieces(page, [piece('cellar')])
  let refused = true
  await page.route('**/api/v1/buckets?*', (route) => (refused && route.request().url().includes('shop_fill') ? route.fulfill({ status: 429, json: { status: 'error', errorType: 'unavailable', error: 'too busy' } }) : route.continue()))
  await page.goto(`${service.url}/#/advice/cellar`)
  await row(page, 'cellar').locator('.strip').getByText('too busy').waitFor(PATIENCE)
  refused = false
  await row(page, 'cellar').getByRole('button', { name: 'Try again' }).click()
  await row(page, 'cellar').locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
}))

test('axe finds nothing, and nothing is wider than the screen, open and narrow and in both themes', () => withPage(async ({ page }) => {
  const long = 'a-name-of-others-without-a-break-'.repeat(30)
  await withPieces(page, [piece('cellar', { severity: 'critical' }), piece('long', { title: long, why: long, action: long, query: `shop_fill_ratio{room!="${long}"}` }), piece('done', { ...COUNSEL, status: 'applied', applied_at: HELPED.at, experiment: HELPED.id, verdict: verdict(HELPED) }), piece('yes', { ...COUNSEL, status: 'accepted', seems_applied: { at: now - 600, what: long }, attempts: [{ at: now - 9 * DAY, until: now, outcome: 'regressed', sentence: long, experiment: null }] }), piece('no', { status: 'dismissed' })], [HELPED])
  for (const open of ['advice cellar', 'advice long', 'advice done', 'advice yes', 'advisors', 'dismissed', 'over']) {
    await page.goto(`${service.url}/#/advice?${open.startsWith('advice ') ? 'open' : 'behind'}=${encodeURIComponent(open)}`)
    await page.locator(`[data-row="${open}"][data-open="true"] .fold-body`).waitFor(PATIENCE)
    if (open.startsWith('advice ')) await page.locator('.strip-line').first().waitFor({ state: 'attached', ...PATIENCE })
    if (open === 'over') await page.locator('.advice-attempts li').first().waitFor(PATIENCE)
    if (open === 'advisors') await page.locator('[data-advisor]').first().waitFor(PATIENCE)
    if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of [360, 1440, 2560]) {
        await page.setViewportSize({ width, height: 900 })
        const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}`))
        assert.deepEqual(found, [], `${open}, ${colorScheme}, ${width} px`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${open} is no wider than ${width} px`)
        if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/advice-${open.replace(' ', '-')}-${colorScheme}-${width}.png`, fullPage: true })
      }
    }
  }
}))
