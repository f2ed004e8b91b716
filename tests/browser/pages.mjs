/**
 * The pages Tasks, CI, System and Application with a recorded board, a stand-in for GitHub and probes: what is drawn is what the service says.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { withService } from './fixture.mjs'
import { Github, until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
const TASKS = '.taskmaster/tasks/tasks.json'
/** Nothing listens there: ports below 1024 are not given out. */
const NOBODY = '127.0.0.1:9'

const github = new Github()
const watching = await github.start()
after(() => github.stop())
const { service, withPage: onPage } = await withService((s) => `${watching}[containers]\nenabled = false\n[probes.check.page]\nurl = "${s.url}/healthz"\ninterval = "1s"\n[probes.check.gone]\ntcp = "${NOBODY}"\ninterval = "1s"\n`)

/** @param {string} hash @param {(page: import('playwright-core').Page) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
const withPage = (hash, body, options) => onPage(async ({ page }) => {
  await page.goto(`${service.url}/${hash}`)
  await body(page)
}, options)

/** The tasks of a tag, by the board's file. @param {string} tag @returns {Promise<any[]>} */
const tasksOf = async (tag) => JSON.parse(await service.read(TASKS))[tag].tasks

test('the board has the tasks of the file in columns, with their titles and counts', () => withPage('#/tasks?board=project%2Fmaster', async (page) => {
  const board = page.locator('.tasks-page')
  await board.waitFor(PATIENCE)
  const tag = (await board.getAttribute('data-board'))?.split('/').pop() ?? ''
  const tasks = await tasksOf(tag)
  const counts = (await service.countsOfFiles())[tag]
  for (const [status, n] of Object.entries(counts)) {
    const column = page.locator(`.column[data-status="${status}"]`)
    assert.equal(await column.getAttribute('data-count'), String(n), status)
    assert.match(await column.locator('h3 .note').innerText(), new RegExp(`^${n} tasks?$`))
    assert.equal(await column.locator('li').count(), n, `rows of ${status}`)
  }
  for (const { id, title } of tasks) assert.equal(await page.locator(`[data-task="${id}"] .column-title`).innerText(), title)
  // The filter is in the address, and the count above is that of the rows.
  await page.keyboard.press('f')
  await page.keyboard.type(tasks[0].title)
  await page.waitForURL(/[?&]q=/)
  await page.locator(`[data-task="${tasks[0].id}"]`).waitFor(PATIENCE)
  const rows = await page.locator('.column-task').count()
  assert.match(await page.locator('[data-panel="board-columns"] .panel-head .note').innerText(), new RegExp(`^${rows} of ${tasks.length} tasks`))
}))

test('a task opens beside the board with its history and dependencies, and Escape leads back', () => withPage('#/tasks?board=project%2Fmaster', async (page) => {
  await page.locator('.tasks-page').waitFor(PATIENCE)
  const tag = (await page.locator('.tasks-page').getAttribute('data-board'))?.split('/').pop() ?? ''
  const tasks = await tasksOf(tag)
  const task = tasks.find((t) => t.dependencies?.length > 0)
  await page.locator(`[data-task="${task.id}"]`).click()
  const panel = page.locator('[data-panel="task"]')
  await panel.waitFor(PATIENCE)
  assert.match(page.url(), new RegExp(`#/tasks/${task.id}(\\?|$)`))
  assert.ok((await panel.innerText()).includes(task.title))
  const needs = tasks.find((t) => String(t.id) === String(task.dependencies[0]))
  await panel.getByRole('link', { name: needs.title }).first().waitFor(PATIENCE)
  // It moves, and the move is in its history.
  const file = JSON.parse(await service.read(TASKS))
  const moved = file[tag].tasks.find((/** @type {any} */ t) => t.id === task.id)
  const [from, to] = [moved.status, moved.status === 'in-progress' ? 'review' : 'in-progress']
  Object.assign(moved, { status: to, updatedAt: new Date().toISOString() })
  await service.write(TASKS, JSON.stringify(file))
  await panel.locator('ol.sheet-list li', { hasText: to === 'review' ? 'in review' : 'in progress' }).first().waitFor(PATIENCE)
  assert.notEqual(from, to)
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached', ...PATIENCE })
  assert.match(page.url(), /#\/tasks(\?|$)/)
}))

test('a board of 8,000 tasks opens with few nodes, and any of its tasks can be found', async () => {
  const file = await service.read(TASKS)
  const many = Array.from({ length: 8000 }, (_, i) => ({ id: i + 1, title: `Task number ${i + 1} <b>of many</b>`, status: i % 3 ? 'pending' : 'done', dependencies: i > 20 ? [i - 10] : [], subtasks: [] }))
  await service.write(TASKS, JSON.stringify({ ...JSON.parse(file), many: { tasks: many, metadata: {} } }))
  await until('the board is read', async () => (await service.get('/api/v1/tasks')).boards.some((/** @type {any} */ b) => b.tag === 'many'))
  try {
    await withPage('#/tasks?board=project%2Fmany', async (page) => {
      await page.locator('.column[data-status="pending"][data-count="5333"]').waitFor(PATIENCE)
      const nodes = await page.evaluate(() => document.querySelectorAll('*').length)
      assert.ok(nodes < 2000, `${nodes} nodes`)
      await page.locator('.filter').fill('number 7654')
      await page.locator('[data-task="7654"]').click()
      await page.locator('[data-panel="task"]', { hasText: 'Task number 7654 <b>of many</b>' }).waitFor(PATIENCE)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
    })
  } finally {
    await service.write(TASKS, file)
  }
})

test('runs link to where they ran, and the flow comes to the seconds of the jobs', async () => {
  await until('all jobs are read', async () => {
    const [repository] = (await service.get('/api/v1/ci/runs')).repositories
    return repository?.whole && repository.runs_known > 0 && repository.jobs_wanted === 0
  })
  await withPage('#/ci?range=30d', async (page) => {
    const box = page.locator('.flow-box svg')
    await box.waitFor(PATIENCE)
    const { repositories: [repository] } = await service.get('/api/v1/ci/runs')
    const { repositories: [all] } = await service.get('/api/v1/ci/jobs')
    const sum = (/** @type {any[]} */ list, /** @type {string} */ key) => list.reduce((total, row) => total + (row[key] ?? 0), 0)
    assert.ok(all.jobs.length > 0 && all.jobs.every((/** @type {any} */ job) => job.job !== null), 'every job has its name')
    assert.ok(Math.abs(sum(all.jobs, 'seconds') - sum(repository.workflows, 'job_seconds')) < 1, 'the rows come to the job seconds of the workflows')
    for (const column of [0, 1, 2]) {
      const drawn = await page.locator(`.flow-node[data-column="${column}"]`).evaluateAll((nodes) => nodes.map((n) => Number(n.getAttribute('data-seconds'))))
      assert.ok(Math.abs(drawn.reduce((a, b) => a + b, 0) - Number(await page.locator('.flow-room').getAttribute('data-seconds'))) < 1, `column ${column}`)
    }
    const newest = repository.runs[0]
    const line = page.locator(`[data-run="${newest.id}"]`).first()
    assert.equal(await line.getAttribute('href'), newest.url)
    const failed = repository.runs.filter((/** @type {any} */ run) => run.conclusion === 'failure')
    await page.getByLabel('Which runs').selectOption('failed')
    await page.locator('[data-panel="runs"] .note', { hasText: `${failed.length} run` }).waitFor(PATIENCE)
    for (const mark of await page.locator('.run-line > .mark').all()) assert.match(await mark.getAttribute('class') ?? '', /mark-error/)
  })
})

test('a probe that is down is shown as down and never as fast', () => withPage('#/application', async (page) => {
  await until('both were checked', async () => (await service.get('/api/v1/status')).targets.every((/** @type {any} */ t) => t.checked_at !== null))
  const down = page.locator('[data-panel="probes"] tr[data-row="gone"]')
  const up = page.locator('[data-panel="probes"] tr[data-row="page"]')
  await up.locator('.phases').waitFor(PATIENCE)
  assert.match(await down.innerText(), /down/)
  assert.equal(await down.locator('.phases').count(), 0, 'no bar of an answer')
  await until('its share of checks is known, and no answer time alone is a dash', async () => (await down.locator('.figure-none').count()) === 1)
  assert.equal(await page.locator('[data-panel="probes"] tbody tr').first().getAttribute('data-row'), 'gone', 'what is down comes first')
  await until('the phases of a check are known', async () => /first byte/.test(await up.locator('.phases').getAttribute('aria-label') ?? ''))
  const { health } = await service.get('/api/v1/status')
  assert.equal(await page.locator('.health-parts tr').count(), health.parts.length + health.missing.length)
}))

test('a table is sorted by its heads, in the address too, and says what is not measured', () => withPage('#/system', async (page) => {
  const table = page.locator('[data-panel="processes-table"] table')
  await table.waitFor(PATIENCE)
  await table.getByRole('button', { name: 'Memory' }).click()
  await page.waitForURL(/sort\.processes=-memory/)
  assert.equal(await table.locator('th[aria-sort="descending"]').innerText(), 'Memory ↓')
  await page.reload()
  await table.locator('th[aria-sort="descending"]', { hasText: 'Memory' }).waitFor(PATIENCE)
  await page.locator('[data-panel="groups"][data-face="empty"]').waitFor(PATIENCE)
  // A kernel may not say it, and then its panel says what it needs.
  await page.locator('[data-panel="chart-pressure"]', { hasText: /psi=1|memory/ }).waitFor(PATIENCE)
}))

test('on a phone the pictures of CI show that there is more to the side, until it is in view', async () => {
  const signs = async (/** @type {import('playwright-core').Page} */ page) => [await page.locator('.sideways:has(.flow-box)').getAttribute('data-more'), await page.locator('.sideways:has(.week)').getAttribute('data-more')]
  await withPage('#/ci', async (page) => {
    await page.locator('.flow').waitFor(PATIENCE)
    await page.locator('.week').waitFor(PATIENCE)
    assert.deepEqual(await signs(page), ['right', 'right'])
    await page.locator('.flow-box').evaluate((e) => { e.scrollLeft = 40 })
    await page.locator('.week').evaluate((e) => { e.scrollLeft = 1000 })
    await until('they follow', async () => (await signs(page)).join() === 'left right,left')
  }, { viewport: { width: 360, height: 780 } })
  await withPage('#/ci', async (page) => {
    await page.locator('.flow').waitFor(PATIENCE)
    await page.locator('.week').waitFor(PATIENCE)
    assert.deepEqual(await signs(page), ['', ''])
  })
})

test('no page is wider than a phone', async () => {
  for (const hash of ['#/tasks/2', '#/ci', '#/system', '#/application/page']) {
    await withPage(hash, async (page) => {
      await page.locator('main .panel[data-face="data"]').first().waitFor(PATIENCE)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), hash)
    }, { viewport: { width: 360, height: 780 } })
  }
})

test('after a kill a bar of the ribbon ends where the service was last known to run', async () => {
  await until('the service has measured itself', async () => (await service.get('/api/v1/query?query=taskpulse_process_start_time_seconds')).result.length > 0)
  await service.kill()
  await service.start()
  await withPage('#/now', async (page) => {
    const marks = page.getByRole('list', { name: 'Marks of the ribbon' })
    await marks.locator('li', { hasText: /^gone down: .*; then the service was off, .* to \d\d:\d\d/ }).first().waitFor({ state: 'attached', ...PATIENCE })
  })
})
