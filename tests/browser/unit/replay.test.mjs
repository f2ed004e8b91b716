/**
 * What was at a moment: worked out of what is, what has happened since, and kept figures; never a figure of today.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { pick, random } from './random.mjs'

const { stateWords } = await import('../../../web/dashboard/js/application/Probes.js')
const { adviceAt, alertsAt, boardAt, ciAt, figuresOf, statusAt } = await import('../../../web/dashboard/js/replay/rewind.js')

/** @param {string} id @param {string} status @param {object} [more] */
const item = (id, status, more = {}) => /** @type {any} */ ({ id, title: `T${id}`, status, dependencies: [], ready: false, in_progress_since: null, execution_seconds: null, updated_at: null, cost: { money: 3 }, ...more })
/** @param {any[]} items */
const boardOf = (items) => /** @type {any} */ ({ project: 'p', tag: 'm', items, tasks: {}, subtasks: {}, cost: { money: 9 }, forecast: { p50: 1 }, throughput_per_day: 4, critical_path_tasks: 2 })
/** @param {number} time @param {string} id @param {string} from @param {string} to */
const move = (time, id, from, to) => /** @type {any} */ ({ id: `${time} ${id}`, time, kind: 'task_status', source: 'taskmaster', subject: id, data: { project: 'p', tag: 'm', from, to } })
const none = figuresOf([])
/** @param {string} name @param {number} v @param {Record<string, string>} [labels] */
const sample = (name, v, labels = {}) => ({ metric: { __name__: name, ...labels }, t: 100, v })

test('tasks have the status of then, and counts, readiness and starts follow from it', () => {
  const board = boardOf([item('1', 'done', { execution_seconds: 50, updated_at: 200 }), item('2', 'in-progress', { dependencies: ['1'], in_progress_since: 160 }), item('3', 'pending')])
  const moves = [move(160, '2', 'pending', 'in-progress'), move(150, '1', 'in-progress', 'done'), move(90, '1', 'pending', 'in-progress')]
  const was = boardAt(board, moves, none, 100)
  assert.deepEqual(was.items.map((i) => [i.id, i.status, i.ready, i.in_progress_since]), [['1', 'in-progress', false, 90], ['2', 'pending', false, null], ['3', 'pending', true, null]])
  assert.deepEqual(was.tasks, { 'in-progress': 1, pending: 2 })
  assert.deepEqual([was.completion_ratio, was.open_tasks, was.ready_tasks, was.blocked_tasks], [0, 3, 1, 1])
  assert.deepEqual([was.items[0].execution_seconds, was.items[0].updated_at, was.items[0].cost], [null, 90, null])
  assert.deepEqual([was.cost, was.throughput_per_day, was.critical_path_tasks, 'missing' in /** @type {any} */ (was.forecast)], [null, null, null, true], 'what nobody kept is none of today')
})

test('kept figures go before what can only be counted', () => {
  const figures = figuresOf([sample('taskmaster_tasks', 4, { project: 'p', tag: 'm', status: 'done' }), sample('taskmaster_tasks', 0, { project: 'p', tag: 'm', status: 'review' }), sample('taskmaster_tasks', 7, { project: 'p', tag: 'other', status: 'done' }), sample('taskmaster_completion_ratio', 0.8, { project: 'p', tag: 'm' })])
  const was = boardAt(boardOf([item('1', 'done')]), [], figures, 100)
  assert.deepEqual([was.tasks, was.completion_ratio], [{ done: 4 }, 0.8])
  assert.deepEqual(was.forecast, { missing: 'none is kept of this time' })
  const forecast = (/** @type {string} */ quantile, /** @type {number} */ v, tag = 'm') => sample('taskmaster_forecast_done_timestamp_seconds', v, { project: 'p', tag, quantile })
  const made = boardAt(boardOf([item('1', 'done')]), [], figuresOf([forecast('0.5', 500), forecast('0.85', 850), forecast('0.5', 7, 'other'), sample('taskmaster_throughput_tasks_per_day', 2.5, { project: 'p', tag: 'm' })]), 100)
  assert.deepEqual([made.forecast, made.throughput_per_day], [{ p5: null, p50: 500, p85: 850, p95: null, completions: null, watched_days: null }, 2.5], 'the forecast that was made then')
})

test('a board whose moves are undone is the one from which they were made', () => {
  const next = random(5)
  const statuses = ['pending', 'in-progress', 'review', 'done', 'blocked']
  for (let n = 0; n < 200; n += 1) {
    const held = new Map(['1', '2', '3'].map((id) => [id, pick(next, statuses)]))
    const states = [new Map(held)]
    const moves = Array.from({ length: 12 }, (_, i) => {
      const id = pick(next, ['1', '2', '3'])
      const [from, to] = [String(held.get(id)), pick(next, statuses)]
      held.set(id, to)
      states.push(new Map(held))
      return move(100 + i * 10, id, from, to)
    })
    const board = boardOf([...held].map(([id, status]) => item(id, status)))
    states.forEach((state, i) => {
      const was = boardAt(board, moves.toReversed(), none, 95 + i * 10)
      assert.deepEqual(Object.fromEntries(was.items.map((x) => [x.id, x.status])), Object.fromEntries(state), `after ${i} moves`)
    })
  }
})

test('a run that ended later was under way, one that began later was not there', () => {
  const run = (/** @type {object} */ more) => ({ workflow: 'CI', workflow_id: 1, created: 10, started: 20, ended: 90, conclusion: 'success', status: 'completed', duration_seconds: 70, job_seconds: 60, ...more })
  const ci = /** @type {any} */ ({ repositories: [{ repo: 'o/a', active: 9, queued: 9, runs: [run({ created: 120 }), run({ created: 95, started: 110, ended: 170 }), run({ ended: 150 }), run({})], workflows: [{ workflow: 'CI', workflow_id: 1, judged_runs: 20, p50_seconds: 5, flaky_ratio: 0.5, success_ratio: 0.1, job_seconds: 7 }] }] })
  const [was] = ciAt(ci, figuresOf([sample('github_actions_success_ratio', 0.75, { repo: 'o/a', workflow: 'CI', workflow_id: '1' })]), 100).repositories
  assert.deepEqual(was.runs.map((r) => [r.status, r.conclusion, r.ended]), [['queued', null, null], ['in_progress', null, null], ['completed', 'success', 90]])
  assert.deepEqual([was.active, was.queued, was.whole, was.jobs_wanted], [1, 1, true, 0])
  const [workflow] = was.workflows
  assert.deepEqual([workflow.success_ratio, workflow.judged_runs, workflow.p50_seconds, workflow.flaky_ratio, workflow.job_seconds], [0.75, 1, null, null, null])
})

test('targets, sources and the score are as they were kept', () => {
  const status = /** @type {any} */ ({ state: 'degraded', problems: ['disk full'], actors: [{}], health: {}, sources: [{ source: 'system', up: true, reason: null }, { source: 'github', up: true }], targets: [{ target: 'shop', up: true, duration_seconds: 9 }] })
  const down = /** @type {any} */ ({ time: 80, source: 'probe', kind: 'probe_down', subject: 'shop', title: 'shop is down: refused' })
  const was = statusAt(status, [{ ...down, time: 130, kind: 'probe_up' }, down], figuresOf([sample('probe_success', 0, { target: 'shop' }), sample('taskpulse_source_up', 0, { source: 'system' }), sample('taskpulse_health_score', 61)]), 100)
  const [shop] = was.targets
  assert.deepEqual([shop.up, shop.since, shop.reason, shop.duration_seconds], [false, 80, 'shop is down: refused', null])
  assert.deepEqual([was.sources.map((s) => [s.up, s.since, s.samples]), was.health.score, was.problems], [[[false, null, null], [null, null, null]], 61, []])
})

test('of a time without samples nobody knows whether a target was up', () => {
  const target = (/** @type {string} */ name, /** @type {boolean|null} */ up) => /** @type {any} */ ({ target: name, up, checked_at: 90 })
  const [shop] = statusAt(/** @type {any} */ ({ sources: [], targets: [target('shop', true)] }), [], none, 100).targets
  assert.deepEqual([shop.up, shop.checked_at, shop.reason], [null, null, 'no check is kept of this time'])
  for (const [ups, words] of /** @type {Array<[Array<boolean|null>, string]>} */ ([
    [[true, true], ', none down'], [[true, false], ', 1 down'], [[null, null], ', 2 not known'], [[null, true], ', 1 not known'], [[false, null], ', 1 down, 1 not known'],
  ])) assert.equal(stateWords(ups.map((up, i) => target(`t${i}`, up))), words)
})

test('an alert fires from when it did until it was over', () => {
  const alert = (/** @type {object} */ more) => /** @type {any} */ ({ id: 'a', metric: { __name__: 'm' }, state: 'resolved', firing_since: 50, resolved_at: 150, acked_at: 120, value: 5, ...more })
  const known = [alert({}), alert({ id: 'over', resolved_at: 99 }), alert({ id: 'later', firing_since: 101 }), alert({ id: 'pending', firing_since: null }), alert({ id: 'on', resolved_at: null, acked_at: 60 })]
  const was = alertsAt(known, figuresOf([sample('m', 8)]), 100)
  assert.deepEqual(was.map((a) => [a.id, a.state, a.acked_at, a.value]), [['a', 'firing', null, 8], ['on', 'firing', 60, 8]])
})

test('advice is what had been given and not withdrawn by then; figures that may have changed since are left out', () => {
  const event = (/** @type {number} */ time, /** @type {string} */ id, /** @type {string} */ status) => /** @type {any} */ ({ id: `${time}`, time, source: 'advice', kind: `recommendation_${status}`, subject: id, title: `Title of ${id}: ${status}`, data: null })
  const advice = (/** @type {string} */ id, /** @type {object} */ more) => /** @type {any} */ ({ id, status: 'open', title: `Now ${id}`, why: 'why', action: 'act', evidence: [{ name: 'x' }], created: 10, updated: 20, severity: 'warning', query: 'q', kind: 'disk', ...more })
  const cases = /** @type {Array<[string, any[], any[], Array<[string, string, string, number]>]>} what is known, what happened (the newest first), id, status, title and figures of then */ ([
    ['unchanged since', [advice('a', {})], [event(20, 'a', 'open')], [['a', 'open', 'Now a', 1]]],
    ['its figures changed since', [advice('a', { updated: 150 })], [event(20, 'a', 'open')], [['a', 'open', 'Title of a', 0]]],
    ['accepted since', [advice('a', { status: 'accepted', updated: 150 })], [event(150, 'a', 'accepted'), event(20, 'a', 'open')], [['a', 'open', 'Title of a', 0]]],
    ['given later', [advice('a', { created: 120, updated: 120 })], [event(120, 'a', 'open')], []],
    ['withdrawn since', [], [event(150, 'a', 'withdrawn'), event(20, 'a', 'open')], [['a', 'open', 'Title of a', 0]]],
    ['withdrawn before', [], [event(90, 'a', 'withdrawn'), event(20, 'a', 'open')], []],
    ['what became of an experiment is no advice', [], [/** @type {any} */ ({ ...event(20, 'e', 'open'), kind: 'experiment_verified' })], []],
    ['given before the time line begins', [advice('a', {})], [], [['a', 'open', 'Now a', 1]]],
    ['dismissed then, reopened since', [advice('a', { updated: 170 })], [event(170, 'a', 'open'), event(60, 'a', 'dismissed'), event(20, 'a', 'open')], [['a', 'dismissed', 'Title of a', 0]]],
  ])
  for (const [words, known, events, expected] of cases) assert.deepEqual(adviceAt(known, events, 100).map((r) => [r.id, r.status, r.title, r.evidence.length]), expected, words)
})
