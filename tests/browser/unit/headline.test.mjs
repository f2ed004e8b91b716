/**
 * Alerts in words for people: no metric name and no selector in a headline.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

process.env.TZ = 'UTC'
const { headline, limitWords, ruleHeadline, ruleWords, subjectOf } = await import('../../../web/dashboard/js/headline.js')

/** @param {object} more @returns {any} */
const alert = (more) => ({ rule: 'r', severity: 'warning', state: 'firing', op: '>', threshold: 0.8, value: 0.87, metric: { __name__: 'hy' }, last_sample: 840, summary: 'Hy was above 0.9 for 11 s', ...more })
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')

for (const [words, given] of /** @type {Array<[string, object]>} */ ([
  ['Hy was above 0.9 for 11 s', { value: 0.85 }],
  ['Hy was above 0.9 for 11 s', { state: 'pending' }],
  ['db-7 is down for 4 min: refused', { metric: { __name__: 'probe_success', target: 'db' }, op: '==', threshold: 0, value: 0, summary: 'db-7 is down for 4 min: refused' }],
  ['Hy is not known any more: no samples since 1970-01-01 00:14 UTC', { state: 'unknown', unknown_since: 990, summary: 'Hy is not known any more: no samples since 1970-01-01 00:14 UTC' }],
  ['Hy was above 0.9 for 11 s; nothing is known since 00:14: its samples stopped', { state: 'unknown', unknown_since: 990 }],
])) {
  test(`an alert says what the service says: ${words}`, () => {
    assert.equal(headline(alert(given), 1000), words)
    assert.equal(ruleHeadline([alert(given)], 1000), words)
    assert.equal(ruleHeadline([alert(given), alert({}), alert({})], 1000), `${words}, and 2 more like it`)
  })
}

test('a sentence of others is short however long', () => assert.ok(headline(alert({ summary: 'x'.repeat(10_000) }), 1000).length <= 400))

test('a series is named without the words of its unit, and by few of its labels', () => {
  assert.equal(subjectOf({ __name__: 'system_network_io_bytes_total', device: 'eth0', direction: 'receive' }), 'System network io · eth0 · receive')
  assert.equal(subjectOf({ __name__: 'x_seconds', a: '1', b: '2', c: '3', d: '4' }), 'X · 1 · 2 · 3 · …')
  assert.equal(subjectOf({ __name__: 'taskpulse_source_up', source: 'channel ops' }), 'Channel ops')
  assert.equal(subjectOf({ __name__: 'taskpulse_source_up', source: 'system' }), 'Source system')
  assert.equal(subjectOf({}), 'A query')
})

test('rules and limits are said in words', () => {
  assert.equal(ruleWords('high_cpu_usage'), 'High CPU usage')
  assert.equal(ruleWords('github_failure_rate'), 'GitHub failure rate')
  assert.equal(plain(limitWords({ op: '<', threshold: 0.9 }, 'a_ratio')), 'below 90 %')
  assert.equal(limitWords({ op: null, threshold: null }, 'a_ratio'), '')
})
