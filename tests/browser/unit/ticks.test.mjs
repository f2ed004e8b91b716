/**
 * Ticks below charts that are no events: where a change was marked, and where advice says that something changed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'

const { beginnings, changePoints } = await import('../../../web/dashboard/js/stores/ticks.js')
const { placeOf } = await import('../../../web/dashboard/js/stores/events.js')
const { wordsOf } = await import('../../../web/dashboard/js/timeline.js')

test('a change that was marked stands where it was, and leads to what became of it', () => {
  const [named, plain] = beginnings(/** @type {any} */ ([{ id: 'e1', title: 'cache of CI', expr: 'x', at: 100 }, { id: 'e2', title: '', expr: 'sum(x)', at: 90 }]))
  assert.deepEqual([named.time, wordsOf(named), wordsOf(plain)], [100, 'Change: cache of CI', 'Change: sum(x)'])
  assert.match(placeOf(named), /^#\/advice\?open=experiment(\+|%20)e1$/)
})

test('advice that names a moment has a tick there, other advice has none', () => {
  const piece = (/** @type {string} */ id, /** @type {any[]} */ evidence) => /** @type {any} */ ({ id, title: `CI slower since ${id}`, severity: 'notice', evidence })
  const found = changePoints([piece('a', [{ unit: 'ratio', value: 1.4 }, { unit: 'time', value: 100 }]), piece('b', [{ unit: 'ratio', value: 2 }]), piece('c', [{ unit: 'time', value: null }])])
  assert.deepEqual(found.map(({ time, subject }) => [time, subject]), [[100, 'a']])
  assert.match(placeOf(found[0]), /^#\/advice\/a/)
  assert.equal(wordsOf(found[0]), 'CI slower since a')
})
