/**
 * What needs the reader: whatever the service reports as failing, in its words; and no good word while something fails or is not known.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, waitForState, withPage as onPage } from './browser.mjs'
import { Github, Service, until } from './service.mjs'
import { onTopic } from './stand_ins.mjs'

const PATIENCE = { timeout: 20_000 }
const TASKS = '.taskmaster/tasks/tasks.json'
/** Nothing but what a test makes fail: a busy machine has alerts and advice of its own. */
const CALM = `[optimizer]\nenabled = false\n[containers]\nenabled = false\n${['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance', 'task_failure_rate', 'github_failure_rate', 'memory_pressure', 'memory_filling', 'swapping', 'oom_kill', 'container_oom_kill', 'disk_full', 'disk_filling', 'inodes_full', 'inodes_filling', 'probe_down', 'scrape_target_down', 'source_failing', 'host_silent', 'certificate_ends'].map((rule) => `[alerts.rules.${rule}]\nexpr = "none > 0"\nseverity = "info"\nenabled = false\n`).join('')}`
/** The state that the verdict has when nothing needs the reader. */
const FINE = 'ok'

/** @type {import('playwright-core').Browser} */
let browser

before(async () => { browser = await launch() })
after(() => browser?.close())

/** A service of its own and a page that notes every state that the verdict has had. @param {string} settings @param {(s: Service, w: import('./browser.mjs').Watched & { said: () => Promise<string[]> }) => Promise<void>} body */
async function watched(settings, body) {
  const service = await Service.prepare(CALM + settings)
  try {
    await onPage(browser, async (watch) => {
      await watch.page.addInitScript(() => {
        /** @type {string[]} */
        const said = []
        Object.assign(window, { said })
        new MutationObserver(() => {
          const state = document.querySelector('.verdict')?.getAttribute('data-state')
          if (state && said.at(-1) !== state) said.push(state)
        }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] })
      })
      await body(service, { ...watch, said: () => watch.page.evaluate(() => /** @type {any} */ (window).said) })
    })
  } finally {
    await service.remove()
  }
}

/** @param {import('playwright-core').Page} page @param {string} state @param {string} [words] */
const verdict = (page, state, words = '') => page.locator(`.verdict[data-state="${state}"]`, { hasText: words }).waitFor(PATIENCE)
/** @param {import('playwright-core').Page} page @param {string} key */
const failure = (page, key) => page.locator(`[data-failure="${key}"]`)

/** The number above the list is that of its rows. @param {import('playwright-core').Page} page */
async function countsItsRows(page) {
  const rows = await page.locator('.causes .needs > li').count()
  const more = Number(/\d+/.exec((await page.locator('.causes-more').allInnerTexts()).join())?.[0] ?? 0)
  assert.match(await page.locator('.verdict').innerText(), new RegExp(`${rows + more} thing${rows + more === 1 ? ' needs' : 's need'} you`))
}

test('a board that cannot be read needs the reader, and no longer when it can', () => watched('', async (service, { page, said }) => {
  const board = await service.read(TASKS)
  await service.write(TASKS, '{ garbage')
  await service.start()
  await page.goto(service.url)
  const row = failure(page, 'source taskmaster')
  await row.waitFor(PATIENCE)
  assert.match(await row.innerText(), /The task board cannot be read.*is not JSON.*restore it/s)
  await verdict(page, 'error')
  await countsItsRows(page)
  assert.ok(!(await said()).includes(FINE), `${await said()}`)
  await service.write(TASKS, board)
  await verdict(page, FINE)
  assert.equal(await row.count(), 0)
  // One that breaks while the page is open.
  await service.write(TASKS, '')
  await row.waitFor({ timeout: 60_000 })
}))

test('CI that refuses the token needs the reader', () => watched('', async (service, { page, said }) => {
  const github = new Github()
  try {
    await service.settings(CALM + (await github.start()).replace('token = "t0ken"', 'token = "wrong"'))
    await service.start()
    await page.goto(service.url)
    const row = failure(page, 'source github octo/app')
    await row.waitFor(PATIENCE)
    assert.match(await row.innerText(), /CI of octo\/app cannot be read/)
    await countsItsRows(page)
    assert.ok(!(await said()).includes(FINE), `${await said()}`)
  } finally {
    github.stop()
  }
}))

test('targets that are down, metrics that do not come and programs that fail need the reader, each once', () => watched(
  '[probes.check.shop]\ntcp = "127.0.0.1:1"\ninterval = "1s"\ntimeout = "500ms"\n' +
  '[scrape.targets.node]\nurl = "http://127.0.0.1:1/metrics"\ninterval = "1s"\ntimeout = "500ms"\n' +
  '[commands.run.queue]\ncommand = ["false"]\ninterval = "1s"\ntimeout = "500ms"\n',
  async (service, { page, said }) => {
    await service.start()
    await page.goto(service.url)
    for (const [key, words] of /** @type {Array<[string, RegExp]>} */ ([
      ['target shop', /shop is down.*Connection refused/s], ['source scrape node', /The metrics of node cannot be read/], ['source command queue', /The program queue cannot be read/],
    ])) {
      await failure(page, key).waitFor(PATIENCE)
      assert.match(await failure(page, key).innerText(), words)
    }
    await countsItsRows(page)
    assert.equal(await page.locator('[data-failure]').count(), 3)
    assert.ok(!(await said()).includes(FINE), `${await said()}`)
  },
))

test('nothing good is said while the page loads, while nothing is checked yet, or when the connection is lost', () => watched('', async (service, { page, said, serverMayBeGone }) => {
  await service.start()
  // Status does not come: all else does.
  let held = true
  await onTopic(page, 'status', (text) => (held ? null : text))
  await page.goto(service.url)
  await page.locator('[data-panel="board"][data-face="data"]').waitFor(PATIENCE)
  await waitForState(page, 'live')
  assert.ok(!(await said()).includes(FINE), `${await said()}`)
  held = false
  await verdict(page, FINE)
  serverMayBeGone(true)
  await service.kill()
  await verdict(page, 'unknown', 'Connection lost, as of')
  assert.match(await page.locator('.all-quiet').innerText(), /Connection lost: what needs you is not known/)
}))

/** Changes what the service says of itself. @param {import('playwright-core').Page} page @param {(status: any) => object} change */
const saying = (page, change) => onTopic(page, 'status', (text, frame) => (
  frame.data ? JSON.stringify({ ...frame, data: [{ ...frame.data[0], ...change(frame.data[0]) }] }) : text))

test('a service that is not well, parts of it that are down and what it reads only in part need the reader', () => watched('', async (service, { page, said }) => {
  await service.start()
  await saying(page, (status) => ({
    state: 'degraded',
    problems: ['store: the disk is full', 'actor hub: no beat for 40 s', 'source system: not all file systems answer'],
    actors: status.actors.map((/** @type {any} */ a) => (a.name === 'hub' ? { ...a, state: 'stuck', reason: 'no beat for 40 s' } : a)),
    sources: [
      ...status.sources.map((/** @type {any} */ s) => (s.source === 'system' ? { ...s, up: true, reason: 'not all file systems answer' } : s)),
      { source: 'taskmaster shop', up: null, reason: 'no board in /srv/shop', hint: 'run `task-master init`', since: 1, last_sample: null, samples: 0 },
    ],
  }))
  await page.goto(service.url)
  await failure(page, 'problem store: the disk is full').waitFor(PATIENCE)
  await failure(page, 'actor hub').waitFor(PATIENCE)
  assert.match(await failure(page, 'source system').innerText(), /The machine can be read only in part.*not all file systems answer/s)
  await countsItsRows(page)
  assert.equal(await page.locator('[data-panel="needs"]').getAttribute('data-count'), '4', 'each once')
  await page.locator('.causes-more', { hasText: 'and 1 more' }).waitFor(PATIENCE)
  assert.ok(!(await said()).includes(FINE), `${await said()}`)
}))

test('a target that was not checked yet is not known to be well', () => watched('', async (service, { page, said }) => {
  await service.start()
  const target = { target: 'shop', kind: 'tcp', address: 'x:1', up: null, reason: null, since: null, checked_at: null, interval_seconds: 30, duration_seconds: null, http_status: null, certificate_expires: null }
  await saying(page, () => ({ targets: [target] }))
  await page.goto(service.url)
  await verdict(page, 'unknown', 'Not checked yet: shop')
  await until('the board is there', async () => await page.locator('[data-panel="board"][data-face="data"]').count() > 0)
  assert.ok(!(await said()).includes(FINE), `${await said()}`)
}))

test('while nothing needs the reader, what is ready to start is listed, and leads to its task', () => watched('', async (service, { page }) => {
  const task = (/** @type {number} */ id, /** @type {string} */ status, /** @type {number[]} */ dependencies) => ({ id, title: `Task ${id}`, description: '', status, dependencies, priority: 'high', subtasks: [] })
  const board = (/** @type {any[]} */ tasks) => service.write(TASKS, JSON.stringify({ master: { metadata: {}, tasks } }))
  await service.write('.taskmaster/state.json', JSON.stringify({ currentTag: 'master' }))
  await board([task(1, 'done', []), task(2, 'pending', [1]), task(3, 'pending', [2]), ...[4, 5, 6].map((id) => task(id, 'pending', []))])
  await service.start()
  await page.goto(service.url)
  const ready = page.getByRole('list', { name: 'Ready to start' }).getByRole('listitem')
  await ready.first().waitFor(PATIENCE)
  assert.deepEqual((await ready.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim()), ['2 Task 2 high', '4 Task 4 high', '5 Task 5 high'], 'what waits for another is not ready')
  assert.equal((await page.locator('.next-head').innerText()).trim(), 'Ready to start · 3 of 4 tasks')
  await ready.first().getByRole('link').click()
  await page.locator('main', { hasText: 'Task 2' }).waitFor(PATIENCE)
  assert.match(page.url(), /#\/tasks\/2/)
  await page.goto(`${service.url}/#/`)
  await board([task(1, 'done', []), task(2, 'done', [])])
  await page.locator('.next-none', { hasText: 'Every task of the board is done.' }).waitFor(PATIENCE)
}))

test('a run of an action that was undone by itself needs the reader, and one link leads to it until it is seen', () => watched('', async (service, { page }) => {
  await service.start()
  const now = Math.floor(Date.now() / 1000)
  const run = {
    id: 'r1', advisor: 'disk_filling', recommendation: 'disk_filling:/cellar', title: 'The cellar fills up', by: 'service', state: 'undone', reason: 'The guard was 2, beyond 1.2; before the command it was 1.',
    planned_at: now - 60, began_at: now - 59, watch_until: now + 900, updated: now - 30, steps: [], guard: { baseline: 1, bound: 1.2, last: 2, worst: 2 }, is_active: false, needs_person: true,
  }
  await saying(page, () => ({ needs_person: run.needs_person ? [run] : [] }))
  await page.route('**/api/v1/actions', (route) => route.fulfill({ json: { status: 'success', data: { off: null, bindings: [], runs: [run] } } }))
  await page.route('**/api/v1/actions/r1/resolve', (route) => {
    run.needs_person = false
    return route.fulfill({ json: { status: 'success', data: run } })
  })
  await page.goto(service.url)
  const row = failure(page, 'run r1')
  await row.waitFor(PATIENCE)
  assert.match(await row.innerText(), /An action was undone: The cellar fills up.*The guard was 2/s)
  await countsItsRows(page)
  await row.getByRole('link', { name: /^Open: / }).click()
  const open = page.locator('[data-row="run r1"][data-open="true"]')
  await open.waitFor(PATIENCE)
  await open.getByRole('button', { name: 'Seen to: The cellar fills up' }).click()
  await open.getByRole('button', { name: /^Seen to/ }).waitFor({ state: 'detached', ...PATIENCE })
  await page.goto(`${service.url}/#/now`)
  await verdict(page, FINE)
  assert.equal(await row.count(), 0)
}))
