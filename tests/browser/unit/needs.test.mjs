/**
 * What needs the reader: one row for each cause, and nothing good said while something is not known.
 */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Socket, pass, rest, settle } from './page.mjs'

/** @typedef {import('../../../web/dashboard/js/types.js').Status} Status */

const { connect } = await import('../../../web/dashboard/js/stores/connection.js')
const { alerts, followAlerts, thresholds } = await import('../../../web/dashboard/js/stores/alerts.js')
const { followEvents } = await import('../../../web/dashboard/js/stores/events.js')
const { allAdvice, decide, followAdvice, recommendations } = await import('../../../web/dashboard/js/stores/advice.js')
const { board, boardKey, boards, chosenBoard } = await import('../../../web/dashboard/js/stores/boards.js')
const { choice, choices, chosenWorkflow, ci } = await import('../../../web/dashboard/js/stores/ci.js')
const { followStatus } = await import('../../../web/dashboard/js/stores/status.js')
const { loginEnded } = await import('../../../web/dashboard/js/stores/login.js')
const { held, standing } = await import('../../../web/dashboard/js/stores/silences.js')
const { causes, doubt, failures, needed, openAdvice } = await import('../../../web/dashboard/js/stores/needs.js')

rest['/api/v1/rules'] = () => ({ groups: [{ rules: [
  { name: 'hot', metric: 'system_cpu_utilization_ratio', op: '>', threshold: 0.8, severity: 'error' },
  { name: 'exactly', metric: 'equal', op: '==', threshold: 1, severity: 'error' },
  { name: 'odd', metric: null, op: null, threshold: null, severity: 'error' },
] }] })
followAlerts()
followAdvice()
followStatus()
followEvents()
connect()
Socket.last().open()

/** @param {Partial<Status>} [more] */
const status = (more) => ({ state: 'ok', sources: [], targets: [], actors: [], problems: [], needs_person: [], ...more })
/** @param {object} [more] */
const source = (more) => ({ source: 'system', up: true, reason: null, hint: null, since: 1, last_sample: 1, samples: 1, ...more })
/** @param {object} [more] */
const target = (more) => ({ target: 'shop', kind: 'http', address: 'x', up: true, reason: null, since: 1, checked_at: 1, ...more })
/** @param {object} [more] */
const alert = (more) => ({
  id: 'a', rule: 'hot', severity: 'warning', state: 'firing', metric: { __name__: 'm' }, value: 1, op: '>', threshold: 0.5, pending_since: 5, firing_since: 6, acked_at: null, resolved_at: null, summary: 'm is 1, above 0.5', busiest: [], ...more,
})
const say = (/** @type {object} */ more) => Socket.last().frame('status', 'update', [status(more)])
const keys = () => failures.value.map((f) => f.key)

beforeEach(() => {
  say({})
  Socket.last().frame('alerts', 'snapshot', [])
  Socket.last().frame('recommendations', 'snapshot', [])
  boards.value = { tasks: { boards: [], sources: [] }, error: null }
  ci.value = { runs: { repositories: [], sources: [] }, error: null }
  loginEnded.value = false
})

test('without anything wrong nothing needs the reader, and nothing is in doubt', () => {
  say({ sources: [source(), source({ source: 'github', up: null, reason: 'no remote' })], targets: [target()] })
  assert.deepEqual([keys(), needed.value, doubt.value], [[], 0, null], 'a source that is absent by itself is none')
})

test('each cause has one row, the worst first', () => {
  say({
    state: 'degraded',
    sources: [
      source({ source: 'taskmaster', up: false, reason: 'not JSON' }), source({ source: 'probe shop', up: false }), source({ source: 'scrape node', up: null, reason: 'no such file', hint: 'write it' }),
      source({ source: 'containers', reason: 'in part' }),
    ],
    targets: [target({ up: false, reason: 'refused' }), target({ target: 'late', up: null })],
    actors: [{ name: 'hub', state: 'stuck', reason: 'no beat', last_panic: null }, { name: 'own', state: 'restarting', reason: null, last_panic: { time: 3, message: 'why' } }, { name: 'store', state: 'running' }],
    problems: ['source taskmaster: not JSON', 'shop is down: refused', 'actor hub: no beat', 'the disk is full'],
  })
  assert.deepEqual(keys(), [
    'actor hub', 'problem the disk is full', 'source taskmaster', 'target shop', 'actor own', 'source scrape node', 'source containers', 'target late',
  ])
  assert.deepEqual(failures.value.map((f) => f.mark), ['critical', 'error', 'error', 'error', 'warning', 'warning', 'warning', 'warning'])
  const row = failures.value.find((f) => f.key === 'source scrape node')
  assert.deepEqual([row?.title, row?.detail], ['The metrics of node is not there', 'no such file; write it'])
  assert.equal(failures.value.find((f) => f.key === 'actor own')?.detail, 'why')
  assert.equal(needed.value, 8)
})

test('a source that fails is named by what it is for', () => {
  say({ sources: [source({ source: 'taskmaster', up: false }), source({ source: 'scrape node', up: false }), source({ source: 'channel ops', up: false })] })
  assert.deepEqual(failures.value.map((f) => f.title), ['The task board cannot be read', 'The metrics of node cannot be read', 'The channel ops cannot be reached'])
})

test('an alert that fires on a cause is its row, also when it was noted', () => {
  const down = { sources: [source({ source: 'taskmaster', up: false })], targets: [target({ up: false })] }
  say(down)
  assert.deepEqual(keys(), ['source taskmaster', 'target shop'])
  Socket.last().frame('alerts', 'update', [
    alert({ id: '1', metric: { __name__: 'probe_success', target: 'shop' } }), alert({ id: '2', metric: { __name__: 'taskpulse_source_up', source: 'taskmaster' }, acked_at: 7 }),
    alert({ id: '3', state: 'pending' }),
  ])
  assert.deepEqual([keys(), standing.value.firing.flatMap((c) => c.alerts.map((a) => a.id))], [[], ['1']])
  Socket.last().frame('alerts', 'update', [alert({ id: '1', state: 'resolved', metric: { __name__: 'probe_success', target: 'shop' } })])
  assert.deepEqual(keys(), ['target shop'])
})

test('a target of scraping that is down is one row, as an alert or else as a source', () => {
  say({ sources: [source({ source: 'scrape gone', up: false }), source({ source: 'scrape other', up: false })] })
  Socket.last().frame('alerts', 'update', [alert({ metric: { __name__: 'up', job: 'gone', instance: '127.0.0.1:1' } })])
  assert.deepEqual(causes.value.map((c) => c.key), ['source scrape other', 'rule hot'])
})

test('what follows from another alert is no row of its own, and every count says so', () => {
  const status = (/** @type {string[]} */ inhibitedBy) => /** @type {any} */ ({ inhibitedBy, silencedBy: [], mutedBy: [], state: 'suppressed' })
  Socket.last().frame('alerts', 'update', [alert({ id: 'high', rule: 'high_cpu_usage' }), alert({ id: 'worst', rule: 'critical_cpu_usage', severity: 'critical', summary: 'CPU 99 %' })])
  assert.deepEqual([needed.value, standing.value.firing.length], [2, 2])
  held.value = { silences: [], maintenance: [], byAlert: new Map([['high', status(['worst'])]]) }
  assert.deepEqual([needed.value, standing.value.firing.length, causes.value.map((c) => `${c.title}: ${c.detail}`)], [1, 1, ['CPU 99 %: 1 alert follows from it']])
  Socket.last().frame('alerts', 'update', [alert({ id: 'worst', rule: 'critical_cpu_usage', severity: 'critical', acked_at: 9 })])
  assert.equal(needed.value, 0, 'noting a cause notes what follows from it')
  held.value = null
})

test('an alert whose samples stopped stays, with the time until which it is known', () => {
  say({ targets: [target({ up: false })] })
  Socket.last().frame('alerts', 'update', [alert({ id: '1', rule: 'gone', state: 'unknown', unknown_since: 400, last_sample: 100, metric: { __name__: 'probe_success', target: 'shop' }, summary: 'shop is down for 2 min' })])
  const [cause] = causes.value
  assert.deepEqual([needed.value, cause.key, cause.since, cause.until, keys()], [1, 'rule gone', 6, 100, []])
  assert.match(cause.title, /^shop is down for 2 min; nothing is known since .*: its samples stopped$/)
})

test('alerts come the worst first, then the oldest, and their thresholds with those of rules', async () => {
  // Rules are asked for when limits are first drawn.
  assert.equal(thresholds.value.size, 0)
  await settle()
  Socket.last().frame('alerts', 'update', [
    alert({ id: 'late', severity: 'error', pending_since: 9 }), alert({ id: 'soon', severity: 'critical', state: 'pending' }), alert({ id: 'old', severity: 'error', pending_since: 2 }), alert({ id: 'mild' }),
  ])
  assert.deepEqual(alerts.value?.map((a) => a.id), ['old', 'late', 'mild', 'soon'])
  assert.deepEqual([...thresholds.value.keys()], ['system_cpu_utilization_ratio', 'm'])
  assert.deepEqual(thresholds.value.get('system_cpu_utilization_ratio')?.get('>0.8'), { op: '>', value: 0.8, severity: 'error', rule: 'hot' })
})

test('advice that is open needs the reader until it is decided on', () => {
  const advice = (/** @type {string} */ id, /** @type {string} */ state, updated = 1) => ({ id, status: state, updated, created: 1, severity: 'info', title: id, action: 'do it' })
  Socket.last().frame('recommendations', 'snapshot', [advice('a', 'accepted', 9), advice('b', 'open'), advice('c', 'dismissed'), advice('d', 'open', 5)])
  assert.deepEqual(recommendations.value?.map((r) => r.id), ['d', 'b', 'a'])
  assert.deepEqual([openAdvice.value.length, needed.value], [2, 2])
  Socket.last().frame('recommendations', 'update', [advice('d', 'withdrawn'), advice('b', 'accepted')])
  assert.equal(needed.value, 0)
})

test('the answer to a decision takes nothing back that the stream said meanwhile', async () => {
  const advice = (/** @type {string} */ state, verdict = '') => /** @type {any} */ ({ id: 'a', status: state, updated: 1, created: 1, severity: 'info', title: 'a', action: 'do it', verdict: verdict === '' ? null : { state: verdict } })
  const shown = () => allAdvice.value?.map((r) => [r.status, r.verdict?.state ?? ''])
  Socket.last().frame('recommendations', 'snapshot', [advice('accepted')])
  rest['/api/v1/recommendations/a/applied'] = () => {
    Socket.last().frame('recommendations', 'update', [advice('applied', 'too_early')])
    return advice('applied')
  }
  await decide('a', 'applied')
  assert.deepEqual(shown(), [['applied', 'too_early']])
  rest['/api/v1/recommendations/a/undo'] = () => advice('accepted')
  await decide('a', 'undo')
  assert.deepEqual(shown(), [['accepted', '']], 'where the stream says nothing the answer counts')
  Socket.last().frame('recommendations', 'snapshot', [])
})

test('a rule has one row however many of its alerts fire, the worst cause first, advice last', () => {
  say({ targets: [target({ up: false, since: 3 })] })
  Socket.last().frame('recommendations', 'snapshot', [{ id: 'adv', status: 'open', updated: 1, created: 1, severity: 'critical', title: 'more disks', action: 'buy' }])
  Socket.last().frame('alerts', 'update', [
    alert({ id: '1', rule: 'queue_is_long', metric: { __name__: 'q', lane: 'a' }, summary: 'Q · a 9, above 5' }), alert({ id: '2', rule: 'queue_is_long', firing_since: 2, metric: { __name__: 'q', lane: 'b' }, summary: 'Q · b 7, above 5' }),
    alert({ id: '3', rule: 'cpu', severity: 'critical', threshold: 0.95, metric: { __name__: 'system_cpu_utilization_ratio' }, summary: 'CPU 100 %, above 95 %', busiest: ['rustc 60 %'] }),
    alert({ id: '4', state: 'pending' }), alert({ id: '5', acked_at: 9 }),
  ])
  assert.deepEqual(causes.value.map((c) => [c.key, c.title.replace(/\u00a0/g, ' '), c.detail, c.since]), [
    ['rule cpu', 'CPU 100 %, above 95 %', 'Most of it: rustc 60 %', 6], ['target shop', 'shop is down', 'No reason is known.', 3],
    ['rule queue_is_long', 'Q · a 9, above 5, and 1 more like it', '', 2], ['advice adv', 'more disks', 'buy', 1],
  ])
  assert.deepEqual([needed.value, causes.value[2].alerts.map((a) => a.id)], [4, ['1', '2']])
})

test('a board that cannot be read has a row, unless its project has one', () => {
  const broken = (/** @type {string} */ project) => ({ project, tag: 'master', up: false, reason: 'gone', current: false })
  boards.value = { tasks: { boards: /** @type {any} */ ([broken('one'), broken('two'), { ...broken('three'), up: true }]), sources: [] }, error: null }
  assert.deepEqual(keys(), ['board one/master', 'board two/master'])
  say({ sources: [source({ source: 'taskmaster two', up: false })] })
  assert.deepEqual(keys(), ['source taskmaster two', 'board one/master'])
  say({ sources: [source({ source: 'taskmaster', up: false })] })
  assert.deepEqual(keys(), ['source taskmaster'])
})

test('as long as something is not known it is said what', () => {
  /** @type {Array<[string, () => void, RegExp]>} */
  const cases = [
    ['boards not asked yet', () => { boards.value = { tasks: null, error: null } }, /^Looking for what needs you$/],
    ['boards that cannot be asked', () => { boards.value = { tasks: null, error: 'the service does not answer' } }, /^Not all could be asked: the service/],
    ['CI not asked yet', () => { ci.value = { runs: null, error: null } }, /^Looking/],
    ['a target that was not checked', () => say({ targets: [target({ up: null, checked_at: null })] }), /^Not checked yet: shop$/],
    ['a start', () => say({ state: 'starting' }), /is starting/],
    ['a stop', () => say({ state: 'stopping' }), /is stopping/],
    ['a reason that no row tells', () => say({ state: 'degraded' }), /does not work as it should/],
    ['a login that ended', () => { loginEnded.value = true }, /Your login has ended/],
  ]
  for (const [what, happens, expected] of cases) {
    assert.equal(doubt.value, null, `before ${what}`)
    happens()
    assert.match(doubt.value ?? '', expected, what)
    say({})
    boards.value = { tasks: { boards: [], sources: [] }, error: null }
    ci.value = { runs: { repositories: [], sources: [] }, error: null }
    loginEnded.value = false
  }
  pass(21)
  assert.match(doubt.value ?? '', /The connection is lost/, 'status has not come for too long')
})

test('the board in view is the one chosen, else the current one, else the first', () => {
  const three = /** @type {any} */ (['a', 'b', 'c'].map((tag) => ({ project: 'p', tag, current: tag === 'b' })))
  boards.value = { tasks: { boards: three, sources: [] }, error: null }
  assert.equal(board.value?.tag, 'b')
  chosenBoard.value = boardKey(three[2])
  assert.equal(board.value?.tag, 'c')
  chosenBoard.value = 'p/gone'
  assert.equal(board.value?.tag, 'b')
  boards.value = { tasks: { boards: [], sources: [] }, error: null }
  assert.equal(board.value, null)
})

test('the workflow in view is the one chosen, else the busiest of the first repository', () => {
  const workflow = (/** @type {string} */ name, /** @type {Record<string, number>} */ runs) => ({ workflow: name, workflow_id: null, runs })
  const repositories = /** @type {any} */ ([{ repo: 'o/a', workflows: [workflow('idle', {}), workflow('busy', { success: 3, failure: 2 })] }, { repo: 'o/b', workflows: [] }])
  ci.value = { runs: { repositories, sources: [] }, error: null }
  assert.deepEqual(choices.value.map((c) => [c.repository.repo, c.workflow?.workflow]), [['o/a', 'busy'], ['o/a', 'idle'], ['o/b', undefined]])
  assert.equal(choice.value?.workflow?.workflow, 'busy')
  chosenWorkflow.value = 'o/a idle'
  assert.equal(choice.value?.workflow?.workflow, 'idle')
})

test('a run of an action that failed or was undone by itself needs the reader until somebody has seen it', () => {
  const run = (/** @type {string} */ id, /** @type {string} */ state) => ({ id, state, title: 'The disk fills up', reason: 'The guard was 2, beyond 1.', updated: 7, needs_person: true })
  say({ needs_person: [run('b', 'undone'), run('a', 'failed')] })
  assert.deepEqual(causes.value.map(({ mark, title, page, open }) => [mark, title, page, open]), [
    ['error', 'An action failed: The disk fills up', 'advice', 'run a'], ['warning', 'An action was undone: The disk fills up', 'advice', 'run b'],
  ])
  say({})
  assert.deepEqual([needed.value, doubt.value], [0, null])
})
