/**
 * What the ribbon, the graph of tasks and the pictures of CI are made of; what a search finds; what is told of the time away.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { pick, random } from './random.mjs'

const { alertLanes, barAt, probeLanes, runLanes, taskLanes } = await import('../../../web/dashboard/js/ribbon/lanes.js')
const { criticalPath, layout } = await import('../../../web/dashboard/js/graph/layout.js')
const { week } = await import('../../../web/dashboard/js/ci/hours.js')
const { rank } = await import('../../../web/dashboard/js/frame/rank.js')
const { summary } = await import('../../../web/dashboard/js/stores/visits.js')

/** @param {string} id @param {string} status @param {string[]} dependencies */
const item = (id, status, dependencies = []) => /** @type {any} */ ({ id, title: `T${id}`, status, dependencies, in_progress_since: null, execution_seconds: null, cost: null })
/** @param {any[]} items */
const boardOf = (items) => /** @type {any} */ ({ project: 'p', tag: 'master', items })
/** @param {number} time @param {string} id @param {string} from @param {string} to @param {string} [tag] */
const move = (time, id, from, to, tag = 'master') => /** @type {any} */ ({ id: `${time}`, time, kind: 'task_status', source: 'taskmaster', severity: 'info', subject: id, title: '', data: { project: 'p', tag, title: `T${id}`, from, to, reopened: to === 'pending' && from === 'done' } })

test('a task has a bar for each time it was worked on, also where its start was not seen', () => {
  const board = boardOf([item('1', 'done'), { ...item('2', 'in-progress'), in_progress_since: 130 }, item('3', 'review'), item('4', 'pending')])
  const { lanes, left } = taskLanes([
    move(110, '1', 'pending', 'in-progress'), move(120, '1', 'in-progress', 'pending'), move(140, '1', 'pending', 'in-progress'), move(150, '1', 'in-progress', 'review'), move(160, '1', 'review', 'done'),
    move(145, '3', 'in-progress', 'review'), move(111, '4', 'pending', 'in-progress', 'other'),
  ], board, 100, 200, 9)
  const bars = Object.fromEntries(lanes.map((l) => [l.name, l.bars.map((b) => [b.start, b.end, b.state])]))
  assert.deepEqual(bars, {
    1: [[110, 120, 'stopped'], [140, 150, 'progress'], [150, 160, 'done']], 2: [[130, null, 'progress']], 3: [[100, 145, 'progress'], [145, null, 'review']],
  })
  assert.equal(left, 0)
  const few = taskLanes([move(110, '1', 'pending', 'in-progress'), move(160, '1', 'in-progress', 'done')], board, 100, 200, 2)
  assert.deepEqual([few.lanes.map((l) => l.name), few.left], [['2', '3'], 1], 'those in progress find a place first')
})

test('bars never run backwards nor past each other, whatever moved', () => {
  const next = random(11)
  const statuses = ['pending', 'in-progress', 'review', 'done', 'cancelled', 'blocked']
  for (let n = 0; n < 300; n += 1) {
    const events = Array.from({ length: 20 }, (_, i) => move(100 + i * 3, pick(next, ['1', '2']), pick(next, statuses), pick(next, statuses)))
    const { lanes } = taskLanes(events, boardOf([item('1', pick(next, statuses)), item('2', pick(next, statuses))]), 90, 200, 9)
    for (const { bars } of lanes) {
      bars.forEach((bar, i) => {
        assert.ok((bar.end ?? 200) >= bar.start)
        assert.ok(i === 0 || (bars[i - 1].end !== null && bar.start >= (bars[i - 1].end ?? 0)), JSON.stringify(bars))
      })
    }
  }
})

test('a target that is down has a bar from when it went down until it came back', () => {
  const event = (/** @type {number} */ time, /** @type {string} */ kind, /** @type {string} */ subject) => /** @type {any} */ ({ id: `${time}`, time, kind, source: 'probe', severity: 'error', subject, title: kind, data: null })
  const targets = /** @type {any[]} */ ([{ target: 'shop', up: true, since: 150, reason: null }, { target: 'db', up: false, since: 50, reason: 'refused' }])
  const [lane] = probeLanes([event(150, 'probe_up', 'shop'), event(120, 'probe_down', 'shop')], targets, 100, 200)
  assert.deepEqual(lane.bars.map((b) => [b.title, b.start, b.end]), [['db down', 50, null], ['shop down', 120, 150]])
  assert.deepEqual(probeLanes([], [], 100, 200), [], 'without a probe there is no lane')
  assert.deepEqual(probeLanes([event(130, 'probe_up', 'shop')], targets.slice(0, 1), 100, 200)[0].bars.map((b) => [b.start, b.end]), [[100, 130]], 'it went down before')
})

test('runs and alerts are bars from their start to their end, and a pointer finds the shortest', () => {
  const run = (/** @type {number} */ number, /** @type {number} */ started, /** @type {number|null} */ ended, /** @type {string|null} */ conclusion) => ({ id: number, attempt: 1, number, workflow: 'CI', branch: 'main', status: ended ? 'completed' : 'queued', conclusion, started, ended, url: '' })
  const [lane] = runLanes(/** @type {any} */ ([{ repo: 'o/r', runs: [run(3, 190, null, null), run(2, 120, 180, 'failure'), run(1, 110, 195, 'success'), run(0, 10, 20, 'success')] }]), 100, 200)
  assert.deepEqual(lane.bars.map((b) => [b.start, b.end, b.state]), [[110, 195, 'ok'], [120, 180, 'failed'], [190, null, 'waiting']])
  assert.equal(barAt(lane, 150, 0, 200)?.start, 120)
  assert.equal(barAt(lane, 115, 0, 200)?.start, 110)
  assert.equal(barAt(lane, 105, 2, 200), null)
  const alert = (/** @type {string} */ id, /** @type {number|null} */ since, /** @type {number|null} */ end) => ({ id, firing_since: since, resolved_at: end, severity: 'critical', summary: id })
  assert.deepEqual(alertLanes(/** @type {any} */ ([alert('a', 150, null), alert('pending', null, null), alert('old', 10, 20)]), 100, 200)[0].bars.map((b) => [b.title, b.state]), [['a', 'critical']])
})

test('a graph has every task and dependency once, what is needed before what needs it', () => {
  const next = random(5)
  for (let n = 0; n < 200; n += 1) {
    const ids = Array.from({ length: 1 + Math.floor(next() * 14) }, (_, i) => String(i))
    const items = ids.map((id) => item(id, pick(next, ['pending', 'done', 'in-progress']), ids.filter(() => next() < 0.15).concat(next() < 0.1 ? ['gone'] : [])))
    const graph = layout(items)
    assert.deepEqual(graph.nodes.map((x) => x.id).sort(), [...ids].sort())
    assert.equal(new Set(graph.nodes.map((x) => `${x.layer} ${x.row}`)).size, ids.length, 'no two at one place')
    const layer = new Map(graph.nodes.map((x) => [x.id, x.layer]))
    const wanted = new Set(items.flatMap((i) => i.dependencies.filter((/** @type {string} */ d) => d !== i.id && ids.includes(d)).map((/** @type {string} */ d) => `${d} ${i.id}`)))
    assert.deepEqual(new Set(graph.edges.map((e) => `${e.from} ${e.to}`)), wanted)
    for (const edge of graph.edges.filter((e) => !e.circular)) assert.ok((layer.get(edge.from) ?? 0) < (layer.get(edge.to) ?? 0), `${edge.from} → ${edge.to}`)
  }
})

test('the critical path is the longest chain of open tasks', () => {
  const items = [item('1', 'done'), item('2', 'pending', ['1']), item('3', 'pending', ['2']), item('4', 'pending', ['3', '1']), item('5', 'pending', ['1']), item('6', 'cancelled', ['4'])]
  const edges = layout(items).edges
  assert.deepEqual(criticalPath(items, edges), ['2', '3', '4'])
  assert.deepEqual(layout(items).nodes.filter((n) => n.critical).map((n) => n.id).sort(), ['2', '3', '4'])
  assert.deepEqual(criticalPath([item('1', 'pending')], []), [], 'one task is no chain')
  assert.equal(layout([item('1', 'pending', ['2']), item('2', 'pending', ['1'])]).edges.filter((e) => e.circular).length, 1, 'a circle is broken once')
})

test('a board of 8,000 tasks in one chain is laid out at once', () => {
  const items = Array.from({ length: 8000 }, (_, i) => item(String(i), 'pending', i > 0 ? [String(i - 1)] : []))
  assert.equal(layout(items.slice(0, 300)).layers, 300)
})

test('runs fall into the hour of the week in which they ended', () => {
  const monday = Date.parse('2026-11-23T00:00:00Z') / 1000
  const line = (/** @type {string} */ conclusion, /** @type {number[]} */ t, /** @type {number[]} */ v) => ({ key: conclusion, metric: { conclusion }, t, v })
  const cells = week([line('success', [monday + 3600, monday + 7 * 86_400 + 3600], [2, 1]), line('failure', [monday + 6 * 86_400 + 24 * 3600], [1])], true)
  assert.deepEqual([cells[0][0], cells[6][23], cells[0][1]], [{ runs: 3, failed: 0 }, { runs: 1, failed: 1 }, { runs: 0, failed: 0 }])
})

test('a search finds what has all words, beginnings and short names first', () => {
  const entries = ['taskmaster_tasks', 'Tasks', 'github_tasks_total', '7 Load test', 'System'].map((words) => ({ words }))
  assert.deepEqual(rank(entries, 'tas').map((e) => e.words), ['Tasks', 'taskmaster_tasks', 'github_tasks_total'])
  assert.deepEqual(rank(entries, 'test load').map((e) => e.words), ['7 Load test'])
  assert.deepEqual(rank(entries, 'nothing'), [])
  assert.equal(rank(entries, ' ').length, entries.length)
})

test('what happened meanwhile is told in few lines', () => {
  const event = (/** @type {string} */ kind, /** @type {string} */ source, /** @type {string} */ subject, /** @type {any} */ data = {}, severity = 'info') => /** @type {any} */ ({ id: kind + subject, time: 1, kind, source, severity, subject, title: `${subject} ${kind}`, data })
  const words = (/** @type {any[]} */ events) => summary(events).map((n) => n.words)
  assert.deepEqual(words([]), [])
  assert.deepEqual(words([move(1, '1', 'in-progress', 'done'), move(2, '2', 'in-progress', 'done'), move(3, '3', 'done', 'pending'), move(4, '4', 'pending', 'in-progress')]), ['2 tasks done, 1 reopened, 1 started'])
  assert.deepEqual(words([move(1, '1', 'pending', 'in-progress')]), ['1 task started'])
  const failed = event('run_finished', 'github', '1', { workflow: 'CI', number: 812, branch: 'main', conclusion: 'failure' })
  assert.deepEqual(words([failed, event('run_finished', 'github', '2', { conclusion: 'success' })]), ['CI failed once: CI #812 on main'])
  assert.deepEqual(words([event('run_finished', 'github', '2', { conclusion: 'success' })]), ['1 CI run, none failed'])
  assert.deepEqual(words([event('probe_up', 'probe', 'db'), event('probe_down', 'probe', 'db')]), ['db probe_up'])
  assert.deepEqual(words([event('probe_down', 'probe', 'db'), event('probe_up', 'probe', 'db'), { ...event('probe_down', 'probe', 'db'), id: 'x' }]), ['db went down 2 times'])
})
