/**
 * The page Agents, and what the first page and notifications say of agents, with answers made here: states, figures that are not known, a list
 * that does not move, costs that come to their total, budgets.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { waitForPage, waitForState } from './browser.mjs'
import { withService } from './fixture.mjs'
import { hide } from './measure.mjs'
import { BINARY, until } from './service.mjs'
import { onTopic } from './stand_ins.mjs'

const PATIENCE = { timeout: 20_000 }
const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** What a busy machine would say beside them. */
const QUIET = ['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance', 'task_failure_rate', 'github_failure_rate']
  .map((rule) => `[alerts.rules.${rule}]\nexpr = "none > 0"\nseverity = "info"\nenabled = false\n`).join('')
const { service, withPage: onPage } = await withService(`${QUIET}[optimizer]\nenabled = false\n`)
const { currentTag: TAG } = JSON.parse(await service.read('.taskmaster/state.json'))
/** @type {{ id: string, title: string }} */
const TASK = JSON.parse(await service.read('.taskmaster/tasks/tasks.json'), (key, value) => (key === 'id' ? String(value) : value))[TAG].tasks[0]

const WAITS = new RegExp(`Claude Code on task ${TASK.id} waits for your permission to run Bash`)
const ID = '84dfb161-e96c-4b01-9edf-9f212226dd0f'
const now = Math.floor(Date.now() / 1000)

/** A session of which hooks alone told. @param {string} id @param {object} [more] @returns {any} */
const session = (id, more) => ({
  agent: 'claude-code', id, host: null, state: 'working', since: now - 90, waits_for: null, tool: null, first_seen: now - 3600, last_seen: now - 5, folder: null, repository: null, branch: null, model: null, version: null, tasks: [],
  context_used_ratio: null, cost_usd: null, tokens: {}, requests: null, errors: 0, prompts: 0, active_seconds: null, waiting_seconds: null, cpu_seconds: null, retries: null, lines_added: null, lines_removed: null, tools: [], commits: [], subagents: [], limits: [],
  findings: [], ...more,
})
/** One that needs a person and says all that can be said. */
const full = session(ID, {
  state: 'waiting', waits_for: 'permission', tool: 'Bash', since: now - 200, first_seen: now - 4000, last_seen: now - 200, folder: '/home/dev/app', repository: 'octo/app', branch: 'feature/parser', model: 'claude-opus-5-5',
  tasks: [{ project: 'project', tag: TAG, id: TASK.id, how: 'by_folder_and_time' }], context_used_ratio: 0.61, cost_usd: 0.0732, tokens: { input: 8500, output: 640, cache_read: 72000, cache_creation: 2400 },
  requests: 8, errors: 0, prompts: 1, version: '2.1.328', limits: [{ name: 'five_hour', used_ratio: 0.4, resets_at: now + 3600 }], active_seconds: 310, waiting_seconds: 200, cpu_seconds: 12.5, retries: 2, lines_added: 120, lines_removed: 8, tools: [{ name: 'Bash', ok: 2, failed: 2, refused: 1 }, { name: 'Agent', ok: 1, failed: 0, refused: 0 }],
  commits: [
    { id: '5a47fbbc61124b4c048ea4941a49343a9c184e25', branch: 'feature/parser', at: now - 700, how: 'exact', outcome: 'merged', pull_request: { number: 12, url: 'https://github.com/octo/app/pull/12', state: 'merged' }, ci: { runs: 3, failed: 0, running: 0, job_seconds: 540, cost_usd: 0.072 } },
    { id: 'c0ffee0000124b4c048ea4941a49343a9c184e25', branch: 'feature/a-branch-with-a-rather-long-name', at: now - 300, how: 'by_folder_and_time', outcome: 'failing', pull_request: { number: 13, url: null, state: 'open' }, ci: { runs: 2, failed: 1, running: 1, job_seconds: 61, cost_usd: null } },
    { id: 'decaf00000124b4c048ea4941a49343a9c184e25', branch: null, at: now - 250, how: 'shared', outcome: null, pull_request: null, ci: null },
  ], subagents: [{ id: 'a1', kind: 'general-purpose', started: now - 900, ended: now - 800 }],
  findings: [{ kind: 'loop', title: 'The same call of Bash failed 6 times in a row', advice: 'Stop it and say what is wrong with the call.', since: now - 300 }],
})
const bare = session('12601bab-d77c-40d9-a83f-1998f6c375e2', { agent: 'codex', last_seen: now - 60 })
const over = session('65bcf3fc-dcb9-47a3-9b9b-48b4520e9501', { agent: 'gemini-cli', state: 'ended', since: now - 86400, last_seen: now - 86400, first_seen: now - 90000, cost_usd: 0.01804 })
const SESSIONS = [full, bare, over]

const stay = (/** @type {string} */ state, /** @type {number} */ from, /** @type {number|null} */ to, /** @type {object} */ more = {}) => ({ agent: 'claude-code', id: ID, state, waits_for: null, tool: null, from, to, ...more })
const STATES = [stay('working', now - 4000, now - 3000), stay('idle', now - 3000, now - 1500), stay('working', now - 1500, now - 900), stay('waiting', now - 900, now - 860, { waits_for: 'model' }), stay('working', now - 860, now - 200), stay('waiting', now - 200, null, { waits_for: 'permission', tool: 'Bash' })]
const told = {
  states: STATES,
  turns: [{ prompt: 'b', started: now - 400, ended: now - 210, requests: 3, cost_usd: null, tools_ok: 0, tools_failed: 0 }, { prompt: 'a', started: now - 3900, ended: now - 3000, requests: 5, cost_usd: 0.05, tools_ok: 2, tools_failed: 1 }],
  calls: [{ at: now - 210, tool: 'Bash', outcome: 'refused', duration_seconds: null, subagent: null }, { at: now - 230, tool: 'Bash', outcome: 'failed', duration_seconds: 1.25, subagent: 'a1' }],
}
/** @param {Record<string, string|null>} key @param {number|null} micros @param {number} requests @param {object} tokens @param {string[]} [how] @param {object} [more] */
const cost = (key, micros, requests, tokens, how = [], more = {}) => ({ key, cost_usd: micros === null ? null : micros / 1e6, cost_usd_micros: micros, tokens, requests, how, active_seconds: null, waiting_seconds: null, wall_seconds: null, cpu_seconds: null,
  ci_seconds: null, ci_cost_usd: null, retries: null, errors: null, lines_added: null, lines_removed: null, counted_from: null, partial: false, ...more })
const COSTS = {
  by: ['task'], rows: [cost({ task: `project/${TAG}/${TASK.id}` }, 73_200, 8, { input: 8500, output: 640 }, ['exact', 'shared'], { active_seconds: 310, cpu_seconds: 12.5, ci_seconds: 540, errors: 0, counted_from: now - 3600, partial: true }), cost({ task: null }, 45_220, 5, { input: 5180 })],
  total: cost({}, 118_420, 13, { input: 13680, output: 640 }, [], { active_seconds: 310, cpu_seconds: 12.5, ci_seconds: 540, errors: 0 }),
}
const budget = (/** @type {object} */ more) => ({ name: 'agents', of: ['agents'], per: 'day', currency: 'USD', limit: 20, start: now - 43_200, end: now + 43_200, used: 14.1, crossed_at: null, forecast: { value: 26, low: 18, high: 31 },
  exhaustion: { low: now + 7200, value: now + 18_000, high: null }, missing: null, ...more })

/** A page with these answers, which a test may change. @param {import('playwright-core').Page} page @param {{ sessions?: any[], missing?: string, costs?: any, budgets?: any[], states?: any[] }} [answers] */
async function answering(page, answers = {}) {
  /** @type {import('playwright-core').WebSocketRoute|undefined} */
  let stream
  let id = 0
  let { sessions = SESSIONS } = answers
  const tell = (/** @type {'snapshot'|'update'} */ type) => { if (id > 0) stream?.send(JSON.stringify({ id, type, seq: 0, time: Date.now() / 1000, data: sessions })) }
  const held = {
    missing: '', costs: COSTS, budgets: [budget({})], states: /** @type {any[]} */ ([]), ...answers,
    get sessions() { return sessions },
    set sessions(list) {
      sessions = list
      tell('update')
    },
  }
  await page.routeWebSocket(/\/ws$/, (socket) => {
    const server = socket.connectToServer()
    stream = socket
    socket.onMessage((text) => {
      const said = JSON.parse(String(text))
      if (said.topic === 'agents') {
        id = said.id
        tell('snapshot')
      } else if (said.op !== 'unsubscribe' || said.id !== id) server.send(text)
    })
    server.onMessage((text) => socket.send(text))
  })
  const ok = (/** @type {any} */ data) => ({ json: { status: 'success', data } })
  await page.route((url) => url.pathname === '/api/v1/agents', (route) => route.fulfill(ok({ sessions: held.sessions, ...(held.missing ? { missing: held.missing } : {}) })))
  await page.route((url) => url.pathname.startsWith('/api/v1/agents/'), (route) => {
    const id = decodeURIComponent(new URL(route.request().url()).pathname.split('/').at(-1) ?? '')
    const found = held.sessions.find((s) => s.id === id)
    return route.fulfill(!found ? { status: 404, json: { status: 'error', errorType: 'not_found', error: 'no such session' } } : ok({ session: found, ...(id === ID ? told : { turns: [], calls: [] }) }))
  })
  await page.route((url) => url.pathname === '/api/v1/agents/states', (route) => route.fulfill(ok(held.states)))
  await page.route((url) => url.pathname === '/api/v1/costs' && url.searchParams.has('by'), (route) => route.fulfill(ok(held.costs)))
  await page.route((url) => url.pathname === '/api/v1/budgets', (route) => route.fulfill(ok(held.budgets)))
  return held
}

/** @param {string} hash @param {(page: import('playwright-core').Page, held: Awaited<ReturnType<typeof answering>>, watched: import('./browser.mjs').Watched) => Promise<void>} body @param {Parameters<typeof answering>[1]} [answers] @param {import('playwright-core').BrowserContextOptions} [options] */
const withPage = (hash, body, answers, options) => onPage(async (watched) => {
  const held = await answering(watched.page, answers)
  await watched.page.goto(`${service.url}/${hash}`)
  await body(watched.page, held, watched)
}, options)

/** @param {import('playwright-core').Page} page */
const rowKeys = (page) => page.locator('[data-panel="sessions"] tbody tr').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-row')?.slice(-4)))

test('a session says its state in a word with an icon, since when and why it waits; what is not known is a dash that says why', () => withPage('#/agents', async (page) => {
  const rows = page.locator('[data-panel="sessions"] tbody tr')
  await rows.nth(2).waitFor(PATIENCE)
  const cells = (/** @type {number} */ n) => rows.nth(n).locator('td').allInnerTexts()
  const [state, , name, task, branch, folder, model, context, tokens, money] = await cells(0)
  assert.equal(state.trim(), 'waits for your permission to run Bash')
  assert.equal(await rows.nth(0).locator('.agent-mark.agent-person').count(), 1)
  assert.match(name, /^Claude Code 84dfb161/)
  await rows.nth(0).getByText(TASK.title).waitFor(PATIENCE)
  assert.match(task, /by time/)
  assert.deepEqual([branch, folder, model, context.trim(), money], ['feature/parser', 'app', 'claude-opus-5-5', '61\u00a0%', '$0.07'])
  assert.match(tokens, /^8.500 in, 640 out$/)
  const unknown = await cells(1)
  assert.equal(unknown[0].trim(), 'working')
  for (const text of unknown.slice(3)) assert.match(text, /^–/)
  assert.match(await rows.nth(1).locator('td').nth(9).locator('.figure-none').getAttribute('title') ?? '', /said no money/)
  assert.equal((await cells(2))[9], '$0.02')
  assert.equal(await page.locator('[data-panel="sessions"] .note').innerText(), '1 waits for you, 1 working')
  assert.equal(await page.locator('.nav [aria-current="page"] .nav-count').innerText(), '1\nwaiting')
}))

test('filters by state and agent are in the address', () => withPage('#/agents?state=live', async (page) => {
  await page.locator('[data-panel="sessions"] tbody tr').nth(1).waitFor(PATIENCE)
  assert.equal((await rowKeys(page)).length, 2)
  assert.equal(await page.locator('[data-panel="sessions"] .note').innerText(), '2 of 3 sessions')
  await page.keyboard.press('f')
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'State')
  await page.getByLabel('State', { exact: true }).selectOption('lost')
  await page.getByText('No session is what the filters ask for.').waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Show all sessions' }).click()
  await page.getByLabel('Agent', { exact: true }).selectOption('codex')
  await page.waitForURL(/agent=codex/)
  await page.waitForFunction(() => document.querySelectorAll('[data-panel="sessions"] tbody tr').length === 1)
}))

test('nothing moves under the pointer: rows keep their place whatever their state becomes, and a new one waits to be shown', () => withPage('#/agents', async (page, held) => {
  await page.locator('[data-panel="sessions"] tbody tr').nth(2).waitFor(PATIENCE)
  const before = await rowKeys(page)
  await page.locator('[data-panel="sessions"] tbody tr').nth(1).hover()
  held.sessions = [session('new-0001', { last_seen: now }), { ...over, state: 'waiting', waits_for: 'answer' }, { ...full, state: 'idle' }, bare]
  await page.getByRole('button', { name: 'Show 1 new session' }).waitFor(PATIENCE)
  assert.deepEqual(await rowKeys(page), before)
  assert.match(await page.locator('[data-panel="sessions"] tbody tr').nth(2).innerText(), /waits for your answer/)
  await page.mouse.move(5, 5)
  await page.waitForFunction(() => document.querySelectorAll('[data-panel="sessions"] tbody tr').length === 4)
  assert.deepEqual(await rowKeys(page), ['0001', ...before])
}))

test('a session opens beside the list with its turns, calls by outcome, commits, subagents and findings; Escape leads back to its row', () => withPage('#/agents', async (page, _, { serverMayRefuse }) => {
  await page.locator(`tr[data-row="claude-code/${ID}"] a`).first().click()
  const sheet = page.locator('[data-panel="session"]')
  await sheet.locator('h3', { hasText: 'Turns' }).waitFor(PATIENCE)
  assert.match(page.url(), /session=claude-code/)
  const text = await sheet.innerText()
  for (const words of [/Waits for your permission to run Bash since/, /The same call of Bash failed 6 times/, /\$0\.07/, /\+120 −8/, /8.500 input, 640 output/, /40\s% used/, /5a47fbbc61[^]*#12\s+CI succeeded, 3 runs\s+9\sm\s+\$0\.07\s+merged/, /#13 open\s+CI failed, 1 of 2 runs\s+1\sm 1\ss\s+failing/, /decaf00000\s+shared[^]*CI\s+–/, /CPU\s+1[23](\.5)?\ss/, /tried again\s+2/, /working 37\sm 40\ss/, /waits for the model 40\ss/, /general-purpose/, /6 calls, 2 failed, 1 refused/, /by time/]) assert.match(text, words)
  assert.match(await sheet.locator('.agent-band svg').getAttribute('aria-label') ?? '', /^What it did: waits for you 3\sm/)
  assert.deepEqual(await sheet.getByRole('link', { name: '#12' }).getAttribute('href'), 'https://github.com/octo/app/pull/12')
  await sheet.getByText('Each of its states').click()
  assert.match((await sheet.locator('[aria-label="States"] li').allInnerTexts())[1], /Worked[^]*11\sm/)
  const turns = await sheet.locator('[aria-label="Turns"] tbody tr').allInnerTexts()
  assert.equal(turns.length, 2)
  assert.match(turns[0], /3\sm 10\ss\s+3\s+0\s+–/, 'money of a turn that said none is a dash')
  assert.deepEqual((await sheet.locator('[aria-label="Newest calls"] li').allInnerTexts()).map((line) => line.replaceAll(/\s+/g, ' ').replace(/\d+:\d+/, 'TIME')), ['Bash refused TIME', 'Bash failed subagent 1.25 s, TIME'])
  await page.keyboard.press('Escape')
  await sheet.waitFor({ state: 'detached', ...PATIENCE })
  assert.equal(await page.evaluate(() => document.activeElement?.closest('tr')?.getAttribute('data-row')), `claude-code/${ID}`)
  // One that is not kept any more.
  serverMayRefuse(true)
  await page.evaluate(() => { location.hash = '#/agents?session=codex/gone' })
  await sheet.getByText('This session is not here').waitFor(PATIENCE)
}))

test('costs have a line for what belongs to nothing, and come to their total', () => withPage('#/agents?tab=costs', async (page, held) => {
  const panel = page.locator('[data-panel="agent-costs"]')
  await panel.locator('tbody tr').first().waitFor(PATIENCE)
  assert.equal(await panel.locator('tbody tr').count(), 1)
  await panel.locator('tbody tr', { hasText: TASK.title }).waitFor(PATIENCE)
  assert.match(await panel.locator('tbody tr').innerText(), /shared\s+since \d+:\d+\s+\$0\.07\s+62\s%\s+5\sm 10\ss/)
  assert.match(await panel.locator('[data-line="unattributed"]').innerText(), /unattributed\s+\$0\.05/)
  assert.match(await panel.locator('[data-line="total"]').innerText(), /total\s+\$0\.12\s+100\s%/)
  assert.equal(await panel.locator('[data-line="total"] b').first().getAttribute('title'), '$0.118420')
  assert.equal(await panel.locator('.trouble').count(), 0)
  held.costs = { by: ['model'], rows: [cost({ model: 'claude-opus-5-5' }, 100_000, 1, {})], total: cost({}, 118_420, 1, {}) }
  await panel.getByLabel('By what').selectOption('model')
  await panel.locator('.trouble', { hasText: '$0.018420 less than the total' }).waitFor(PATIENCE)
  assert.match(page.url(), /by=model/)
  assert.match(await panel.locator('[data-line="unattributed"]').innerText(), /unattributed\s+\$0\.00/, 'all of it has a model')
}))

test('a few figures of costs are in view, others by choice, which the address keeps; the table is copied', () => withPage('#/agents?tab=costs', async (page) => {
  const panel = page.locator('[data-panel="agent-costs"]')
  const heads = () => panel.locator('thead th').allInnerTexts()
  await panel.locator('tbody tr').first().waitFor(PATIENCE)
  assert.deepEqual(await heads(), ['Task', 'Money ↓', 'Share', 'Active', 'Tokens'])
  await panel.getByRole('button', { name: 'Columns' }).press('Enter')
  await panel.locator('label:has(:focus)', { hasText: 'Money' }).waitFor(PATIENCE)
  await page.keyboard.press('Space')
  await panel.getByLabel('CPU').check()
  await panel.getByLabel('CI jobs').check()
  await page.keyboard.press('Escape')
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Columns')
  assert.match(decodeURIComponent(page.url()), /columns=share,active,tokens,cpu,ci/)
  await page.reload()
  await panel.locator('tbody tr').first().waitFor(PATIENCE)
  assert.deepEqual(await heads(), ['Task', 'Share', 'Active', 'Tokens', 'CPU', 'CI jobs'])
  assert.match(await panel.locator('tbody tr').innerText(), /12\.5\ss|13\ss\s+9\sm/)
  assert.match(await panel.locator('[data-line="unattributed"] td').nth(3).locator('.figure-none').getAttribute('title') ?? '', /processes are not known/)
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await panel.getByRole('button', { name: 'Copy' }).click()
  await panel.getByText('3 rows copied').waitFor(PATIENCE)
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^Task\tshare\tactive_seconds\t[^]*\nunattributed\t0\.38\d+\t\t5180[^]*\ntotal\t1\t310\t/)
}))

test('budgets say what is left and until when it lasts, with their course', () => withPage('#/agents?tab=budgets', async (page, held) => {
  const panel = page.locator('[data-panel="budget agents"]')
  await panel.locator('.burndown svg').waitFor(PATIENCE)
  assert.match(await panel.innerText(), /\$14\.10\s+of \$20\.00/)
  assert.match(await panel.innerText(), /\$5\.90 is left\. It is expected to be used up about/)
  assert.match(await panel.locator('svg[role="img"]').last().getAttribute('aria-label') ?? '', /What is left of \$20\.00: \$5\.90; at the end of the period between -\$11\.00 and \$2\.00/)
  assert.match(await panel.locator('.burnup-legend').innerText(), /used up from .* on, if it is/)
  assert.match(await panel.locator('.note').innerText(), /a day, of agents/)
  held.budgets = [budget({
    name: 'each-task', per: 'task', project: 'project', tag: null, subject: `project/${TAG}/${TASK.id}`, limit: 5, used: 6.2, crossed_at: now - 600, forecast: null, exhaustion: null, end: null, start: now - 86_400,
    over: [{ name: `project/${TAG}/${TASK.id}`, since: now - 86_400, used: 6.2, crossed_at: now - 600 }, { name: `project/${TAG}/999`, since: now - 86_400, used: 5.1, crossed_at: now - 9000 }],
  }), budget({ name: 'each-tag', per: 'tag', subject: null, used: null, over: [], forecast: null, exhaustion: null, end: null, start: null })]
  await page.reload()
  const each = page.locator('[data-panel="budget each-task"]')
  await each.getByText(TASK.title).first().waitFor(PATIENCE)
  const words = await each.innerText()
  for (const part of [/each task, of agents on tasks of project project/, /used most/, /\$6\.20\s+of \$5\.00\s+124\s%/, /It was used up at \d\d:\d\d; \$1\.20 more was spent since/, /2 tasks used it up/, /999[^]*\$5\.10/]) assert.match(words, part)
  assert.match(await page.locator('[data-panel="budget each-tag"]').innerText(), /–\s+of \$20\.00[^]*No tag cost anything yet that is known/)
  held.budgets = []
  await page.evaluate(() => { location.hash = '#/agents' })
  await page.locator('[data-panel="sessions"]').waitFor(PATIENCE)
  await page.evaluate(() => { location.hash = '#/agents?tab=budgets' })
  await page.locator('pre.copy', { hasText: '[costs.budgets.agents]' }).waitFor(PATIENCE)
}))

test('where no agent was ever seen the page says how to connect one', () => withPage('#/agents', async (page) => {
  await page.getByText('No coding agent was seen yet').waitFor(PATIENCE)
  const commands = await page.locator('pre.copy').allInnerTexts()
  assert.deepEqual(commands, ['claude', 'codex', 'gemini', 'opencode'].map((agent) => `taskpulse connect ${agent} --write --url ${service.url}`))
  // Each does what it says.
  const home = await mkdtemp(path.join(tmpdir(), 'taskpulse-home-'))
  try {
    for (const [i, file] of ['.claude/settings.json', '.codex/hooks.json', '.gemini/settings.json', '.config/opencode/plugins/taskpulse.js'].entries()) {
      await promisify(execFile)(BINARY, commands[i].split(' ').slice(1), { env: { PATH: process.env.PATH, HOME: home }, cwd: home })
      assert.ok((await readFile(path.join(home, file), 'utf8')).includes(service.url), file)
    }
  } finally {
    await rm(home, { recursive: true })
  }
}, { sessions: [] }))

test('the first page says who waits, in its verdict, as a cause and in the ribbon', () => withPage('#/', async (page, held) => {
  const cause = page.locator(`[data-cause="agent claude-code/${ID}"]`)
  await cause.waitFor(PATIENCE)
  assert.match(await cause.innerText(), WAITS)
  assert.match(await page.locator('.verdict').innerText(), /1 agent (has waited [34].m for your permission to run Bash|waits for you)/)
  await page.locator('.ribbon li', { hasText: new RegExp(`${WAITS.source}.*goes on`) }).first().waitFor({ state: 'attached', ...PATIENCE })
  assert.match(await page.locator('.ribbon-figures').innerText(), /1 waits/)
  await page.keyboard.press('/')
  await page.keyboard.type('claude bash')
  await page.getByRole('option', { name: WAITS }).waitFor(PATIENCE)
  await page.keyboard.press('Escape')
  await cause.getByRole('link', { name: /^Open/ }).click()
  await page.locator('[data-panel="session"]').waitFor(PATIENCE)
  held.sessions = [{ ...full, state: 'working' }, bare, over]
  await page.evaluate(() => { location.hash = '#/' })
  await page.locator('.verdict [data-fact="agents"]', { hasText: '2 agents at work' }).waitFor(PATIENCE)
  await cause.waitFor({ state: 'detached', ...PATIENCE })
}))

test('an agent that begins to wait while nobody looks is a notification, gone when it goes on', () => onPage(async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem('taskpulse.notify', 'on')
    const shown = /** @type {any[]} */ ([])
    Object.assign(window, { shown, Notification: Object.assign(class { constructor(/** @type {string} */ title) { this.title = title; this.open = true; shown.push(this) } close() { this.open = false } }, { permission: 'granted' }) })
    document.hasFocus = () => false
  })
  const held = await answering(page, { sessions: [bare] })
  await page.goto(`${service.url}/#/agents`)
  await page.locator('[data-panel="sessions"] tbody tr').first().waitFor(PATIENCE)
  const shown = () => page.evaluate(() => /** @type {any} */ (window).shown.filter((/** @type {any} */ n) => / waits for /.test(n.title)).map((/** @type {any} */ n) => [n.title, n.open]))
  held.sessions = [full, bare]
  await until('one is shown', async () => (await shown()).length > 0)
  assert.deepEqual(await shown(), [[`Claude Code on task ${TASK.id} waits for your permission to run Bash`, true]])
  held.sessions = [{ ...full, state: 'working', since: now }, bare]
  await until('it is gone', async () => !(await shown())[0][1])
}))

test('axe finds nothing at any width in both themes, and nothing is wider than the screen', () => withPage('#/agents', async (page) => {
  await waitForState(page, 'live')
  await page.evaluate(AXE)
  for (const hash of ['agents', `agents?session=claude-code/${ID}`, 'agents?tab=costs', 'agents?tab=budgets']) {
    await page.evaluate((to) => { location.hash = `#/${to}` }, hash)
    await waitForPage(page, 'agents')
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      for (const width of [360, 1440]) {
        await page.setViewportSize({ width, height: width < 500 ? 780 : 900 })
        const found = await page.evaluate(async () => (await /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } })).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes[0].html}: ${v.nodes[0].failureSummary}`))
        assert.deepEqual(found, [], `${hash}, ${colorScheme}, ${width} px`)
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${hash} at ${width} px`)
      }
    }
  }
}))

test('the service itself: hooks make a session, which waits, goes on, and is told as it is', () => onPage(async ({ page }) => {
  const id = 'e2e00001-aaaa'
  /** @param {object} event */
  const hook = (event) => fetch(`${service.url}/hooks/agent`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ session_id: id, cwd: '/home/dev/app', prompt_id: 'p', ...event }) })
  await hook({ hook_event_name: 'UserPromptSubmit', prompt: 'secret words' })
  await page.goto(`${service.url}/#/agents`)
  const row = page.locator(`tr[data-row="claude-code/${id}"]`)
  await row.waitFor(PATIENCE)
  assert.match(await row.innerText(), /^\s*working/)
  await hook({ hook_event_name: 'PermissionRequest', tool_name: 'Bash', tool_input: { command: 'npm publish' } })
  await row.getByText('waits for your permission to run Bash').waitFor(PATIENCE)
  await row.getByRole('link').first().click()
  const sheet = page.locator('[data-panel="session"]')
  await sheet.getByText('Waits for your permission to run Bash since').waitFor(PATIENCE)
  assert.match(await sheet.locator('dl.sheet-figures').innerText(), /money\s+–/, 'hooks say no money')
  // Shorter states are told as part of what was before.
  await page.waitForTimeout(1500)
  await hook({ hook_event_name: 'PostToolUse', tool_name: 'Bash', tool_use_id: 't' })
  await sheet.getByText('Working since').waitFor(PATIENCE)
  await hook({ hook_event_name: 'SessionEnd' })
  await sheet.getByText('Ended at').waitFor(PATIENCE)
  assert.match(await sheet.locator('.band-legend').innerText(), /waits for you\s+\d/)
  await page.evaluate(() => { location.hash = '#/' })
  await page.locator('.ribbon li', { hasText: 'Claude Code in app waited for your permission to run Bash' }).first().waitFor({ state: 'attached', ...PATIENCE })
  await page.evaluate(() => { location.hash = '#/agents?tab=costs' })
  await page.locator('[data-panel="agent-costs"]:is([data-face="data"], [data-face="empty"])').waitFor(PATIENCE)
}))

test('the hooks of a real session raise one notification for each wait of a page that nobody sees, each gone when it goes on', () => onPage(async ({ page }) => {
  await page.addInitScript(() => {
    localStorage.setItem('taskpulse.notify', 'on')
    const shown = /** @type {any[]} */ ([])
    Object.assign(window, { shown, Notification: Object.assign(class { constructor(/** @type {string} */ title) { this.title = title; this.open = true; shown.push(this) } close() { this.open = false } }, { permission: 'granted' }) })
  })
  const folder = new URL('../data/agents/claude-code/interactive/', import.meta.url)
  const recorded = (await readdir(folder)).filter((name) => name.endsWith('-hooks-agent.json')).sort()
  const bodies = (await Promise.all(recorded.map((name) => readFile(new URL(name, folder), 'utf8')))).filter((body) => body.includes('"session_id":"65bcf3fc'))
  assert.equal(bodies.filter((body) => body.includes('"PermissionRequest"')).length, 2, 'the session waited twice')
  await page.goto(`${service.url}/#/agents`)
  await waitForState(page, 'live')
  const row = page.locator('tr[data-row^="claude-code/65bcf3fc"]')
  const shown = () => page.evaluate(() => /** @type {any} */ (window).shown.filter((/** @type {any} */ n) => / waits for /.test(n.title)).map((/** @type {any} */ n) => [n.title, n.open]))
  const WAIT = 'Claude Code in app waits for your permission to run Bash'
  let waited = 0
  for (const [i, body] of bodies.entries()) {
    const answer = await fetch(`${service.url}/hooks/agent`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    assert.equal(answer.status, 200)
    if (i === 0) {
      await row.waitFor(PATIENCE)
      await hide(page, true)
    }
    if (body.includes('"PermissionRequest"')) {
      waited += 1
      await until(`notification ${waited}`, async () => (await shown()).length === waited && (await shown())[waited - 1][1])
    } else if (waited > 0 && !body.includes('"Notification"')) await until(`after ${i}`, async () => (await shown()).every((/** @type {[string, boolean]} */ [, open]) => !open))
    else if (body.includes('"Notification"')) assert.equal((await shown()).length, waited, 'a wait that is said twice is one')
  }
  assert.deepEqual(await shown(), [[WAIT, false], [WAIT, false]])
}))

test('an alert names the sessions that worked when it began, and leads to them', () => onPage(async ({ page }) => {
  const explanation = {
    agents: [{ agent: 'claude-code', id: ID, task: TASK.id, folder: '/home/dev/app', commit: null }, { agent: 'codex', id: 'c-1', task: null, folder: null, commit: 'c0ffee0000124b4c048ea4941a49343a9c184e25' }],
    before: [], compared: 0, containers: [], from: now - 300, in_progress: [], last: null, left_out: 0, lines: ['Most CPU over 30 s: claude 61 %'], moved: [], moved_from: null, moved_to: null, said: [], seen_seconds: 30, to: now - 200, used: [],
  }
  const alert = {
    id: 'with-agents', rule: 'busy', severity: 'warning', state: 'firing', metric: { __name__: 'system_cpu_utilization_ratio' }, value: 0.87, op: '>', threshold: 0.8, for_seconds: 60, cooldown_seconds: 300, pending_since: now - 300, firing_since: now - 200,
    resolved_at: null, last_sample: now, summary: 'CPU 87 %, above 80 %', acked_at: null, reason: null, note: null, busiest: [], explanation,
  }
  await onTopic(page, 'alerts', (text, frame) => (frame.type === 'snapshot' ? JSON.stringify({ ...frame, data: [...frame.data, alert] }) : text))
  await page.goto(`${service.url}/#/alerts?open=firing%20busy`)
  const details = page.locator('[data-alert="with-agents"] .instance-details')
  await details.waitFor(PATIENCE)
  assert.match(await details.innerText(), new RegExp(`Claude Code 84dfb161 task ${TASK.id}, app worked then, and its processes used much of it\\s+Codex c-1\\s+the failed run was of its commit c0ffee0000`))
  assert.equal(await details.getByRole('link', { name: /Claude Code/ }).getAttribute('href'), `#/agents?session=${encodeURIComponent(`claude-code/${ID}`)}`)
}))
