/**
 * Takes the pictures that README and docs show: `node tests/browser/pictures.mjs [--minutes 6] [--out docs]`, after `cargo build --release`
 * with `TASKPULSE_BIN=target/release/taskpulse`.
 *
 * A project of its own, made up here: a board whose tasks move on, the stand-in for GitHub, a shop that is down for a while, recorded sessions
 * of Claude Code. It plays for some minutes, so that there is something to see. Look at each picture before it is committed.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { launch, openPage, waitForPage, waitForState } from './browser.mjs'
import { freePort, Github, Service, until } from './service.mjs'

const { minutes, out } = parseArgs({ options: { minutes: { type: 'string', default: '6' }, out: { type: 'string', default: 'docs' } } }).values
/** Larger ones make a repository heavy. */
const MOST_BYTES = 250_000
const STEP_MS = 15_000

const TITLES = [
  'Set up the repository', 'Design the storage format', 'Write the ingest endpoint', 'Write the query endpoint', 'Build the dashboard shell', 'Alert rules', 'Load test the ingest path',
  'Write the user guide', 'Release 0.1', 'Spike: on-disk compression', 'Retention by series', 'Import from CSV',
]
/** What a task waits for, by number. @type {Record<number, number[]>} */
const NEEDS = { 3: [2], 4: [2], 5: [4], 6: [4], 7: [3], 9: [5, 7, 8], 11: [2], 12: [3] }
/** How the board goes on, one move a step; after the last it rests. @type {Array<[number, string]>} */
const MOVES = [
  [2, 'in-progress'], [8, 'in-progress'], [2, 'done'], [3, 'in-progress'], [4, 'in-progress'], [8, 'review'], [3, 'review'], [10, 'in-progress'], [8, 'done'], [3, 'done'], [12, 'in-progress'],
  [4, 'done'], [5, 'in-progress'], [10, 'cancelled'], [6, 'in-progress'], [12, 'done'], [7, 'in-progress'], [5, 'review'], [6, 'done'],
]
/** @type {Array<{ name: string, at: string, wait: string, colorScheme?: 'light'|'dark', width?: number, height?: number }>} */
const PICTURES = [
  { name: 'dashboard', at: '#/?range=15m', wait: 'now' }, { name: 'dashboard-dark', at: '#/?range=15m', wait: 'now', colorScheme: 'dark' }, { name: 'dashboard-tasks', at: '#/tasks?range=15m', wait: 'tasks' },
  { name: 'dashboard-ci', at: '#/ci?range=7d', wait: 'ci' }, { name: 'dashboard-explore', at: '#/explore?query=system_cpu_utilization_ratio&range=15m', wait: 'explore', colorScheme: 'dark' },
  { name: 'dashboard-agents', at: '#/agents?range=15m&session=claude-code/84dfb161-e96c-4b01-9edf-9f212226dd0f', wait: 'agents' },
  { name: 'dashboard-phone', at: '#/?range=15m', wait: 'now', width: 360, height: 780 },
]

/** @param {Map<number, string>} statuses */
const boardOf = (statuses) => JSON.stringify({ master: { metadata: {}, tasks: TITLES.map((title, i) => ({
  id: i + 1, title, description: '', status: statuses.get(i + 1) ?? (i === 0 ? 'done' : 'pending'), dependencies: NEEDS[i + 1] ?? [], priority: i % 3 === 0 ? 'high' : 'medium', subtasks: [],
})) } })

const RECORDED = new URL('../data/agents/claude-code/', import.meta.url)

/** Sends a recording as it was, in its order, as if it were of now. @param {Service} service @param {string} name @param {(body: string) => boolean} [last] the one to stop after */
async function record(service, name, last = () => false) {
  const folder = new URL(`${name}/`, RECORDED)
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort()
  const bodies = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')))
  const newest = bodies.flatMap((body) => body.match(/"1\d{18}"/g) ?? []).map((text) => BigInt(text.slice(1, -1))).reduce((a, b) => (b > a ? b : a))
  const later = BigInt(Date.now()) * 1_000_000n - newest
  for (const [i, body] of bodies.entries()) {
    const now = body.replaceAll(/"(1\d{18})"/g, (_, nanos) => `"${BigInt(nanos) + later}"`)
    const to = files[i].replace(/^\d+-|\.json$/g, '').replaceAll('-', '/')
    const answer = await fetch(`${service.url}/${to}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: now })
    assert.equal(answer.status, 200, files[i])
    if (last(body)) return
    await new Promise((next) => setTimeout(next, 1000))
  }
}

const github = new Github()
const watching = await github.start()
const shop = createServer((_, answer) => { answer.end('open') })
const port = await freePort()
const listen = () => new Promise((done) => { shop.listen(port, '127.0.0.1', () => done(undefined)) })
await listen()
/** What a machine would say that is busy with taking them. */
const QUIET = ['high_cpu_usage', 'critical_cpu_usage', 'high_memory_usage', 'degraded_performance'].map((rule) => `[alerts.rules.${rule}]\nenabled = false\n`).join('')
const service = await Service.prepare(`${watching}${QUIET}[probes.check.shop]\nurl = "http://127.0.0.1:${port}/"\ninterval = "5s"\n`)
const browser = await launch()
try {
  /** @type {Map<number, string>} */
  const statuses = new Map()
  await service.write('.taskmaster/tasks/tasks.json', boardOf(statuses))
  await service.write('.taskmaster/state.json', JSON.stringify({ currentTag: 'master' }))
  await service.start()
  const end = Date.now() + Number(minutes) * 60_000
  for (let step = 0; Date.now() < end; step += 1) {
    const move = MOVES[step]
    if (move) {
      statuses.set(...move)
      await service.write('.taskmaster/tasks/tasks.json', boardOf(statuses))
    }
    if (step === 2) record(service, 'headless')
    if (step === 5) record(service, 'interactive', (body) => body.startsWith('{"session_id":"65bcf3fc') && body.includes('"PermissionRequest"'))
    if (step === 6) { shop.close(); shop.closeAllConnections() }
    if (step === 9) await listen()
    await new Promise((next) => setTimeout(next, Math.min(STEP_MS, Math.max(0, end - Date.now()))))
  }
  await mkdir(out, { recursive: true })
  for (const { name, at, wait, colorScheme = 'light', width = 1440, height = 900 } of PICTURES) {
    const { page, close } = await openPage(browser, { viewport: { width, height }, colorScheme, reducedMotion: 'reduce' })
    await page.goto(`${service.url}/${at}`)
    await waitForState(page, 'live')
    await waitForPage(page, wait)
    await until('its figures', async () => await page.locator('main .figure:not(.figure-none), main .plot, main tbody tr').count() > 0)
    if (wait === 'now') await page.locator('.verdict [data-fact="agents"]').waitFor({ state: 'attached' })
    const bytes = await page.screenshot({ animations: 'disabled' })
    assert.ok(bytes.length <= MOST_BYTES, `${name}: ${bytes.length} bytes`)
    await writeFile(path.join(out, `${name}.png`), bytes)
    console.log(`${name}.png: ${(await stat(path.join(out, `${name}.png`))).size} bytes`)
    await close()
  }
} finally {
  await browser.close()
  await service.remove()
  github.stop()
  shop.close()
}
