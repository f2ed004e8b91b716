/**
 * The live stream and what comes out of it: coming back after a loss, newest samples.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { own } from '../../../web/dashboard/js/own.js'
import { Socket, pass, rest, settle } from './page.mjs'

const { connect, epoch, refusal, socketState, subscribe } = await import('../../../web/dashboard/js/stores/connection.js')
const { serverTime } = await import('../../../web/dashboard/js/stores/clock.js')
const { lastSampleAt, link, newest, want } = await import('../../../web/dashboard/js/stores/samples.js')

/** What every page subscribes to, of this machine. */
const PULSE = ['system_cpu_utilization_ratio', 'taskpulse_health_score'].map(own)

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
  assert.deepEqual(made[1].match, ['a', 'b*', ...PULSE])
  ends[0]()
  await settle()
  pass(4)
  assert.deepEqual(Socket.last().sent.filter((m) => m.op !== 'ping').at(-1), made[1], 'the next page may want it again')
  want(['b*'])()
  await settle()
  pass(6)
  assert.deepEqual(Socket.last().sent.filter((m) => m.op !== 'ping').at(-1).match, ['a', ...PULSE])
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
