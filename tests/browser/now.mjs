/**
 * The first screen: one line that says how things are, causes with an action, what happened meanwhile, the ribbon by mouse and by keyboard.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const TASKS = '.taskmaster/tasks/tasks.json'
/** Alerts of three kinds that fire at once, whatever the machine does, and nothing else. */
const ALERTS = `[optimizer]\nenabled = false\n[containers]\nenabled = false\n${['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance', 'task_failure_rate', 'github_failure_rate', 'memory_pressure', 'memory_filling', 'swapping', 'oom_kill', 'container_oom_kill', 'disk_full', 'disk_filling', 'inodes_full', 'inodes_filling', 'probe_down', 'scrape_target_down', 'source_failing', 'host_silent', 'certificate_ends'].map((rule) => `[alerts.rules.${rule}]\nexpr = "none > 0"\nseverity = "info"\nenabled = false\n`).join('')}
${['first', 'second', 'third', 'fourth'].map((name, i) => `[alerts.rules.${name}_rule]\nexpr = "system_memory_utilization_ratio < ${2 + i}"\nfor = "0s"\nseverity = "warning"\n`).join('')}
[alerts.rules.tasks_of_each_status]\nexpr = "taskmaster_tasks >= 0"\nfor = "0s"\nseverity = "error"\n`

const { service, withPage } = await withService(ALERTS)

/** @param {import('playwright-core').Page} page */
const opened = async (page) => {
  await page.goto(service.url)
  await page.locator('.ribbon canvas').waitFor(PATIENCE)
  await page.locator('[data-panel="board"][data-face="data"]').waitFor(PATIENCE)
}
/** Moves a task on the board of the project. @param {string} to @param {(task: any) => boolean} which @returns {Promise<any>} */
async function move(to, which) {
  const file = JSON.parse(await service.read(TASKS))
  const { currentTag } = JSON.parse(await service.read('.taskmaster/state.json').catch(() => '{}'))
  const tag = file[currentTag] ? currentTag : 'master' in file ? 'master' : Object.keys(file)[0]
  const task = file[tag].tasks.find(which)
  task.status = to
  await service.write(TASKS, JSON.stringify(file))
  return task
}

test('at most three causes, one row a rule, in words; after Ack the focus is on the row that follows', () => withPage(async ({ page }) => {
  await opened(page)
  const list = page.locator('.causes .needs > li')
  await until('five causes', async () => await page.locator('.causes').getAttribute('data-count') === '5')
  assert.equal(await list.count(), 3)
  assert.match(await page.locator('.causes-more').innerText(), /^and 2 more$/)
  assert.match(await page.locator('.verdict').innerText(), /5 things need you/)
  const words = await page.locator('.causes').innerText()
  assert.doesNotMatch(words, /system_memory|taskmaster_tasks|\{/, 'no selector')
  assert.match(words, /Tasks .*, and \d+ more like it/, 'a rule that fires for several series has one row')
  const keys = () => list.evaluateAll((rows) => rows.map((row) => row.getAttribute('data-cause')))
  const before = await keys()
  await list.nth(1).locator('.cause-action').focus()
  await page.keyboard.press('Enter')
  await until('the row is gone', async () => !(await keys()).includes(before[1]))
  await until('the focus is on the row that took its place', () => list.nth(1).evaluate((row) => row.contains(document.activeElement)))
  assert.equal((await keys())[1], before[2])
  assert.match(await page.locator('.verdict').innerText(), /4 things need you/, 'what was taken note of needs nobody')
  const height = await page.locator('.causes').evaluate((e) => e.clientHeight)
  await page.getByRole('button', { name: /^Undo the Ack: / }).waitFor(PATIENCE)
  await page.keyboard.press('u')
  // Rows keep their places, so it comes back where there is room.
  await until('it needs the reader again', async () => JSON.stringify((await keys()).sort()) === JSON.stringify([...before].sort()))
  await page.getByRole('button', { name: /^Undo the Ack: / }).waitFor({ state: 'detached', ...PATIENCE })
  assert.equal(await page.locator('.causes').evaluate((e) => e.clientHeight), height)
}))

test('each part of the verdict leads somewhere, and nothing is told that is not known', () => withPage(async ({ page }) => {
  await opened(page)
  const parts = page.locator('.verdict a')
  await page.locator('.verdict [data-fact="done"]').waitFor(PATIENCE)
  for (const part of await parts.all()) assert.match(await part.getAttribute('href') ?? '', /^#\/(tasks|alerts|status)/)
  assert.equal(await page.locator('[data-fact="money"], [data-fact="forecast"]').count(), 0, 'no agent tells of money, too little was done for a forecast')
}))

test('what happened while nobody looked is told in groups, until it is marked as seen', () => withPage(async ({ page }) => {
  await opened(page)
  const away = page.locator('[data-panel="away"]')
  await away.filter({ hasText: 'first visit' }).waitFor(PATIENCE)
  // As if the reader had left ten minutes ago.
  const left = Date.now() / 1000 - 600
  const task = await move('in-progress', (t) => t.status === 'pending')
  await until('the service has seen it', async () => (await service.get(`/api/v1/events?source=taskmaster&start=${left}`)).some((/** @type {any} */ e) => e.data?.to === 'in-progress'))
  await page.goto('about:blank')
  await page.context().addInitScript((at) => { if (!sessionStorage.getItem('set')) localStorage.setItem('taskpulse.visit', JSON.stringify({ from: at, left: at })); sessionStorage.setItem('set', '1') }, left)
  await opened(page)
  const line = away.locator('[data-news="tasks"] a')
  await line.waitFor(PATIENCE)
  assert.match(await line.innerText(), new RegExp(`^Task ${task.id} .*: started$`))
  assert.match(await line.getAttribute('href') ?? '', new RegExp(`^#/tasks/${task.id}`))
  assert.match(await away.locator('.note').innerText(), /^10\u00a0m|^11\u00a0m/)
  await page.reload()
  await line.waitFor(PATIENCE)
  await away.getByRole('button', { name: 'Mark as seen' }).click()
  await away.filter({ hasText: 'Nothing happened since' }).waitFor(PATIENCE)
  await page.reload()
  await away.filter({ hasText: 'Nothing happened since' }).waitFor(PATIENCE)
}))

test('the ribbon is one stop for Tab, arrows walk over its marks, Enter opens what a task cost', () => withPage(async ({ page }) => {
  const task = await move('in-progress', (t) => t.status === 'pending' || t.status === 'in-progress')
  await opened(page)
  const ribbon = page.locator('.ribbon')
  await ribbon.locator('li', { hasText: new RegExp(`Task ${task.id}\\b.*in progress`) }).first().waitFor({ state: 'attached', ...PATIENCE })
  assert.equal(await ribbon.locator('a:not([tabindex="-1"]), button').count(), 0)
  await ribbon.focus()
  const tip = ribbon.locator('.ribbon-tip[role="status"]')
  // The task has just begun: its mark is there once the view has moved on by a pixel.
  await until('an arrow leads to the task, which stands first', async () => {
    await page.keyboard.press('ArrowUp')
    return /^Task .*goes on|^Task .* to /s.test(await tip.innerText({ timeout: 1_000 }))
  })
  await page.keyboard.press('Enter')
  const panel = page.locator('.mark-panel')
  await panel.waitFor(PATIENCE)
  assert.match(page.url(), /mark=task/)
  for (const name of ['status', 'time', 'CPU', 'CI', 'tokens', 'money', 'commits']) assert.equal(await panel.locator('dt', { hasText: new RegExp(`^${name}$`) }).count(), 1, name)
  assert.match(await panel.innerText(), /money\s+–\s+no coding agent sends its metrics here/, 'no figure is made up')
  assert.equal(await panel.getByRole('button', { name: 'Close' }).evaluate((b) => b === document.activeElement), true)
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached', ...PATIENCE })
  assert.equal(await ribbon.evaluate((box) => box === document.activeElement), true, 'the focus is back')
}))

test('nothing moves: ribbon, causes and cards have their height before and after data, and names of any length are clipped', () => withPage(async ({ page }) => {
  const name = 'שלום\u202e<b>'.repeat(1000)
  const file = JSON.parse(await service.read(TASKS))
  for (const { tasks } of Object.values(file)) for (const task of tasks) task.title = name + task.id
  await service.write(TASKS, JSON.stringify(file))
  await page.goto(service.url)
  await page.locator('[data-panel="ribbon"]').waitFor(PATIENCE)
  const heights = () => page.evaluate(() => ['.causes', '.away', '[data-panel="ribbon"]', '.card'].map((at) => document.querySelector(at)?.getBoundingClientRect().height))
  const before = await heights()
  await opened(page)
  await until('the long name is there', async () => (await page.locator('.ribbon-title').first().innerText()).includes('שלום'))
  assert.deepEqual(await heights(), before)
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  assert.equal(await page.locator('main b b').count(), 0, 'a name is text')
}))

test('on a phone: verdict, what needs the reader, the time away, lanes of tasks, cards, in this order', () => withPage(async ({ page }) => {
  await opened(page)
  const tops = await page.evaluate(() => ['.verdict', '.causes', '.away', '[data-panel="ribbon"]', '.cards'].map((at) => document.querySelector(at)?.getBoundingClientRect().top ?? -1))
  assert.deepEqual(tops, [...tops].sort((a, b) => a - b))
  const lanes = await page.locator('.ribbon-names > li').allInnerTexts()
  assert.equal(lanes.length, 6)
  assert.ok(!lanes.some((text) => /CI|probes|alerts|CPU/.test(text)))
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360)
}, { viewport: { width: 360, height: 780 } }))
