/**
 * The live stream and what comes out of it: coming back after a loss, newest samples, feeds of charts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { START, Socket, asked, go, pass, rest, settle } from './page.mjs'

const { connect, epoch, refusal, socketState, subscribe } = await import('../../../web/dashboard/js/stores/connection.js')
const { serverTime } = await import('../../../web/dashboard/js/stores/clock.js')
const { lastSampleAt, link, newest, want } = await import('../../../web/dashboard/js/stores/samples.js')
const { acquire, release } = await import('../../../web/dashboard/js/stores/feeds.js')

/** @param {string} name @param {Array<[number, string]>} values */
const series = (name, values) => ({ metric: { __name__: name }, values })

test('a lost connection is tried again, later each time, with all that was asked for', async () => {
  rest['/api/v1/status'] = () => ({})
  const end = subscribe({ topic: 'status', onFrame: () => undefined })
  await settle()
  connect()
  assert.equal(Socket.last().url, 'ws://localhost:8090/ws')
  Socket.last().open()
  assert.equal(socketState.value, 'open')
  assert.deepEqual(new Set(Socket.last().sent.map((m) => m.topic)), new Set(['status', 'samples']))
  assert.equal(epoch.value, 1)

  Socket.last().lose()
  assert.equal(socketState.value, 'lost')
  for (let tries = 2, waited = 0; tries < 12; tries += 1) {
    const before = Socket.all.length
    while (Socket.all.length === before) {
      pass(0.05)
      waited += 0.05
    }
    const longest = Math.min(30, 0.5 * 2 ** (tries - 2))
    assert.ok(waited >= longest / 2 && waited <= longest + 0.1, `${waited} s before try ${tries}`)
    waited = 0
    Socket.last().lose()
  }
  while (Socket.last().readyState !== 0) pass(0.1)
  Socket.last().open()
  assert.deepEqual([socketState.value, epoch.value], ['open', 2])
  assert.ok(Socket.last().sent.some((m) => m.topic === 'status'))
  end()
  assert.equal(Socket.last().sent.at(-1).op, 'unsubscribe')
})

test('a connection that says nothing is given up', () => {
  const silent = Socket.last()
  pass(20)
  assert.equal(silent.sent.at(-1).op, 'ping')
  assert.equal(socketState.value, 'open')
  pass(10)
  assert.deepEqual([socketState.value, silent.readyState], ['lost', 3])
  while (Socket.last() === silent) pass(0.1)
  Socket.last().open()
})

test('what is no frame is passed over, and a refusal is shown', () => {
  for (const odd of ['', '{', 'null', '[]', '{"type":"snapshot"}']) {
    Socket.last().hear(odd)
  }
  Socket.last().hear({ type: 'error', id: 1, error: 'too many selectors' })
  assert.equal(refusal.value, 'too many selectors')
})

test('all figures of a page share one subscription, and end with it', async () => {
  const before = Socket.last().sent.length
  const ends = [want(['a', 'b*']), want(['a'])]
  await settle()
  const made = Socket.last().sent.slice(before)
  assert.deepEqual(made.map((m) => m.op), ['unsubscribe', 'subscribe'])
  assert.deepEqual(made[1].match, ['a', 'b*', 'system_cpu_utilization_ratio', 'taskpulse_health_score'])
  ends[0]()
  await settle()
  assert.deepEqual(Socket.last().sent.at(-1).match, ['a', 'system_cpu_utilization_ratio', 'taskpulse_health_score'])
  ends[1]()
  await settle()
})

test('a figure is the newest sample of its series, until it has ended', () => {
  const now = serverTime()
  Socket.last().frame('samples', 'snapshot', [series('up', [[now - 20, '1'], [now - 10, '2']]), series('gone', [[now - 5, 'NaN']])])
  assert.deepEqual(newest('up').map((s) => s.v), [2])
  assert.deepEqual(newest('gone'), [], 'a marker of an end is no figure')
  Socket.last().frame('samples', 'update', [series('up', [[now - 15, '9']])])
  assert.deepEqual(newest('up').map((s) => s.v), [2], 'a late sample is not the newest')
  Socket.last().frame('samples', 'update', [series('upper', [[now, '7']])])
  assert.deepEqual(newest('up*').map((s) => s.v), [2, 7])
  assert.deepEqual(newest('not a selector'), [])
  assert.equal(link.value, 'live')
  pass(16)
  assert.equal(link.value, 'stale')
  Socket.last().frame('samples', 'update', [series('up', [[now + 400, '3']])])
  assert.deepEqual(newest('upper'), [], 'ended five minutes ago')
  assert.equal(lastSampleAt.value, now + 400)
})

test('ages go by the clock of the service', () => {
  Socket.last().hear({ type: 'update', id: -1, seq: 1, time: Date.now() / 1000 + 3600, data: [] })
  assert.ok(Math.abs(serverTime() - Date.now() / 1000 - 3600) < 1)
  Socket.last().hear({ type: 'update', id: -1, seq: 2, time: Date.now() / 1000 + 3601, data: [] })
  assert.ok(Math.abs(serverTime() - Date.now() / 1000 - 3600) < 0.5, 'the delay of the network is no difference')
  Socket.last().hear({ type: 'update', id: -1, seq: 3, time: Date.now() / 1000, data: [] })
})

test('a chart has what was fetched and then what comes live, and asks for what it missed', async () => {
  go('#/?range=15m')
  const at = () => Math.floor(Date.now() / 1000)
  const begun = at()
  /** @type {string[]} */
  const queries = []
  rest['/api/v1/query'] = (url) => {
    queries.push(String(url.searchParams.get('query')))
    return { result: [series('load', [[begun - 10, '1'], [begun - 5, 'NaN'], [begun, '3']])] }
  }
  const feed = acquire('load')
  assert.equal(acquire('load'), feed, 'one feed for all who want it')
  release('load')
  await settle()
  assert.equal(feed.state, 'ready')
  assert.deepEqual(queries, ['load[900s]'])
  pass(5)
  Socket.last().frame('samples', 'update', [series('load', [[at(), '4']]), series('other', [[at(), '5']])])
  const [line] = feed.lines.values()
  assert.deepEqual([feed.lines.size, line.t, line.v], [1, [begun - 10, begun - 5, begun, begun + 5], [1, null, 3, 4]])

  rest['/api/v1/query'] = (url) => {
    queries.push(String(url.searchParams.get('query')))
    return { result: [series('load', [[begun + 60, '6']])] }
  }
  pass(60)
  Socket.last().lose()
  while (Socket.last().readyState !== 0) pass(0.1)
  Socket.last().open()
  await settle()
  const [, seconds] = /^load\[(\d+)s\]$/.exec(queries.at(-1) ?? '') ?? assert.fail(queries.at(-1))
  assert.ok(Number(seconds) >= 60 && Number(seconds) < 120, `only what was missed: ${seconds} s`)
  assert.deepEqual(line.t, [begun - 10, begun - 5, begun, begun + 5, begun + 60])
  release('load')
  Socket.last().frame('samples', 'update', [series('load', [[at(), '7']])])
  assert.equal(line.t.length, 5, 'nobody looks at it any more')
})

test('a chart that could not be fetched says why and tries again', async () => {
  rest['/api/v1/query'] = () => Response.json({ status: 'error', errorType: 'execution', error: 'too many samples' }, { status: 422 })
  const feed = acquire('heavy')
  await settle()
  assert.deepEqual([feed.state, feed.error], ['error', 'too many samples'])
  rest['/api/v1/query'] = () => ({ result: [] })
  pass(5)
  await settle()
  assert.equal(feed.state, 'ready')
  release('heavy')
  assert.ok(asked.length > 0 && Date.now() > START * 1000)
})
