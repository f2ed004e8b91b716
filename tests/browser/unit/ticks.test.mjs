/**
 * Ticks below charts that are no events: where a change was marked, and where advice says that something changed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'

const { beginnings, changePoints, ticksOfChart } = await import('../../../web/dashboard/js/stores/ticks.js')
const { placeOf } = await import('../../../web/dashboard/js/stores/events.js')
const { wordsOf } = await import('../../../web/dashboard/js/timeline.js')

test('a change that was marked stands where it was, and leads to what became of it', () => {
  const [named, plain] = beginnings(/** @type {any} */ ([{ id: 'e1', title: 'cache of CI', expr: 'x', at: 100 }, { id: 'e2', title: '', expr: 'sum(x)', at: 90 }]))
  assert.deepEqual([named.time, wordsOf(named), wordsOf(plain)], [100, 'Change: cache of CI', 'Change: sum(x)'])
  assert.match(placeOf(named), /^#\/advice\?open=experiment(\+|%20)e1$/)
})

test('advice that names a moment has a tick there, other advice has none', () => {
  const piece = (/** @type {string} */ id, /** @type {any[]} */ evidence) => /** @type {any} */ ({ id, title: `CI slower since ${id}`, severity: 'notice', query: 'github_actions_run_duration_seconds{repo="a"}', evidence })
  const found = changePoints([piece('a', [{ unit: 'ratio', value: 1.4 }, { unit: 'time', value: 100 }]), piece('b', [{ unit: 'ratio', value: 2 }]), piece('c', [{ unit: 'time', value: null }])])
  assert.deepEqual(found.map(({ time, subject }) => [time, subject]), [[100, 'a']])
  assert.match(placeOf(found[0]), /^#\/advice\/a/)
  assert.equal(wordsOf(found[0]), 'CI slower since a')
})

test('a change point stands below charts of its own kind of series alone, and what else happened below all', () => {
  const at = (/** @type {string} */ id, /** @type {string} */ query) => changePoints(/** @type {any} */ ([{ id, title: id, severity: 'notice', query, evidence: [{ unit: 'time', value: 100 }] }]))
  const [ci] = at('ci', 'github_actions_run_duration_seconds{repo="a"}')
  const [slow] = at('slow', 'probe_duration_seconds{target="shop"}')
  const [change] = beginnings(/** @type {any} */ ([{ id: 'e1', title: 'cache', expr: 'x', at: 100 }]))
  const all = [ci, slow, change]
  const ofLatency = ticksOfChart(['probe_duration_seconds', 'probe_duration_seconds and on (target) (probe_success == 1)'])
  assert.deepEqual(ofLatency(all).map(({ subject }) => subject), ['slow', 'e1'])
  assert.deepEqual(ticksOfChart(['avg(github_actions_success_ratio)'])(all).map(({ subject }) => subject), ['ci', 'e1'])
  assert.equal(ofLatency(all), ofLatency(all), 'the same list for the same events')
  const plain = [change]
  assert.equal(ofLatency(plain), plain)
})
