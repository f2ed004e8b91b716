/**
 * The dashboard by keyboard: every page is reached, the focus is seen and never lost, and the list of keys says what there is.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { onTopic } from './stand_ins.mjs'

const PATIENCE = { timeout: 20_000 }
const ALERT = {
  id: 'keyboard', rule: 'high_cpu_usage', severity: 'warning', state: 'firing', metric: { __name__: 'system_cpu_utilization_ratio' },
  value: 0.87, op: '>', threshold: 0.8, for_seconds: 60, cooldown_seconds: 300, pending_since: 0, firing_since: 0, resolved_at: null,
  last_sample: 0, summary: 'CPU 87 %, above 80 %', acked_at: /** @type {number|null} */ (null), reason: null,
}

const { service, withPage } = await withService()

/** What has the focus: its name, and whether that is seen. @param {import('playwright-core').Page} page */
const focused = (page) => page.evaluate(() => ({
  name: document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? '',
  outline: getComputedStyle(document.activeElement ?? document.body).outlineStyle,
}))

/** An alert cannot be had on demand from a machine at rest: one is added to what the service says. @param {import('playwright-core').Page} page */
async function withAlert(page) {
  await onTopic(page, 'alerts', (text, frame) => (frame.type === 'snapshot' ? JSON.stringify({ ...frame, data: [...frame.data, ALERT] }) : text))
  await page.route('**/api/v1/alerts/keyboard/ack', (route) => route.fulfill({ json: { status: 'success', data: { ...ALERT, acked_at: Date.now() / 1000 } } }))
}

test('the keyboard reaches navigation, time and the ack button, and presses it', () => withPage(async ({ page }) => {
  await withAlert(page)
  await page.goto(service.url)
  await page.locator('[data-alert="keyboard"] button').waitFor(PATIENCE)
  /** @type {string[]} */
  const reached = []
  // A busy machine may have alerts of its own before it.
  for (let i = 0; i < 60 && !reached.some((name) => name.startsWith('Ack: CPU')); i += 1) {
    await page.keyboard.press('Tab')
    const { name, outline } = await focused(page)
    assert.notEqual(outline, 'none', `the focus is visible on “${name}”`)
    reached.push(name)
  }
  for (const name of ['Skip to the page', 'Taskpulse, now', 'Now', 'Tasks', 'Explore', 'Search', 'Time: ', 'Theme', 'Ack: CPU']) {
    assert.ok(reached.some((r) => r.startsWith(name)), `${name} is reached: ${reached.join(' | ')}`)
  }
  await page.keyboard.press('Enter')
  await page.locator('[data-alert="keyboard"]').waitFor({ state: 'detached', ...PATIENCE })
  await page.waitForFunction(() => document.activeElement !== document.body, undefined, PATIENCE)
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.locator('[data-stand="acknowledged"]', { hasText: 'CPU' }).first().waitFor(PATIENCE)
}))

test('g and a letter open each page, and the address says which', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  for (const [key, name] of [['t', 'tasks'], ['w', 'agents'], ['c', 'ci'], ['s', 'system'], ['p', 'application'], ['l', 'logs'], ['a', 'alerts'], ['d', 'advice'], ['e', 'explore'], ['u', 'status'], ['n', 'now']]) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await page.locator(`main[data-page="${name}"] .panel`).first().waitFor(PATIENCE)
    assert.match(page.url(), new RegExp(`#/${name}$`))
  }
}))

test('? lists the keys, and Escape closes the list', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  await waitForState(page, 'live')
  await page.keyboard.press('?')
  const list = page.getByRole('dialog', { name: 'Keys' })
  await list.waitFor(PATIENCE)
  for (const words of ['Search everything', 'Tasks', 'Choose the time']) assert.ok(await list.getByText(words, { exact: true }).isVisible(), words)
  await page.keyboard.press('Escape')
  await list.waitFor({ state: 'detached', ...PATIENCE })
  await page.waitForFunction(() => document.activeElement?.id === 'main', undefined, PATIENCE)
}))

test('/ searches pages, tasks and metrics, and Enter goes there', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  await page.locator('[data-panel="board"][data-face="data"]').waitFor(PATIENCE)
  const tasks = JSON.parse(await service.read('.taskmaster/tasks/tasks.json'))
  const [first] = /** @type {any} */ (Object.values(tasks)[0]).tasks
  for (const [words, kind, hash] of [['expl', 'page', '#/explore'], [first.title, 'task', '#/tasks/'], ['system_cpu_utilization_ratio', 'metric', '#/explore?query=system_cpu_utilization_ratio']]) {
    await page.keyboard.press('/')
    const field = page.getByRole('combobox', { name: /^Search pages/ })
    await field.waitFor(PATIENCE)
    await page.keyboard.insertText(words)
    await page.getByRole('option', { selected: true }).filter({ hasText: kind }).waitFor(PATIENCE)
    await page.keyboard.press('Enter')
    await page.waitForFunction((wanted) => location.hash.startsWith(wanted), hash, PATIENCE)
  }
}))
