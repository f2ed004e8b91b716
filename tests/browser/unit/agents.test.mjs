/**
 * What is said of coding agents: their state in words, their order, their lane in the ribbon, what they cost, and how a budget stands.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { pick, random } from './random.mjs'

const { calls, callWords, filtered, folderName, held, keyOf, linesOf, needsPerson, ofAddress, ofKey, ordered, paramsOf, sessionName, stateWords, tokenKinds, tokensOf, totals, waiting } = await import('../../../web/dashboard/js/agents/words.js')
const { agentBars } = await import('../../../web/dashboard/js/agents/lane.js')
const { band, bandWords, sessionsAt, stayWords, until, withNow } = await import('../../../web/dashboard/js/agents/stays.js')
const { causeOfFinding } = await import('../../../web/dashboard/js/stores/needs.js')
const { commandOf, WAYS } = await import('../../../web/dashboard/js/agents/ways.js')
const { ciWord } = await import('../../../web/dashboard/js/agents/Commits.js')
const { added, byOf, difference, partText, share, split, taskOf } = await import('../../../web/dashboard/js/agents/amounts.js')
const { choiceText, chosenOf, copiedText, costColumns, FIRST, offered } = await import('../../../web/dashboard/js/agents/costColumns.js')
const { forWords, isOfEach, leftAtEnd, leftPath, sheetOf, standing } = await import('../../../web/dashboard/js/agents/burn.js')
const { merged, pace, said } = await import('../../../web/dashboard/js/agents/follow.js')

/** @param {string} id @param {string} state @param {object} [more] @returns {any} */
const session = (id, state, more) => ({ agent: 'claude-code', id, host: null, state, since: 1000, first_seen: 500, last_seen: 1000, folder: null, tasks: [], findings: [], errors: 0, requests: null, lines_added: null, lines_removed: null, ...more })

for (const [more, words, person] of /** @type {Array<[object, string, boolean]>} */ ([
  [{ waits_for: 'permission', tool: 'Bash' }, 'waits for your permission to run Bash', true],
  [{ waits_for: 'permission' }, 'waits for your permission', true],
  [{ waits_for: 'answer' }, 'waits for your answer', true],
  [{ waits_for: 'model' }, 'waits for the model', false],
  [{}, 'waits for you', true],
])) {
  test(`a session that waits with ${JSON.stringify(more)} ${words}`, () => {
    assert.equal(stateWords(session('a', 'waiting', more)), words)
    assert.equal(needsPerson(session('a', 'waiting', more)), person)
  })
}

test('a session is called by its task, else by its folder, else by its id', () => {
  assert.equal(sessionName(session('a', 'idle', { tasks: [{ id: '7', how: 'exact' }], folder: '/home/dev/app' })), 'Claude Code on task 7')
  assert.equal(sessionName(session('a', 'idle', { tasks: [{ id: '7' }, { id: '8' }], folder: '/home/dev/app' })), 'Claude Code in app', 'which of them is not known')
  assert.equal(sessionName(session('a', 'idle', { agent: 'codex', folder: '/home/dev/app/' })), 'Codex in app')
  assert.equal(sessionName(session('0123456789abcdef', 'idle', { agent: 'own-agent' })), 'own-agent 01234567')
  assert.equal(folderName('C:\\work\\app'), 'app')
})

test('a key names the agent and the id, which may hold a slash', () => {
  assert.deepEqual(ofKey(keyOf({ agent: 'codex', id: 'a/b' })), { agent: 'codex', id: 'a/b' })
  for (const wrong of ['', 'codex', '/id', 'codex/']) assert.equal(ofKey(wrong), null, wrong)
})

test('an address names the machine only where two have a session of one id, and finds that one', () => {
  const [here, there, other] = [session('a', 'idle', { host: 'x', last_seen: 1 }), session('a', 'working', { host: 'y', last_seen: 2 }), session('b', 'idle', { host: 'x' })]
  const all = [here, there, other]
  assert.deepEqual(paramsOf(other, all), { session: 'claude-code/b', host: '' })
  assert.deepEqual(paramsOf(here, all), { session: 'claude-code/a', host: 'x' })
  assert.equal(ofAddress(all, 'claude-code/a', 'x'), here)
  assert.equal(ofAddress(all, 'claude-code/a', ''), there, 'the one that was heard of last')
  assert.equal(ofAddress(all, 'claude-code/a', 'z'), undefined)
})

test('who waits for a person stands first, then what is at work, what ended last', () => {
  const list = [session('e', 'ended', { last_seen: 9 }), session('i', 'idle'), session('m', 'waiting', { waits_for: 'model' }), session('w1', 'working', { last_seen: 5 }), session('w2', 'working', { last_seen: 6 }), session('l', 'lost'), session('p', 'waiting')]
  assert.deepEqual(ordered(list).map((s) => s.id), ['p', 'w2', 'w1', 'm', 'i', 'l', 'e'])
  assert.equal(totals(list), '1 waits for you, 2 working, 1 waits for the model, 1 idle')
  assert.deepEqual(filtered(list, 'live', '').map((s) => s.id), ['i', 'm', 'w1', 'w2', 'p'])
  assert.deepEqual(filtered(list, 'needs', '').map((s) => s.id), ['p'])
  assert.deepEqual(filtered(list, 'no such state', 'codex'), [])
})

test('rows that were there keep their order whatever becomes of them, new ones stand above', () => {
  const next = random(5)
  const states = ['working', 'waiting', 'idle', 'ended', 'lost']
  let before = /** @type {string[]} */ ([])
  for (let n = 0; n < 200; n += 1) {
    const list = ['a', 'b', 'c', 'd', 'e', 'f'].filter(() => next() > 0.3).map((id) => session(id, pick(next, states), { last_seen: next() * 100 }))
    const after = held(before, list).map(keyOf)
    assert.deepEqual([...after].sort(), list.map(keyOf).sort())
    const kept = before.filter((key) => after.includes(key))
    assert.deepEqual(after.slice(after.length - kept.length), kept)
    before = after
  }
})

test('what is not said is absent, and never zero', () => {
  assert.equal(tokensOf({}), '')
  assert.equal(tokensOf({ input: 0 }), '0 in')
  assert.equal(tokensOf({ input: 5, output: 3, cache_read: 7 }), '5 in, 3 out', 'no sum: some agents count cached ones within the input')
  assert.equal(tokensOf({ cache_read: 7 }), '7 read from the cache')
  assert.deepEqual(tokenKinds({ output: 640, cache_read: 72000 }), ['640 output', '72\u202f000 read from the cache'])
  assert.equal(linesOf(session('a', 'idle')), '')
  assert.equal(linesOf(session('a', 'idle', { lines_removed: 3 })), '−3')
  assert.deepEqual(calls([]), { ok: 0, failed: 0, refused: 0, all: 0 })
  assert.equal(callWords([{ name: 'Bash', ok: 2, failed: 2, refused: 1 }]), '5 calls, 2 failed, 1 refused')
  assert.equal(callWords([]), '–')
})

test('one sentence says who waits for how long, in whole minutes', () => {
  const person = (/** @type {string} */ id, /** @type {number} */ since) => session(id, 'waiting', { waits_for: 'permission', tool: 'Bash', since })
  assert.equal(waiting([session('a', 'working')], 1200), null)
  assert.equal(waiting([person('a', 1000)], 1140)?.words, '1 agent has waited 3\u00a0m for your permission to run Bash')
  assert.equal(waiting([person('a', 1195)], 1140)?.words, '1 agent has waited 1\u00a0m for your permission to run Bash')
  assert.equal(waiting([person('b', 1100), person('a', 600), session('m', 'waiting', { waits_for: 'model' })], 1140)?.words, '2 agents wait for you, the first for 10\u00a0m')
})

/** @param {string} id @param {string} state @param {number} from @param {number|null} to @param {object} [more] @returns {any} */
const stay = (id, state, from, to, more) => ({ agent: 'claude-code', id, state, waits_for: null, tool: null, from, to, ...more })
const named = (/** @type {{ id: string }} */ { id }) => `Claude Code ${id}`

test('the lane shows at each time the worst of what sessions did, and nothing where none lived', () => {
  const bars = agentBars([
    stay('a', 'working', 100, 300), stay('a', 'idle', 300, null), stay('b', 'working', 250, 400), stay('b', 'waiting', 400, null, { waits_for: 'permission', tool: 'Bash' }),
    stay('c', 'waiting', 20, 50, { waits_for: 'model' }), stay('c', 'lost', 50, null), stay('d', 'working', 10, 20), stay('d', 'ended', 20, null),
  ], named)
  assert.deepEqual(bars.map((b) => [b.start, b.end, b.state, b.title, b.words]), [
    [10, 20, 'progress', 'Claude Code d worked', 'working'],
    [20, 50, 'waiting', 'Claude Code c waited for the model', 'waiting'],
    [100, 300, 'progress', 'Claude Code a worked', 'working, beside 1 more session'],
    [300, 400, 'progress', 'Claude Code b worked', 'working, beside 1 more session'],
    [400, null, 'warning', 'Claude Code b waits for your permission to run Bash', 'waiting, beside 1 more session'],
  ])
  assert.deepEqual(agentBars([], named), [])
})

test('bars of the lane rise, never overlap, and only the last goes on', () => {
  const next = random(9)
  for (let n = 0; n < 300; n += 1) {
    const bars = agentBars(Array.from({ length: 8 }, (_, i) => {
      const from = Math.floor(next() * 100)
      return stay(String(i), pick(next, ['working', 'waiting', 'idle', 'ended', 'lost']), from, next() < 0.3 ? null : from + Math.floor(next() * 50))
    }), named)
    bars.forEach((bar, i) => {
      assert.ok(bar.end === null || bar.end > bar.start)
      assert.ok(bar.end !== null || i === bars.length - 1)
      assert.ok(i === 0 || (bars[i - 1].end ?? Infinity) <= bar.start, JSON.stringify(bars))
    })
  }
})

test('what a session does now is known without asking what it did before', () => {
  const list = [stay('a', 'working', 100, 200), stay('a', 'idle', 200, null), stay('gone', 'working', 50, 60)]
  const now = withNow(list, [session('a', 'working', { since: 300 }), session('b', 'waiting', { since: 310, waits_for: 'answer' }), session('c', 'ended', { since: 320 })])
  assert.deepEqual(now.map((s) => [s.id, s.state, s.from, s.to]), [['a', 'working', 100, 200], ['a', 'idle', 200, 300], ['gone', 'working', 50, 60], ['a', 'working', 300, null], ['b', 'waiting', 310, null]])
  assert.deepEqual(withNow(list, []), list)
  const twins = [session('a', 'idle', { since: 300, host: 'x' }), session('a', 'working', { since: 300, host: 'y' })]
  assert.deepEqual(withNow(list, twins), list, 'of two machines nobody knows which it is')
})

test('at a past moment sessions are in the state of then, and those that lived later or ended before are not there', () => {
  const list = until([stay('a', 'waiting', 100, 200, { waits_for: 'answer' }), stay('a', 'working', 200, 300), stay('b', 'idle', 250, null), stay('c', 'idle', 50, 120)], 150)
  const then = sessionsAt([session('a', 'ended', { since: 400 }), session('b', 'idle'), session('c', 'lost')], list)
  assert.deepEqual(then.map((s) => [s.id, s.state, s.waits_for, s.since]), [['a', 'waiting', 'answer', 100]])
  assert.equal(said(then, 150).fact?.words, '1 agent waits for you')
})

test('the band of a session holds its stays within its time, and says how long it did what', () => {
  const { parts, sums } = band([stay('a', 'working', 0, 60), stay('a', 'waiting', 60, 90, { waits_for: 'permission' }), stay('a', 'waiting', 90, 100, { waits_for: 'model' }), stay('a', 'working', 100, 130), stay('a', 'idle', 130, null), stay('a', 'ended', 200, null)], 10, 160)
  assert.deepEqual(parts.map((p) => [p.doing, p.from, p.to]), [['working', 10, 60], ['person', 60, 90], ['model', 90, 100], ['working', 100, 130], ['idle', 130, 160]])
  assert.equal(bandWords(sums), 'waits for you 30\u00a0s, working 1\u00a0m 20\u00a0s, waits for the model 10\u00a0s, idle 30\u00a0s')
  assert.equal(stayWords(stay('a', 'waiting', 0, 1, { waits_for: 'permission', tool: 'Bash' })), 'waited for your permission to run Bash')
})

test('sessions that changed take the place of what they were, new ones stand first', () => {
  const list = [session('a', 'idle'), session('b', 'working')]
  assert.deepEqual(merged(list, [session('b', 'ended'), session('c', 'working')]).map((s) => [s.id, s.state]), [['c', 'working'], ['a', 'idle'], ['b', 'ended']])
  assert.equal(merged(list, [])[0], list[0], 'what did not change is the same object')
})

for (const [ci, kind, word] of /** @type {Array<[any, string, string]>} */ ([
  [{ runs: 1, failed: 0, running: 0 }, 'ok', 'CI succeeded'], [{ runs: 3, failed: 0, running: 0 }, 'ok', 'CI succeeded, 3 runs'], [{ runs: 3, failed: 1, running: 1 }, 'error', 'CI failed, 1 of 3 runs'],
  [{ runs: 1, failed: 1, running: 0 }, 'error', 'CI failed'], [{ runs: 2, failed: 2, running: 0 }, 'error', 'CI failed, all 2 runs'], [{ runs: 1, failed: 0, running: 1 }, 'info', 'CI runs'],
  [{ runs: 3, failed: 0, running: 2 }, 'info', 'CI runs, 2 of 3 left'], [{ runs: 0, failed: 0, running: 0 }, 'none', 'no CI run'],
])) test(`runs of a commit ${JSON.stringify(ci)} are said as ${word}`, () => assert.deepEqual(ciWord(ci), { kind, word }))

test('the first page says who waits, else who is at work, else nothing', () => {
  assert.equal(said([session('a', 'ended')], 1200).fact, null)
  assert.deepEqual(said([session('a', 'ended')], 1200).figure.words, 'none')
  assert.deepEqual(said([session('a', 'working'), session('b', 'idle')], 1200).fact, { words: '1 agent at work', title: '1 working, 1 idle', waits: '' })
  const now = said([session('a', 'waiting', { waits_for: 'answer' }), session('m', 'waiting', { waits_for: 'model' })], 1200)
  assert.equal(now.fact?.words, '1 agent waits for you')
  assert.deepEqual(now.live.map((l) => l.words), ['Claude Code a waits for your answer', 'Claude Code m waits for the model'])
  assert.match(now.fact?.waits ?? '', /^1 agent has waited .* for your answer$/)
  assert.deepEqual(now.needs.map((n) => [n.key, n.mark, n.page, n.params]), [['agent claude-code/a', 'warning', 'agents', { session: 'claude-code/a', host: '' }]])
})

test('a rule on findings is said by the session that it is about, and one that waits has one row', () => {
  const cause = (/** @type {string} */ kind) => /** @type {any} */ ({ key: 'rule x', title: 'Sessions in trouble 1, above 0', detail: '', alerts: [{ state: 'firing', metric: { __name__: 'agent_findings', agent: 'claude-code', kind } }] })
  const finding = (/** @type {string} */ kind) => ({ kind, title: `It has a ${kind}`, advice: 'Stop it.', since: 1100 })
  const now = said([session('a', 'waiting', { waits_for: 'answer', findings: [finding('waits')] }), session('b', 'working', { findings: [finding('loop')] }), session('c', 'working', { findings: [finding('loop')] }), session('d', 'ended', { findings: [finding('errors')] })], 1200)
  assert.equal(causeOfFinding(cause('waits'), now), null)
  const model = said([session('a', 'waiting', { waits_for: 'answer', findings: [finding('waits')] }), session('m', 'waiting', { waits_for: 'model', findings: [finding('waits')] })], 1200)
  assert.equal(causeOfFinding(cause('waits'), model)?.title, 'Claude Code m: It has a waits', 'one that waits for its model has no row of its own')
  const loop = causeOfFinding(cause('loop'), now)
  assert.deepEqual([loop?.title, loop?.detail, loop?.alerts.length], ['Claude Code b: It has a loop, and 1 more session', 'Stop it.', 1])
  assert.equal(causeOfFinding(cause('errors'), now)?.title, 'Sessions in trouble 1, above 0', 'of a session that ended nothing is said')
  const other = { ...cause('x'), alerts: [] }
  assert.equal(causeOfFinding(other, now), other)
})

test('a command names the service where it would not find it by itself', () => {
  const [claude] = WAYS
  assert.equal(commandOf(claude, 'http://127.0.0.1:8090'), 'taskpulse connect claude --write')
  assert.equal(commandOf(claude, 'https://pulse.example'), 'taskpulse connect claude --write --url https://pulse.example')
})

test('a hidden page asks only to notify, one without agents seldom', () => {
  const of = (/** @type {any} */ sessions) => ({ sessions, missing: '', error: '', failedAt: 0 })
  assert.equal(pace(of([session('a', 'idle')]), 'now', false, false), null)
  assert.equal(pace(of([session('a', 'idle')]), 'now', false, true), 15_000)
  assert.equal(pace(of([session('a', 'idle')]), 'now', true, false), 5000)
  assert.equal(pace(of([session('a', 'idle')]), 'tasks', true, false), 15_000)
  assert.equal(pace(of([]), 'now', true, true), 60_000)
  assert.equal(pace(of([]), 'agents', true, false), 5000)
  assert.equal(pace(of([session('a', 'idle')]), 'agents', true, true, true), null, 'the stream brings what changes')
})

test('what belongs to nothing is one line, and rows that do not come to their total are found', () => {
  const row = (/** @type {string|null} */ task, /** @type {number|null} */ micros) => ({ key: { task }, cost_usd: micros === null ? null : micros / 1e6, cost_usd_micros: micros, tokens: micros === null ? {} : { input: 10 }, requests: 1, how: [], active_seconds: null, waiting_seconds: null, wall_seconds: micros === null ? null : 2, cpu_seconds: null, ci_seconds: null, ci_cost_usd: null, retries: null, errors: 0, lines_added: null, lines_removed: null, counted_from: null, partial: false })
  const [rows, total] = [[row('p/master/3', 100_001), row(null, 200_000), row('4', null), row(null, 7)], row(null, 300_008)]
  const parts = split({ by: ['task'], rows, total }, 'task')
  assert.deepEqual(parts.rows.map((r) => r.key.task), ['p/master/3', '4'])
  assert.deepEqual([parts.none?.cost_usd_micros, parts.none?.requests, parts.none?.tokens], [200_007, 2, { input: 20 }])
  assert.deepEqual([parts.none?.wall_seconds, parts.none?.cpu_seconds, parts.none?.errors], [4, null, 0], 'a figure that no row has is absent')
  assert.equal(split({ by: ['task'], rows: rows.slice(0, 1), total }, 'task').none, null)
  assert.equal(split({ by: ['task'], rows: [row(null, null)], total }, 'task').none?.cost_usd, null, 'nobody said any money')
  assert.equal(difference({ by: ['task'], rows, total }), 0)
  assert.equal(difference({ by: ['task'], rows: rows.slice(1), total }), -100_001)
  assert.equal(share(row('3', 1), row(null, 0)), null)
  assert.equal(share(row('3', null), row(null, 4)), null)
  assert.equal(share(row('3', 1), row(null, 4)), 0.25)
  assert.equal(byOf('moon'), 'task')
  assert.deepEqual(['p/master/3', 'master/3', '3', 'own/er/master/3.1'].map(taskOf), [{ project: 'p', tag: 'master', id: '3' }, { project: '', tag: 'master', id: '3' }, { project: '', tag: '', id: '3' }, { project: 'own/er', tag: 'master', id: '3.1' }])
  assert.deepEqual([partText('5a47fbbc61124b4c048ea4941a49343a9c184e25', 'commit'), partText('/home/dev/app', 'repository'), partText('octo/app', 'repository')], ['5a47fbbc61', 'app', 'octo/app'])
})

/** @param {object} [more] @returns {any} */
const budget = (more) => ({ name: 'agents', per: 'day', currency: 'USD', limit: 20, start: 0, end: 86_400, used: 14, crossed_at: null, forecast: null, exhaustion: null, missing: null, ...more })

for (const [more, words] of /** @type {Array<[object, RegExp]>} */ ([
  [{ used: null }, /^Nothing is known/],
  [{}, /^\$6\.00 is left\.$/],
  [{ crossed_at: 50_000, used: 21.5 }, /^It was used up at .*; \$1\.50 more was spent since\.$/],
  [{ exhaustion: { low: 60_000, value: 70_000, high: 80_000 } }, /^\$6\.00 is left\. It is expected to be used up about .* \(between .* and .*\)\.$/],
  [{ exhaustion: { low: 60_000, value: 70_000, high: null } }, /\(at the earliest .*; it may also last\)\.$/],
  [{ exhaustion: { low: 60_000, value: null, high: null } }, /It may be used up from .* on, but is expected to last\.$/],
  [{ forecast: { low: 15, value: 16, high: 18 } }, /It is expected to last until /],
])) test(`a budget with ${JSON.stringify(more)} says how it stands`, () => assert.match(standing(budget(more), 52_000), words))

test('what is left burns down from the limit, and is broken where nothing was known', () => {
  const size = { width: 100, height: 100, left: 0, right: 0, above: 0, below: 0 }
  const sheet = sheetOf(size, budget(), [6])
  assert.deepEqual([sheet.x(0), sheet.x(86_400), sheet.y(20), sheet.y(0)], [0, 100, 0, 100])
  const line = { key: '', metric: {}, t: [-60, 0, 60, 10_000, 10_060], v: [19, 0, 5, null, 10] }
  assert.equal(leftPath(sheet, /** @type {any} */ (line), budget(), 100), 'M0.0 0.0H0.1V25.0M11.6 50.0', 'the day before is not of this period')
  assert.deepEqual(leftAtEnd(budget({ forecast: { low: 18, value: 26, high: 31 } })), { low: -11, value: -6, high: 2 })
  assert.equal(leftAtEnd(budget()), null)
  assert.equal(sheetOf(size, budget(), [6, -20]).y(0), 50)
})

test('a budget says what it is for, and one of each task has no end', () => {
  const of = (/** @type {object} */ more) => forWords(/** @type {any} */ ({ per: 'week', of: ['agents'], project: null, tag: null, ...more }))
  assert.equal(of({}), 'a week, of agents')
  assert.equal(of({ per: 'day', of: ['agents', 'ci'] }), 'a day, of agents and ci')
  assert.equal(of({ per: 'task', project: 'app', tag: 'next' }), 'each task, of agents on tasks of project app, tag next')
  assert.deepEqual(['day', 'week', 'month', 'task', 'tag', 'project'].filter((per) => isOfEach(/** @type {any} */ ({ per }))), ['task', 'tag', 'project'])
  assert.equal(standing(/** @type {any} */ ({ currency: 'USD', limit: 5, used: 5, crossed_at: 50_000, per: 'task' }), 50_100).includes('more was spent'), false)
})

/** @param {object} [more] @returns {any} */
const costRow = (more) => ({ key: {}, cost_usd: null, cost_usd_micros: null, tokens: {}, requests: 0, how: [], active_seconds: null, cpu_seconds: null, errors: null, lines_added: null, lines_removed: null, ...more })

test('rows added up have what some of them know, and what none knows stays unknown', () => {
  const sum = added([costRow({ active_seconds: 10, lines_added: 3 }), costRow({ active_seconds: null, lines_added: 4, errors: 0 }), costRow({ cost_usd_micros: 5 })])
  assert.deepEqual([sum.active_seconds, sum.lines_added, sum.errors, sum.cpu_seconds, sum.waiting_seconds, sum.cost_usd_micros], [10, 7, 0, null, null, 5])
})

test('an address names columns in any order, and nothing where they are those of the first look', () => {
  const keys = costColumns(costRow()).map((c) => c.key)
  assert.equal(new Set(keys).size, keys.length)
  for (const key of FIRST) assert.ok(keys.includes(key), key)
  for (const text of ['', 'nothing', ',,']) assert.deepEqual(chosenOf(text, keys), FIRST, text)
  assert.deepEqual(chosenOf('cpu,money,none', keys), ['money', 'cpu'])
  assert.equal(choiceText(FIRST), '')
  assert.deepEqual(chosenOf(choiceText(['money', 'lines']), keys), ['money', 'lines'])
})

test('a figure that nobody said is no 0 in any column, and says why', () => {
  for (const { key, value, cell } of costColumns(costRow())) {
    if (key !== 'requests') assert.ok(value(costRow()) == null, key)
    assert.ok(JSON.stringify(cell(costRow())).includes('figure-none'), key)
  }
})

test('a column of which the service says nothing at all is not offered', () => {
  const { active_seconds, lines_added, ...total } = costRow()
  const keys = offered(costColumns(total), total).map((c) => c.key)
  assert.deepEqual([keys.includes('active'), keys.includes('lines'), keys.includes('cpu'), keys.includes('tokens'), active_seconds, lines_added], [false, false, true, true, null, null])
})

test('the table is copied with exact figures, and no name becomes a formula', () => {
  const columns = costColumns(costRow()).filter((c) => ['money', 'cpu', 'lines'].includes(c.key))
  const rows = [{ title: '=cmd()\tx', row: costRow({ cost_usd: 0.073215, cpu_seconds: 1.5, lines_added: 2 }) }, { title: 'total', row: costRow() }]
  assert.equal(copiedText('branch', rows, columns), "Branch\tcost_usd\tcpu_seconds\tlines_added\tlines_removed\n'=cmd() x\t0.073215\t1.5\t2\t\ntotal\t\t\t\t")
})
