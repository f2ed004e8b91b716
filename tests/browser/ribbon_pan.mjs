/**
 * How fast the ribbon pans with 500 tasks and 2,000 runs: the time between frames and the work of each, while a wheel turns.
 *
 *     node tests/browser/ribbon_pan.mjs http://127.0.0.1:9464
 */
import { launch } from './browser.mjs'

const [service] = process.argv.slice(2)
if (!service) {
  console.error('name the service that runs: http://127.0.0.1:9464')
  process.exit(2)
}
const TASKS = 500
const RUNS = 2000
const HOUR = 3600
const now = Date.now() / 1000
const at = (/** @type {number} */ i, /** @type {number} */ of) => now - 6 * HOUR + (i / of) * 6 * HOUR

const items = Array.from({ length: TASKS }, (_, i) => ({
  id: String(i + 1), title: `Task of a long name ${i + 1}`, status: i % 50 === 0 ? 'in-progress' : 'done', priority: 'high', dependencies: [], ready: false, complexity: null, subtasks_done: 0, subtasks_total: 0,
  updated_at: at(i, TASKS), in_progress_since: i % 50 === 0 ? at(i, TASKS) : null, execution_seconds: 600, cost: null,
}))
// A thousand moves of the six tasks that have a lane would be more than there are: they are spread over all.
const events = items.flatMap(({ id, title }, i) => [['pending', 'in-progress', 0], ['in-progress', 'done', 300]].map(([from, to, later]) => ({
  id: `${id} ${to}`, time: at(i, TASKS) + Number(later), source: 'taskmaster', kind: 'task_status', severity: 'info', subject: id, title: '', data: { project: 'p', tag: 'master', title, from, to, reopened: false },
}))).sort((a, b) => b.time - a.time)
const runs = Array.from({ length: RUNS }, (_, i) => ({
  id: i, attempt: 1, number: i, workflow: 'CI', workflow_id: 1, title: 'Change', event: 'push', branch: 'main', sha: String(i), fork: false, status: 'completed', conclusion: i % 9 === 0 ? 'failure' : 'success', url: '',
  created: at(i, RUNS), started: at(i, RUNS), ended: at(i, RUNS) + 400, duration_seconds: 400, queue_seconds: 1, job_seconds: 900, jobs_without_times: 0,
}))
const board = { project: 'p', root: '/p', tag: 'master', current: true, up: true, reason: null, read_at: now, tasks: { done: 490, 'in-progress': 10 }, subtasks: {}, completion_ratio: 0.98, queue_depth: 0, ready_tasks: 0, blocked_tasks: 0, open_tasks: 10, throughput_per_day: 3, forecast: null, failure_ratio: null, critical_path_tasks: 1, cycle: null, unknown_statuses: [], findings: [], cost: null, cost_by_week: {}, items }
const repository = { repo: 'o/r', now_named: null, whole: true, runs_known: RUNS, jobs_wanted: 0, jobs_without_times: 0, reading_from: null, confirmed_at: now, active: 0, queued: 0, requests: { limit: 1, remaining: 1, spent_last_hour: 0, allowed_an_hour: 1 }, webhooks: { on: false, last: null }, workflows: [], runs }

const browser = await launch()
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
const answer = (/** @type {any} */ data) => (/** @type {import('playwright-core').Route} */ route) => route.fulfill({ json: { status: 'success', data } })
await page.route('**/api/v1/tasks*', answer({ boards: [board], sources: [] }))
await page.route('**/api/v1/ci/runs*', answer({ repositories: [repository], sources: [] }))
await page.route('**/api/v1/events*', answer(events))
await page.goto(`${service}/#/now?range=6h`)
await page.locator('.ribbon-figures', { hasText: '2' }).waitFor()
await page.waitForFunction((n) => document.querySelectorAll('.ribbon .unseen li').length > n, 20)
const session = await page.context().newCDPSession(page)
await session.send('Performance.enable')
const metric = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
const before = await metric()
const frames = await page.evaluate(() => new Promise((resolve) => {
  const box = /** @type {HTMLElement} */ (document.querySelector('.ribbon'))
  const edge = box.getBoundingClientRect()
  /** @type {number[]} */
  const times = []
  let n = 0
  const turn = (/** @type {number} */ t) => {
    times.push(t)
    n += 1
    box.dispatchEvent(new WheelEvent('wheel', { deltaX: n % 240 < 120 ? -12 : 12, clientX: edge.left + 600, clientY: edge.top + 40, bubbles: true, cancelable: true }))
    if (n < 300) requestAnimationFrame(turn)
    else resolve(times.slice(1).map((time, i) => time - times[i]))
  }
  requestAnimationFrame(turn)
}))
const after = await metric()
frames.sort((/** @type {number} */ a, /** @type {number} */ b) => a - b)
const part = (/** @type {number} */ p) => frames[Math.floor(p * (frames.length - 1))].toFixed(1)
console.log(`marks held: ${TASKS} tasks, ${RUNS} runs; ${frames.length} frames of a pan`)
console.log(`between frames, ms: p50 ${part(0.5)}, p95 ${part(0.95)}, p99 ${part(0.99)}, longest ${part(1)}`)
console.log(`main thread a frame, ms: ${(((after.TaskDuration - before.TaskDuration) * 1000) / frames.length).toFixed(2)}, of it script ${(((after.ScriptDuration - before.ScriptDuration) * 1000) / frames.length).toFixed(2)}`)
console.log(`heap, MB: ${(before.JSHeapUsedSize / 1e6).toFixed(1)} before, ${(after.JSHeapUsedSize / 1e6).toFixed(1)} after; nodes ${after.Nodes}`)
await browser.close()
