/**
 * What the ribbon shows: bars of tasks, runs, probes and alerts, their lanes, the time axis, and walking over them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pick, random } from './random.mjs'

const { gapBars, gapsOf, startsUnannounced, throughGaps, withoutGaps } = await import('../../../web/dashboard/js/ribbon/gaps.js')
const { alertLane, assign, barAt, probeLane, runLanes, taskBars, taskLanes, usualTime, visible, wantedTasks, withEnds } = await import('../../../web/dashboard/js/ribbon/lanes.js')
const { beginsLate, firstTick, tickStep, timeAt, viewStart, xOf } = await import('../../../web/dashboard/js/ribbon/scale.js')
const { walk } = await import('../../../web/dashboard/js/ribbon/walk.js')
const { commitsOf } = await import('../../../web/dashboard/js/ribbon/commits.js')

/** @param {string} id @param {string} status @param {object} [more] */
const item = (id, status, more) => /** @type {any} */ ({ id, title: `T${id}`, status, dependencies: [], in_progress_since: null, execution_seconds: null, updated_at: null, cost: null, ...more })
/** @param {any[]} items */
const boardOf = (items) => /** @type {any} */ ({ project: 'p', tag: 'master', items })
/** @param {number} time @param {string} id @param {string} from @param {string} to @param {string} [tag] */
const move = (time, id, from, to, tag = 'master') => /** @type {any} */ ({ id: `${time}`, time, kind: 'task_status', source: 'taskmaster', severity: 'info', subject: id, title: '', data: { project: 'p', tag, title: `T${id}`, from, to } })

test('a task has a bar for each time it was worked on, also where its start was not seen', () => {
  const board = boardOf([item('1', 'done'), item('2', 'in-progress', { in_progress_since: 130 }), item('3', 'review', { cost: { since: 120 } }), item('4', 'pending'), item('5', 'pending')])
  const bars = taskBars([
    move(110, '1', 'pending', 'in-progress'), move(120, '1', 'in-progress', 'pending'), move(140, '1', 'pending', 'in-progress'), move(150, '1', 'in-progress', 'review'), move(160, '1', 'review', 'done'),
    move(145, '3', 'in-progress', 'review'), move(111, '4', 'pending', 'in-progress', 'other'), move(112, '5', 'pending', 'in-progress'),
  ], board, 100)
  assert.deepEqual(Object.fromEntries([...bars].map(([id, list]) => [id, list.map((b) => [b.start, b.end, b.state, b.seen])])), {
    1: [[110, 120, 'stopped', true], [140, 150, 'progress', true], [150, 160, 'done', true]], 2: [[130, null, 'progress', true]],
    3: [[100, 145, 'progress', false], [145, null, 'review', true]],
    // The board says that it is not in progress any more: nobody saw when it ended.
    5: [],
  })
  const unseen = taskBars([], boardOf([item('9', 'in-progress', { cost: { since: 50 } }), item('8', 'in-progress')]), 100)
  assert.deepEqual([...unseen].map(([id, list]) => [id, list.map((b) => [b.start, b.end, b.seen])]), [['9', [[50, null, false]]], ['8', []]], 'no bar where nothing says since when')
})

test('bars never run backwards nor past each other, whatever moved', () => {
  const next = random(11)
  const statuses = ['pending', 'in-progress', 'review', 'done', 'cancelled', 'blocked']
  for (let n = 0; n < 300; n += 1) {
    const events = Array.from({ length: 20 }, (_, i) => move(100 + i * 3, pick(next, ['1', '2']), pick(next, statuses), pick(next, statuses)))
    for (const bars of taskBars(events, boardOf([item('1', pick(next, statuses)), item('2', pick(next, statuses))]), 90).values()) {
      bars.forEach((bar, i) => {
        assert.ok((bar.end ?? 200) >= bar.start)
        assert.ok(i === 0 || (bars[i - 1].end !== null && bar.start >= (bars[i - 1].end ?? 0)), JSON.stringify(bars))
      })
    }
  }
})

test('a task that keeps its lane keeps its place, and one that comes takes a free one', () => {
  assert.deepEqual(assign([null, null, null], ['10', '2'], 3), ['2', '10', null], 'at first by number')
  assert.deepEqual(assign(['2', '10', null], ['7', '10', '2'], 3), ['2', '10', '7'])
  assert.deepEqual(assign(['2', '10', '7'], ['1', '7', '10', '2'], 3), ['1', '10', '7'], 'in the place of the one that goes')
  assert.deepEqual(assign(['2', null], [], 2), [null, null])
  const next = random(3)
  let places = /** @type {Array<string|null>} */ ([null, null, null, null])
  for (let n = 0; n < 500; n += 1) {
    const wanted = [...new Set(Array.from({ length: 7 }, () => pick(next, ['1', '2', '3', '4', '5', '6', '7', '8'])))]
    const after = assign(places, wanted, 4)
    assert.deepEqual(new Set(after.filter((id) => id !== null)), new Set(wanted.slice(0, 4)))
    for (const [i, id] of places.entries()) if (places.some((p) => p !== null) && id && wanted.slice(0, 4).includes(id)) assert.equal(after[i], id, 'nothing moves')
    places = after
  }
})

test('tasks in progress are wanted first, then those worked on last, then those done last', () => {
  const board = boardOf([item('1', 'done', { updated_at: 50 }), item('2', 'done', { updated_at: 90 }), item('3', 'pending'), item('4', 'in-progress', { in_progress_since: 10 }), item('5', 'done')])
  const bars = taskBars([move(110, '5', 'in-progress', 'done'), move(120, '3', 'in-progress', 'pending')], board, 100)
  assert.deepEqual(wantedTasks(board, bars), ['4', '3', '5', '2', '1'])
  const lanes = taskLanes(['4', null], board, bars)
  assert.deepEqual(lanes.map((l) => [l.name, l.title, l.bars.length]), [['4', 'T4', 1], ['', '', 0]])
  assert.equal(usualTime(boardOf([1, 9, 3].map((s, i) => item(String(i), 'done', { execution_seconds: s })))), 3)
  assert.equal(usualTime(board), null, 'too few')
})

test('a target that is down has a bar from when it went down until it came back', () => {
  const event = (/** @type {number} */ time, /** @type {string} */ kind, /** @type {string} */ subject) => /** @type {any} */ ({ id: `${time}`, time, kind, source: 'probe', severity: 'error', subject, title: kind, data: null })
  const targets = /** @type {any[]} */ ([{ target: 'shop', up: true, since: 150, reason: null }, { target: 'db', up: false, since: 50, reason: 'refused' }])
  const lane = probeLane([event(150, 'probe_up', 'shop'), event(120, 'probe_down', 'shop')], targets, 100)
  assert.deepEqual(lane.bars.map((b) => [b.title, b.start, b.end]), [['db down', 50, null], ['shop down', 120, 150]])
  assert.deepEqual(probeLane([], [], 100).bars, [])
  assert.deepEqual(probeLane([event(130, 'probe_up', 'shop')], targets.slice(0, 1), 100).bars.map((b) => [b.start, b.end, b.seen]), [[100, 130, false]], 'it went down before')
})

/** @param {number} number @param {number} started @param {number|null} ended @param {string|null} conclusion @param {object} [more] */
const run = (number, started, ended, conclusion, more) => ({ id: number, attempt: 1, number, workflow: 'CI', branch: 'main', status: ended ? 'completed' : 'queued', conclusion, started, ended, url: '', sha: '', title: '', created: started, ...more })

test('runs at the same time stand below each other, alerts are bars, and a pointer finds the shortest', () => {
  const [first, second] = runLanes(/** @type {any} */ ([{ repo: 'o/r', runs: [run(3, 190, null, null), run(2, 120, 180, 'failure'), run(1, 110, 195, 'success'), run(0, 10, 20, 'success')] }]), 2)
  assert.deepEqual(first.bars.map((b) => [b.start, b.end, b.state]), [[10, 20, 'ok'], [110, 195, 'ok']])
  assert.deepEqual(second.bars.map((b) => [b.start, b.end, b.state]), [[120, 180, 'failed'], [190, null, 'waiting']])
  const [one] = runLanes(/** @type {any} */ ([{ repo: 'o/r', runs: [run(2, 120, 180, 'failure'), run(1, 110, 195, 'success')] }]), 1)
  assert.deepEqual([barAt(one, 150, 0, 200)?.start, barAt(one, 115, 0, 200)?.start, barAt(one, 105, 2, 200), barAt(one, 108, 2, 200)?.start], [120, 110, null, 110])
  const alert = (/** @type {string} */ id, /** @type {number|null} */ since, /** @type {number|null} */ end) => ({ id, rule: 'r', metric: { __name__: 'm' }, firing_since: since, resolved_at: end, severity: 'critical', op: null, threshold: null, summary: id })
  assert.deepEqual(alertLane(/** @type {any} */ ([alert('a', 150, null), alert('pending', null, null), alert('old', 10, 20)])).bars.map((b) => [b.title, b.state, b.words]), [['old', 'critical', 'critical'], ['a', 'critical', 'critical, fires']])
})

test('a bar is not drawn while the service was off', () => {
  const service = (/** @type {number} */ time, /** @type {string} */ kind) => /** @type {any} */ ({ time, source: 'service', kind })
  const other = (/** @type {number} */ time) => /** @type {any} */ ({ time, source: 'github', kind: 'run' })
  for (const [events, gaps] of /** @type {Array<[any[], Array<[number, number]>]>} */ ([
    [[], []], [[other(5)], []], [[service(40, 'start')], [[-Infinity, 40]]], [[other(5), service(40, 'start')], []],
    [[service(40, 'start'), service(20, 'stop')], [[20, 40]]], [[service(20, 'stop'), other(21), service(40, 'start')], [[20, 40]]],
    [[service(20, 'stop'), service(40, 'start'), service(60, 'start')], [[20, 40]]],
  ])) assert.deepEqual(gapsOf(events), gaps)
  for (const [events, wanted, ran, gaps] of /** @type {Array<[any[], Array<[number, number|null]>, Array<[number, number|null]>, Array<[number, number]>]>} */ ([
    // After a crash the service is off from when it was last known to run; where that is not kept, nobody knows.
    [[service(20, 'start'), other(25), service(40, 'start')], [[20, null], [40, 20]], [[20, 5], [40, 30]], [[5, 20], [30, 40]]],
    [[service(20, 'start'), service(40, 'start')], [[20, null], [40, 20]], [[20, null], [40, null]], [[-Infinity, 20]]],
    [[other(5), service(40, 'start')], [[40, null]], [[40, 30]], [[30, 40]]],
    [[service(20, 'stop'), service(40, 'start'), service(60, 'stop')], [], [], [[20, 40]]],
  ])) {
    assert.deepEqual(startsUnannounced(events).map(({ start, from }) => [start, from]), wanted)
    assert.deepEqual(gapsOf(events, new Map(ran)), gaps)
  }
  assert.deepEqual(gapBars([[-Infinity, 10], [20, 25], [100, 200]]).map((b) => [b.start, b.end, b.state, b.words]), [[100, 200, 'unknown', 'the service was not running']], 'a restart is no mark')
  const bar = (/** @type {number} */ start, /** @type {number|null} */ end) => /** @type {any} */ ({ start, end, words: 'refused', seen: true })
  for (const [one, parts] of /** @type {Array<[any, Array<[number, number|null, boolean]>]>} */ ([
    [bar(0, 10), [[0, 10, true]]], [bar(10, 30), [[10, 20, true]]], [bar(25, 35), []], [bar(30, 50), [[40, 50, false]]], [bar(10, 50), [[10, 20, true], [40, 50, false]]],
    [bar(10, null), [[10, 20, true], [40, 60, false], [70, null, false]]], [bar(45, 46), [[45, 46, true]]],
  ])) assert.deepEqual(withoutGaps([one], [[20, 40], [60, 70]]).map((b) => [b.start, b.end, b.seen]), parts, `${one.start} to ${one.end}`)
})

test('of a task that was in progress before the service was off and after it, the time between is not known', () => {
  const bar = (/** @type {number} */ start, /** @type {number|null} */ end) => /** @type {any} */ ({ start, end, state: 'progress', title: '7 Shop', words: 'in progress', page: 'tasks', item: '7', seen: true })
  for (const [one, unknown] of /** @type {Array<[any, Array<[number, number|null]>]>} */ ([
    [bar(0, 100), []], [bar(100, 250), []], [bar(250, 290), []], [bar(250, 500), []], [bar(310, 500), []], [bar(100, 500), [[200, 300]]], [bar(100, null), [[200, 300], [600, 700]]],
  ])) {
    const [whole, ...parts] = throughGaps([one], [[-Infinity, 50], [200, 300], [400, 410], [600, 700]])
    assert.equal(whole, one, 'its times and its cost are those of the whole')
    assert.deepEqual(parts.map((b) => [b.start, b.end]), unknown, `${one.start} to ${one.end}`)
    assert.ok(parts.every((b) => b.state === 'unknown' && b.item === '7' && b.page === 'tasks'))
  }
})

test('bars in view are found as well as by looking at each', () => {
  const next = random(7)
  for (let n = 0; n < 200; n += 1) {
    const bars = Array.from({ length: Math.floor(next() * 40) }, () => {
      const start = Math.floor(next() * 100)
      return /** @type {any} */ ({ start, end: next() < 0.1 ? null : start + Math.floor(next() * 30), title: '' })
    })
    const lane = withEnds(/** @type {any} */ ({ bars }))
    const from = next() * 120
    const first = visible(lane, from)
    const plainly = lane.bars.filter((b) => (b.end ?? Infinity) >= from)
    assert.deepEqual(lane.bars.slice(first).filter((b) => (b.end ?? Infinity) >= from), plainly)
  }
})

test('marks and lines of the axis at one time are on one pixel, and a pixel is found again', () => {
  const next = random(2)
  for (let n = 0; n < 500; n += 1) {
    const scale = { start: 1e9 + next() * 1e6, end: 0, left: 200, right: 1000 + Math.floor(next() * 800) }
    scale.end = scale.start + 10 ** (1 + next() * 6)
    const step = tickStep(scale)
    const t = firstTick(scale.start, step, 0)
    assert.ok(t >= scale.start && t - scale.start < step && t % step === 0)
    assert.equal(xOf(scale, t) % 1, 0)
    assert.ok(Math.abs(xOf(scale, timeAt(scale, 500)) - 500) <= 0)
    assert.ok((scale.end - scale.start) / step <= (scale.right - scale.left) / 84, 'names have room')
  }
  assert.equal(firstTick(Date.parse('2026-11-26T14:20:00Z') / 1000, 86_400, -3600), Date.parse('2026-11-26T23:00:00Z') / 1000, 'midnight is that of the zone')
})

test('what a young service knows is no sliver at the right edge', () => {
  const live = { start: 0, end: 21_600, live: true }
  for (const [known, expected] of [[21_000, 20_700], [21_500, 21_300], [18_000, 18_000], [11_000, 10_800], [10_000, 0], [0, 0], [-50, 0], [Infinity, 0]]) assert.equal(viewStart(live, known), expected, `${known}`)
  assert.equal(viewStart({ ...live, live: false }, 21_000), 0, 'a time that was chosen is shown as it is')
})

test('arrows walk over what is in view only', () => {
  const lane = (/** @type {number[]} */ starts) => withEnds(/** @type {any} */ ({ bars: starts.map((start) => ({ start, end: start + 5, title: `b${start}` })) }))
  const lanes = [lane([0, 20, 40, 200]), lane([]), lane([22, 60])]
  let mark = walk('ArrowRight', lanes, null, 15, 100, 100)
  assert.deepEqual([mark?.lane, mark?.bar.start], [0, 40], 'the newest of the first lane')
  for (const [key, at] of /** @type {Array<[string, [number, number]]>} */ ([['ArrowRight', [0, 40]], ['ArrowLeft', [0, 20]], ['ArrowLeft', [0, 20]], ['ArrowDown', [2, 22]], ['End', [2, 60]], ['ArrowUp', [0, 40]], ['ArrowUp', [0, 40]], ['Home', [0, 20]]])) {
    mark = walk(key, lanes, mark, 15, 100, 100)
    assert.deepEqual([mark?.lane, mark?.bar.start], at, key)
  }
  assert.equal(walk('a', lanes, mark, 15, 100, 100), null)
  assert.equal(walk('ArrowUp', [lane([])], null, 0, 1, 1), null)
})

test('commits of a task are those that CI ran for while it was in progress', () => {
  const bars = /** @type {any} */ ([{ start: 100, end: 200 }, { start: 300, end: null }])
  const url = 'https://github.com/o/r/actions/runs/1'
  const runs = [run(1, 150, 160, 'success', { sha: 'aaa', title: 'one', url }), run(2, 155, 160, 'success', { sha: 'aaa', title: 'one again', url }), run(3, 250, 260, 'success', { sha: 'bbb' }), run(4, 310, null, null, { sha: 'ccc', title: 'three', url: 'javascript:x' }), run(5, 320, null, null, { sha: '' })]
  assert.deepEqual(commitsOf(/** @type {any} */ ([{ repo: 'o/r', runs }]), bars, 400), [
    { sha: 'ccc', title: 'three', url: null, created: 310 }, { sha: 'aaa', title: 'one', url: 'https://github.com/o/r/commit/aaa', created: 150 },
  ])
})

test('a view that is known from its middle on says so, one that lacks a sample or two does not', () => {
  for (const [known, late] of /** @type {Array<[number, boolean]>} */ ([[0, false], [100, false], [1800, true], [-50, false], [Infinity, false]])) assert.equal(beginsLate(0, 3600, known), late, `${known}`)
  assert.deepEqual([beginsLate(0, 86_400, 1700), beginsLate(0, 86_400, 1800)], [false, true], 'a longer view has longer steps')
})
