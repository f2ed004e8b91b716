/**
 * Alerts in words for people: no metric name and no selector in a headline.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headline, instanceWords, limitWords, ruleWords, subjectOf } from '../../../web/dashboard/js/headline.js'

/** @param {object} more @returns {any} */
const alert = (more) => ({ rule: 'r', severity: 'warning', state: 'firing', op: '>', threshold: 0.8, value: 0.87, pending_since: 700, firing_since: 760, resolved_at: null, acked_at: null, busiest: [], ...more })
const NBSP = '\u00a0'
/** @param {string} text */
const plain = (text) => text.replaceAll(NBSP, ' ')

for (const [words, given] of /** @type {Array<[string, object]>} */ ([
  ['CPU 87 % for 4 m, above 80 %', { metric: { __name__: 'system_cpu_utilization_ratio' }, summary: 'system_cpu_utilization_ratio is 87 %, above 80 % — at the firing: rustc 91 %' }],
  ['CPU was above 80 % for 3 m', { metric: { __name__: 'system_cpu_utilization_ratio' }, summary: 'system_cpu_utilization_ratio is 10 %, no longer above 80 %', resolved_at: 940 }],
  ['Success of CI in octo/site 89 % for 4 m, below 90 %', { metric: { __name__: 'github_actions_success_ratio', repo: 'octo/site', workflow: 'CI', workflow_id: '1000' }, op: '<', threshold: 0.9, value: 0.89, summary: 'github_actions_success_ratio{repo="octo/site"} is 89 %, below 90 %' }],
  ['database is down for 4 m', { metric: { __name__: 'probe_success', target: 'database' }, op: '==', threshold: 0, value: 0, summary: 'probe_success{target="database"} is 0, equal to 0' }],
  ['database is down for 4 m: connection refused', { metric: { __name__: 'probe_success', target: 'database' }, op: '==', threshold: 0, value: 0, source_reason: 'connection refused', summary: 'database is down for 4 min: connection refused' }],
  ['database was down for 4 m', { metric: { __name__: 'probe_success', target: 'database' }, op: '<', threshold: 1, value: 1, resolved_at: 1000, summary: 'probe_success{target="database"} is 1, no longer below 1' }],
  ['Queue depth · mail 8 for 4 m, above 5', { metric: { __name__: 'queue_depth', queue: 'mail' }, threshold: 5, value: 8, summary: 'queue_depth{queue="mail"} is 8, above 5' }],
  ['Queue depth · a}"b has had no sample for 1200 s', { metric: { __name__: 'queue_depth', queue: 'a}"b' }, op: null, threshold: null, summary: 'queue_depth{queue="a}\\"b"} has had no sample for 1200 s' }],
  ['The disk is full soon', { metric: { __name__: 'queue_depth' }, op: null, threshold: null, summary: 'The disk is full soon' }],
  ['A sum is 3', { metric: {}, summary: 'A sum is 3' }],
  ['Queue depth – for 4 m, above 5', { metric: { __name__: 'queue_depth' }, threshold: 5, value: null, summary: 'queue_depth is NaN, above 5' }],
])) {
  test(`an alert says: ${words}`, () => assert.equal(plain(headline(alert(given), 1000)), words))
}

test('a series is named without the words of its unit, and by few of its labels', () => {
  assert.equal(subjectOf({ __name__: 'system_network_io_bytes_total', device: 'eth0', direction: 'receive' }), 'System network io · eth0 · receive')
  assert.equal(subjectOf({ __name__: 'x_seconds', a: '1', b: '2', c: '3', d: '4' }), 'X · 1 · 2 · 3 · …')
  assert.equal(subjectOf({}), 'A query')
})

test('rules and limits are said in words', () => {
  assert.equal(ruleWords('high_cpu_usage'), 'High CPU usage')
  assert.equal(ruleWords('github_failure_rate'), 'GitHub failure rate')
  assert.equal(plain(limitWords({ op: '<', threshold: 0.9 }, 'a_ratio')), 'below 90 %')
  assert.equal(limitWords({ op: null, threshold: null }, 'a_ratio'), '')
  assert.equal(instanceWords([alert({}), alert({ state: 'pending' }), alert({ acked_at: 5 })]), '2 series firing, 1 pending, 1 acknowledged')
})
