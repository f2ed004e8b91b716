/**
 * Channels: how deliveries are doing, in words.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliveryWords, markOfChannel, sentWords, testWords } from '../../../web/dashboard/js/alerts/delivery.js'
import { utc } from '../../../web/dashboard/js/zone.js'

utc.value = true
const NOW = Date.UTC(2026, 10, 26, 12) / 1000
/** @param {object} more @returns {any} */
const channel = (more) => ({ name: 'ops', kind: 'webhook', target: '', state: 'idle', waiting: 0, oldest: null, sent: 0, failed: 0, expired: 0, last_sent: null, last_error: null, last_error_at: null, next_try: null, ...more })

for (const [more, words, mark] of /** @type {Array<[object, string, string]>} */ ([
  [{}, 'nothing to deliver since the start', 'ok'],
  [{ last_sent: NOW - 60 }, 'last delivered 11:59', 'ok'],
  [{ state: 'waiting', waiting: 1 }, '1 notice waits', 'info'],
  [{ state: 'waiting', waiting: 3, oldest: NOW - 600 }, '3 notices wait since 11:50', 'info'],
  [{ state: 'failing', waiting: 2, oldest: NOW - 600, last_error: 'status 500: not now', next_try: NOW + 120 }, '2 notices cannot be delivered since 11:50: status 500: not now; next try 12:02', 'error'],
  [{ state: 'failing' }, 'cannot deliver: no reason is known', 'error'],
])) {
  test(`a channel says: ${words}`, () => assert.deepEqual([deliveryWords(channel(more), NOW), markOfChannel(channel(more))], [words, mark]))
}

test('deliveries are counted, failures only where there are some', () => {
  assert.equal(sentWords(channel({ sent: 1 })), '1 notice delivered since the start')
  assert.equal(sentWords(channel({ sent: 12, failed: 1, expired: 2 })), '12 notices delivered since the start, 1 try failed, 2 notices given up: they could not be delivered for too long')
})

test('a test says what became of it', () => {
  assert.equal(testWords({ delivered: true, error: null }), 'The test was delivered.')
  assert.equal(testWords({ delivered: false, error: 'status 404' }), 'The test was not delivered: status 404.')
  assert.ok(testWords({ delivered: false, error: 'x'.repeat(5000) }).length < 400)
})
