/**
 * Alerts, events and what happened meanwhile, in words.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

process.env.TZ = 'UTC'
const { weightOf, wordsOf } = await import('../../../web/dashboard/js/timeline.js')
const { summary } = await import('../../../web/dashboard/js/away.js')
const { runMark, runWord } = await import('../../../web/dashboard/js/statuses.js')

const plain = (/** @type {string} */ text) => text.replace(/[\u00a0\u202f]/g, ' ')
const T0 = Date.parse('2026-11-26T14:00:00Z') / 1000

/** @param {number} at @param {string} kind @param {string} source @param {string} subject @param {any} [data] @param {string} [title] */
const event = (at, kind, source, subject, data = {}, title = `${subject} ${kind}`) => /** @type {any} */ ({ id: `${at}${kind}${subject}`, time: T0 + at, kind, source, severity: kind === 'alert_firing' ? 'critical' : 'info', subject, title, data })
/** @param {number} at @param {string} id @param {string} from @param {string} to @param {string} [tag] */
const move = (at, id, from, to, tag = 'master') => event(at, 'task_status', 'taskmaster', id, { project: 'p', tag, title: `T${id}`, from, to, reopened: from === 'done' })
/** @param {number} at @param {number} number @param {string} conclusion @param {string} [workflow] */
const run = (at, number, conclusion, workflow = 'CI') => event(at, 'run_finished', 'github', String(number), { workflow, number, branch: 'main', conclusion, attempt: 1 })

test('an event names what it is about, and a failure has no dot of success', () => {
  const cpu = { metric: { __name__: 'system_cpu_utilization_ratio' }, rule: 'cpu' }
  for (const [one, words, mark] of /** @type {Array<[any, string, string]>} */ ([
    [move(0, '7', 'pending', 'in-progress'), 'Task 7 T7: pending → in progress', 'info'],
    [run(0, 812, 'failure'), 'CI #812 on main failed', 'error'],
    [run(0, 813, 'success'), 'CI #813 on main succeeded', 'info'],
    [run(0, 814, 'timed_out'), 'CI #814 on main timed out', 'error'],
    [event(0, 'run_started', 'github', '1', { workflow: 'CI', number: 9, branch: 'dev', attempt: 2 }), 'CI #9, attempt 2, on dev started', 'info'],
    [event(0, 'alert_firing', 'alert', 'x', cpu, 'CPU 99 %, above 95 %'), 'Alert: CPU 99 %, above 95 %', 'critical'],
    [event(0, 'alert_resolved', 'alert', 'x', cpu, 'CPU was above 95 % for 4 min'), 'Alert over: CPU was above 95 % for 4 min', 'info'],
    [event(0, 'probe_down', 'probe', 'shop', null, 'shop is down: refused'), 'shop is down: refused', 'info'],
    [event(0, 'start', 'service', '1', null, 'taskpulse 1 started'), 'Taskpulse 1 started', 'info'],
  ])) assert.deepEqual([wordsOf(one), weightOf(one)], [words, mark])
})

test('what became of a run is a word and a mark, also of a conclusion that is new', () => {
  assert.deepEqual([runWord({ conclusion: 'success', status: 'completed' }), runMark('success')], ['succeeded', 'ok'])
  assert.deepEqual([runWord({ conclusion: 'quantum_superposed', status: 'completed' }), runMark('quantum_superposed')], ['ended: quantum superposed', 'none'])
  assert.deepEqual([runWord({ conclusion: null, status: 'in_progress' }), runMark(null)], ['runs', 'info'])
  assert.equal(runWord({ conclusion: null, status: 'some_thing' }), 'some thing')
})

test('what happened meanwhile is told in few lines, as it ended', () => {
  const words = (/** @type {any[]} */ events) => summary(events, T0 + 3600).map((n) => plain(n.words))
  for (const [events, expected] of /** @type {Array<[any[], string[]]>} */ ([
    [[], []],
    [[move(1, '1', 'in-progress', 'done'), move(2, '2', 'in-progress', 'done'), move(3, '3', 'done', 'pending'), move(4, '4', 'pending', 'in-progress')], ['2 tasks done, 1 reopened, 1 started']],
    [[move(1, '1', 'in-progress', 'done')], ['Task 1 T1: done']],
    [[move(1, '1', 'done', 'pending'), move(2, '1', 'pending', 'in-progress'), move(3, '1', 'in-progress', 'done')], ['Task 1 T1: done']],
    [[move(1, '1', 'pending', 'in-progress'), move(2, '1', 'in-progress', 'pending')], ['1 task moved to pending']],
    [[move(1, '1', 'review', 'done'), move(1, '1', 'review', 'done', 'other')], ['2 tasks done']],
    [[run(1, 812, 'failure'), run(2, 813, 'success')], ['CI failed once on main, #812']],
    [[run(1, 1, 'failure'), run(2, 2, 'failure')], ['CI failed twice on main, last #2']],
    [[run(1, 1, 'failure'), run(2, 2, 'failure', 'Lint'), run(3, 3, 'success')], ['2 of 3 CI runs failed, last Lint #2 on main']],
    [[run(1, 1, 'success')], ['1 CI run, none failed']],
    [[event(480, 'probe_down', 'probe', 'db'), event(1200, 'probe_up', 'probe', 'db')], ['db down 12 m, up since 14:20']],
    [[event(480, 'probe_down', 'probe', 'db')], ['db down since 14:08']],
    [[event(60, 'probe_up', 'probe', 'db')], ['db up since 14:01']],
    [[event(0, 'probe_down', 'probe', 'db'), event(60, 'probe_up', 'probe', 'db'), event(120, 'probe_down', 'probe', 'db'), event(240, 'probe_up', 'probe', 'db')], ['db down twice, 3 m in all, up since 14:04']],
    [[event(0, 'alert_firing', 'alert', 'a'), event(1, 'alert_firing', 'alert', 'b'), event(2, 'alert_resolved', 'alert', 'a')], ['2 alerts fired, 1 still firing']],
    [[event(0, 'stop', 'service', 'v'), event(3600, 'start', 'service', 'v')], ['the service started once, nothing was watched for 1 h']],
    [[event(0, 'recommendation_open', 'advice', 'd', null, '/ will be full: open')], ['new advice: / will be full']],
  ])) assert.deepEqual(words([...events].reverse()), expected)
  const many = Array.from({ length: 40 }, (_, i) => event(i, 'probe_down', 'probe', `t${i}`))
  assert.deepEqual([summary(many, T0).length, summary(many, T0).at(-1)?.words], [4, 'and 37 more targets went down or came back'])
})

test('a short absence, another tab or a clock put back do not take away what was told', async () => {
  await import('./page.mjs')
  const { newsFrom } = await import('../../../web/dashboard/js/stores/visits.js')
  for (const [visit, now, expected] of /** @type {Array<[any, number, number|null]>} */ ([
    [null, T0, null], [{ from: T0 - 900, left: T0 - 600 }, T0, T0 - 600], [{ from: T0 - 900, left: T0 - 20 }, T0, T0 - 900], [{ from: T0 + 50, left: T0 + 500 }, T0, T0],
    [{ from: 0, left: 0 }, T0, T0 - 7 * 86_400],
  ])) assert.equal(newsFrom(visit, now), expected)
})

test('a task without a title has words in its place', async () => {
  const { taskName } = await import('../../../web/dashboard/js/timeline.js')
  for (const [title, words] of /** @type {Array<[unknown, string]>} */ ([['Load test', 'Task 7 Load test'], ['', 'Task 7, no title'], [undefined, 'Task 7, no title']])) assert.equal(taskName('7', title), words)
})

test('the title of the tab says that the connection is lost', async () => {
  const tab = { title: '', querySelector: () => null }
  Object.assign(globalThis, { document: tab })
  const { showState } = await import('../../../web/dashboard/js/frame/state.js')
  for (const [state, lost, title] of /** @type {Array<[any, string, string]>} */ ([['ok', '', 'Now · Taskpulse'], ['error', '', '■ Now · Taskpulse'], ['unknown', '', '? Now · Taskpulse'], ['unknown', 'Connection lost', '? Connection lost · Now · Taskpulse']])) {
    showState('Now', state, lost)
    assert.equal(tab.title, title)
  }
})
