/**
 * What the pages Tasks, CI, System and Application are made of: columns, filters, histories, forecasts, flows, tables.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { pick, random } from './random.mjs'

const { columns, filtered, movesOf } = await import('../../../web/dashboard/js/tasks/tasks.js')
const { drawnLength, firstOf, lengthFor, quantiles, sheetOf, steps, ticks } = await import('../../../web/dashboard/js/tasks/progress.js')
const { around, chainOf, linked, openOnes, usualChoice } = await import('../../../web/dashboard/js/graph/choose.js')
const { flow, REST, REST_WORKFLOW, streams, UNKNOWN } = await import('../../../web/dashboard/js/ci/streams.js')
const { flakyCommits, hasFailed, median } = await import('../../../web/dashboard/js/ci/runs.js')
const { answerTime, certificate, phasesOf, worstFirst } = await import('../../../web/dashboard/js/application/phases.js')
const { groupName } = await import('../../../web/dashboard/js/system/groups.js')
const { sortRows } = await import('../../../web/dashboard/js/components/sort.js')
const { inView } = await import('../../../web/dashboard/js/components/long.js')

/** @param {string} id @param {string} status @param {object} [more] @returns {any} */
const item = (id, status, more = {}) => ({ id, title: `T${id}`, status, priority: 'low', dependencies: [], ready: false, updated_at: null, in_progress_since: null, execution_seconds: null, cost: null, ...more })

test('a board has a column for each status, what is worked on first, and all tasks once', () => {
  const items = [item('1', 'done', { updated_at: 5 }), item('2', 'pending'), item('3', 'pending', { ready: true }), item('4', 'strange'), item('5', 'done', { updated_at: 9 }), item('6', 'blocked')]
  assert.deepEqual(columns(items).map((c) => [c.status, c.items.map((i) => i.id)]), [
    ['in-progress', []], ['blocked', ['6']], ['pending', ['3', '2']], ['done', ['5', '1']], ['strange', ['4']],
  ])
})

test('a filter finds each word in number, title, status or priority', () => {
  const items = [item('7', 'in-progress', { title: 'Load test' }), item('8', 'pending', { title: 'Write <b>docs</b>', ready: true })]
  for (const [text, found] of /** @type {Array<[string, string[]]>} */ ([['', ['7', '8']], ['load', ['7']], ['TEST load', ['7']], ['in progress', ['7']], ['ready', ['8']], ['<b>', ['8']], ['load docs', []], ['8', ['8']]])) {
    assert.deepEqual(filtered(items, text).map((i) => i.id), found, text)
  }
})

test('the history of a task has its moves alone, each until the next', () => {
  const event = (/** @type {number} */ time, /** @type {string} */ subject, /** @type {string} */ to, tag = 'm') => /** @type {any} */ ({ kind: 'task_status', time, subject, data: { project: 'p', tag, from: 'x', to } })
  const board = /** @type {any} */ ({ project: 'p', tag: 'm' })
  const moves = movesOf([event(30, '1', 'done'), event(10, '1', 'in-progress'), event(20, '2', 'done'), event(15, '1', 'done', 'other'), { ...event(12, '1', 'y'), kind: 'task_added' }], board, '1')
  assert.deepEqual(moves.map((m) => [m.to, m.at, m.until]), [['in-progress', 10, 30], ['done', 30, null]])
})

test('a burn-up begins with the board and ends with the forecast', () => {
  const now = 1_000_000
  assert.deepEqual([lengthFor(null, now), lengthFor(now - 4000, now), lengthFor(now - 90 * 86_400, now)], [3600, 6 * 3600, 30 * 86_400])
  const line = (/** @type {number[]} */ t) => ({ key: '', metric: {}, t, v: t.map(() => 1) })
  for (const [lines, expected] of /** @type {Array<[Array<ReturnType<typeof line>>, number]>} */ ([
    [[line([now - 240, now]), line([now - 180, now])], 240], [[line([now])], 60], [[line([now - 3600, now])], 3600], [[line([now - 4000, now])], 3600], [[], 3600],
  ])) assert.equal(drawnLength(lines, now, 3600), expected, 'the sheet is as long as what is known')
  assert.ok(ticks(now - 240, now, 5, 0).length > 1, 'and has times however short it is')
  assert.equal(firstOf([{ key: '', metric: {}, t: [7, 8], v: [1, 1] }, { key: '', metric: {}, t: [], v: [] }]), 7)
  const forecast = { completions: 9, watched_days: 2, p5: now + 50, p50: now + 100, p85: now + 900, p95: null }
  assert.deepEqual(quantiles(forecast, now), [{ share: 0.05, at: now + 50 }, { share: 0.5, at: now + 100 }, { share: 0.85, at: now + 900 }])
  assert.deepEqual([quantiles({ missing: 'too few' }, now), quantiles(null, now), quantiles({ ...forecast, p5: now - 2, p50: now - 1, p85: null }, now)], [[], [], []], 'what is past is no forecast')
  const size = { width: 400, height: 200, left: 40, right: 10, above: 10, below: 20 }
  const sheet = sheetOf(size, 3600, now, now + 400 * 86_400, 60)
  assert.ok(sheet.x(now) > 40 + 350 * 0.4, 'a far end leaves room for what was')
  assert.deepEqual([sheet.x(sheet.start), sheet.y(0), sheet.y(sheet.top)], [40, 180, 10])
  assert.ok(sheet.top >= 60)
})

test('counts are drawn in steps, and not where nothing was seen', () => {
  const sheet = { start: 0, end: 10, top: 10, x: (/** @type {number} */ t) => t, y: (/** @type {number} */ v) => 10 - v }
  assert.equal(steps(sheet, { key: '', metric: {}, t: [0, 1, 5, 6], v: [1, 2, 2, null] }, 2), 'M0.0 9.0H1.0V8.0M5.0 8.0')
  assert.equal(steps(sheet, undefined, 2), '')
  const lines = ticks(0, 86_400, 8, 0)
  assert.ok(lines.length >= 4 && lines.length <= 9 && lines.every((t, i) => i === 0 || t > lines[i - 1]))
  const ahead = 5.5 * 3600
  assert.ok(ticks(0, 7 * 86_400, 8, ahead).every((t) => (t + ahead) % 86_400 === 0), 'days begin at the midnight of the clock that is shown')
})

test('a large board shows its longest chain, or what is around the chosen task', () => {
  const items = [item('1', 'done'), item('2', 'pending', { dependencies: ['1'] }), item('3', 'pending', { dependencies: ['2', 'gone'] }), item('4', 'pending'), item('5', 'pending', { dependencies: ['3'] }), item('6', 'pending', { dependencies: ['5'] }), item('7', 'pending', { dependencies: ['6'] })]
  assert.deepEqual(linked(items).map((i) => i.id), ['1', '2', '3', '5', '6', '7'])
  assert.deepEqual(openOnes(linked(items)).map((i) => i.id), ['2', '3', '5', '6', '7'])
  assert.deepEqual(chainOf(items).map((i) => i.id), ['2', '3', '5', '6', '7'])
  assert.deepEqual(around(items, '2').map((i) => i.id), ['1', '2', '3', '5', '6'], 'three steps either way')
  assert.deepEqual([usualChoice(60, 60, false), usualChoice(200, 50, false), usualChoice(8000, 4000, false), usualChoice(8000, 4000, true)], ['all', 'open', 'chain', 'around'])
  const chain = Array.from({ length: 8000 }, (_, i) => item(String(i), 'pending', { dependencies: i > 0 ? [String(i - 1)] : [] }))
  const began = process.cpuUsage()
  assert.equal(chainOf(chain).length, 8000)
  assert.ok(process.cpuUsage(began).user < 1e6, 'not every task with every dependency')
})

test('every second of jobs is in each column of the flow once, whatever is put together', () => {
  const next = random(3)
  for (let n = 0; n < 100; n += 1) {
    const rows = Array.from({ length: Math.floor(next() * 60) }, () => ({
      workflow: pick(next, ['CI', 'Lint', 'Deploy', 'Nightly']), workflow_id: 1, job: pick(next, ['a', 'b', 'c', 'd', 'e', null]), conclusion: pick(next, ['success', 'failure', null]), jobs: 1, seconds: Math.floor(next() * 100),
    }))
    const total = rows.reduce((sum, r) => sum + r.seconds, 0)
    const { columns: drawn, bands } = flow(streams(rows, 3, 5), 300, 6)
    for (const boxes of drawn) {
      assert.ok(Math.abs(boxes.reduce((sum, b) => sum + b.seconds, 0) - total) < 1e-6)
      for (const box of boxes) {
        for (const [side, end] of /** @type {Array<['from'|'to', 'h1'|'h2']>} */ ([['from', 'h1'], ['to', 'h2']])) {
          const through = bands.filter((b) => b[side] === box)
          if (through.length) assert.ok(Math.abs(through.reduce((sum, b) => sum + b[end], 0) - box.height) < 1e-6)
        }
      }
    }
    assert.ok(drawn[0].length <= 4 && new Set(drawn[1].map((b) => b.key)).size === drawn[1].length)
  }
  assert.deepEqual(streams([{ workflow: 'A', workflow_id: null, job: null, conclusion: null, jobs: null, seconds: 5 }], 1, 1), [{ workflow: 'A', job: REST, outcome: UNKNOWN, seconds: 5 }])
  const small = streams(['A', 'B', 'C'].map((workflow, i) => ({ workflow, workflow_id: null, job: 'x', conclusion: 'success', jobs: 1, seconds: 10 - i })), 1, 9)
  assert.deepEqual(small.map((s) => [s.workflow, s.job, s.seconds]), [[REST_WORKFLOW, REST, 17], ['A', 'x', 10]])
})

test('a commit is flaky where a workflow both failed and succeeded on it, or succeeded at a later attempt', () => {
  const run = (/** @type {number} */ id, /** @type {string} */ sha, /** @type {string|null} */ conclusion, attempt = 1, workflow = 'CI') => /** @type {any} */ ({ id, attempt, sha, conclusion, workflow, workflow_id: null, branch: 'main', title: '', started: id, status: 'completed', job_seconds: 7 })
  const found = flakyCommits([run(1, 'a', 'failure'), run(2, 'a', 'success'), run(3, 'b', 'failure'), run(4, 'c', 'success', 2), run(5, 'd', 'success'), run(6, 'd', 'failure', 1, 'Lint'), run(7, 'e', 'cancelled'), run(8, 'e', 'success'), run(9, '', 'failure'), run(10, '', 'success')])
  assert.deepEqual(found.map((c) => [c.sha, c.failed.length, c.seconds]), [['c', 0, 0], ['a', 1, 7]])
  assert.deepEqual(['success', 'failure', 'timed_out', 'cancelled', null].map(hasFailed), [false, true, true, false, false])
  assert.deepEqual([median([]), median([3, 1, 2]), median([1, 2])], [null, 2, 1.5])
})

test('a table puts rows without a value last in either direction', () => {
  const columns = /** @type {any} */ ([{ key: 'n', value: (/** @type {any} */ r) => r.n }, { key: 'name', value: (/** @type {any} */ r) => r.name }])
  const rows = [{ n: 2, name: 'task 10' }, { n: null, name: 'task 9' }, { n: 5, name: 'a' }, { n: NaN, name: 'b' }]
  const names = (/** @type {string} */ order) => sortRows(rows, columns, order).map((r) => r.name)
  assert.deepEqual([names('-n'), names('n'), names('name'), names('gone')], [['a', 'task 10', 'task 9', 'b'], ['task 10', 'a', 'task 9', 'b'], ['a', 'b', 'task 9', 'task 10'], rows.map((r) => r.name)])
})

test('a long list draws what is in view and a little more', () => {
  for (const [top, height, length, from, to] of [[0, 400, 8000, 0, 16], [4000, 400, 8000, 94, 116], [1e9, 400, 8000, 8000, 8000], [0, 400, 3, 0, 3], [-50, 400, 0, 0, 0]]) {
    assert.deepEqual(inView(top, height, 40, length, 6), { from, to }, `${top}`)
  }
})

test('a target that is down has no answer time and no phases, however fast it was refused', () => {
  const target = (/** @type {string} */ name, /** @type {boolean|null} */ up, /** @type {number|null} */ duration) => /** @type {any} */ ({ target: name, up, duration_seconds: duration })
  const targets = [target('fast', true, 0.2), target('dead', false, 0.001), target('unknown', null, null), target('b', true, 0.1)]
  assert.deepEqual(worstFirst(targets).map((t) => t.target), ['dead', 'unknown', 'b', 'fast'])
  assert.deepEqual(targets.map(answerTime), [0.2, null, null, 0.1])
  const seconds = new Map([['transfer', 0.05], ['connect', 0.1], ['resolve', NaN]])
  assert.deepEqual(phasesOf(targets[1], seconds), [])
  assert.deepEqual(phasesOf(targets[0], seconds).map((p) => [p.word, Number(p.seconds.toFixed(3))]), [['connect', 0.1], ['transfer', 0.05], ['other', 0.05]])
  assert.deepEqual(phasesOf(targets[3], new Map()).map((p) => [p.phase, p.seconds]), [['whole', 0.1]], 'a check over TCP has one phase')
})

test('a certificate says how many days are left, and when that is too few', () => {
  const day = 86_400
  assert.deepEqual([certificate(null, 0), certificate(90 * day, 0), certificate(10 * day, 0), certificate(0, 2 * day)], [null, { days: 90, state: 'ok' }, { days: 10, state: 'soon' }, { days: -2, state: 'over' }])
})

test('units and containers are called what people call them', () => {
  assert.deepEqual(groupName({ unit: 'ssh.service' }), { name: 'ssh.service', kind: 'unit', detail: 'ssh.service' })
  assert.deepEqual(groupName({ unit: 'app.scope', user: 'me' }), { name: 'app.scope (me)', kind: 'scope', detail: 'app.scope, user me' })
  assert.deepEqual(groupName({ container: 'web', id: 'abc', runtime: 'docker', pod: 'p', namespace: 'n' }), { name: 'web', kind: 'docker', detail: 'web, pod n/p, id abc' })
})
