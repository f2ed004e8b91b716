/**
 * Alerts by rule: one row a rule, and a count that is the number of rows.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byStand, causesOf, conditionWords, followers, groupsOf, noteWords, pastOf, standWords, stateOf } from '../../../web/dashboard/js/alerts/grouping.js'
import { historyQuery } from '../../../web/dashboard/js/selector.js'
import { utc } from '../../../web/dashboard/js/zone.js'

/** @param {object} more @returns {any} */
const alert = (more) => ({ id: 'a', rule: 'hot', severity: 'warning', state: 'firing', metric: {}, pending_since: 5, firing_since: 6, resolved_at: null, acked_at: null, ...more })

test('each alert is in one list, with the others of its rule', () => {
  const all = [alert({}), alert({ id: 'b', pending_since: 1, firing_since: 2 }), alert({ id: 'c', rule: 'cold', state: 'pending', firing_since: null }), alert({ id: 'd', acked_at: 9 }), alert({ id: 'e', rule: 'cold', state: 'pending', acked_at: 9 })]
  const ids = (/** @type {any} */ stand) => groupsOf(all, stand).map((g) => [g.rule, g.since, g.alerts.map((a) => a.id).join('')])
  assert.deepEqual(ids('firing'), [['hot', 2, 'ab']])
  assert.deepEqual(ids('pending'), [['cold', 5, 'c']])
  assert.deepEqual(ids('acknowledged'), [['hot', 6, 'd'], ['cold', 6, 'e']])
})

test('how long an alert went on is not known past its last sample', () => {
  utc.value = true
  const unknown = alert({ state: 'unknown', pending_since: 0, firing_since: 60, last_sample: 360 })
  for (const [alerts, words] of /** @type {Array<[any[], string]>} */ ([
    [[unknown], 'fired 00:01 – 00:06, not known since'],
    [[unknown, { ...unknown, firing_since: 120, last_sample: 400 }], 'fired 00:01 – 00:06, not known since'],
    [[unknown, { ...unknown, state: 'firing' }], 'firing since 00:01'],
    [[{ ...unknown, state: 'pending', firing_since: null }], 'pending since 00:00'],
  ])) assert.equal(standWords(alerts, 4000), words)
})

test('what follows from a cause is no row of its own, also where the cause was noted', () => {
  const [critical, high, slow] = ['critical', 'high', 'slow'].map((id) => alert({ id, rule: id }))
  const by = (/** @type {string} */ id) => (id === 'high' ? ['critical'] : id === 'slow' ? ['high'] : [])
  /** @param {any[]} alerts */
  const rows = (alerts) => Object.entries(byStand(alerts, by)).map(([stand, list]) => `${stand}: ${list.map((c) => `${c.rule}+${followers([c])}`).join(' ')}`)
  assert.deepEqual(rows([critical, high, slow]), ['firing: critical+2', 'pending: ', 'acknowledged: '])
  assert.deepEqual(rows([{ ...critical, acked_at: 9 }, high, slow]), ['firing: ', 'pending: ', 'acknowledged: critical+2'])
  assert.deepEqual(rows([critical, { ...high, acked_at: 9 }, slow]), ['firing: critical+0', 'pending: ', 'acknowledged: high+1'])
  assert.deepEqual(rows([high, slow]), ['firing: high+1', 'pending: ', 'acknowledged: '], 'the cause is over')
})

test('what is over is summed by rule, within the period only', () => {
  const past = pastOf([alert({ firing_since: 0, resolved_at: 50 }), alert({ firing_since: 60, resolved_at: 90 }), alert({ rule: 'cold', firing_since: 10, resolved_at: 95 })], 40, 80)
  assert.deepEqual(past.map((g) => [g.rule, g.alerts.length, g.seconds, g.last]), [['cold', 1, 40, 95], ['hot', 2, 30, 90]])
})

test('a rule says in words what it watches for', () => {
  /** @param {object} more @returns {any} */
  const rule = (more) => ({ name: 'high_cpu_usage', metric: 'system_cpu_utilization_ratio', op: '>', threshold: 0.8, duration: 60, ...more })
  assert.equal(conditionWords(rule({})).replaceAll('\u00a0', ' '), 'CPU above 80 %, for 1 m')
  assert.equal(conditionWords(rule({ threshold: null, op: null })), 'High CPU usage')
  assert.equal(conditionWords(rule({ name: 'oom_kill', threshold: null, op: null })), 'OOM kill')
  for (const [metric, words] of [['probe_success', 'A target is down'], ['heartbeat_up', 'The call of a job is late'], ['up', 'A scraped target is down'], ['taskpulse_source_up', 'A source cannot be read']]) {
    assert.equal(conditionWords(rule({ metric, op: '==', threshold: 0, duration: 0 })), words)
  }
  const [pending, unknown] = [alert({ state: 'pending' }), alert({ state: 'unknown' })]
  assert.deepEqual([stateOf([]), stateOf([pending]), stateOf([pending, unknown]), stateOf([unknown, alert({})])], ['quiet', 'pending', 'unknown', 'firing'])
})

test('times in the notes of a rule are written as times are', () => {
  utc.value = true
  assert.equal(noteWords('no series matches since 2026-11-26T07:37:13.735Z', Date.UTC(2026, 10, 26, 9) / 1000), 'no series matches since 07:37')
  assert.equal(noteWords('3 samples were not judged', 0), '3 samples were not judged')
})

test('the history of what only counts up is its rate', () => {
  assert.equal(historyQuery('a_total{b="c"}'), 'rate(a_total{b="c"}[5m])')
  assert.equal(historyQuery('a_ratio'), 'a_ratio')
  assert.equal(historyQuery('sum(a_total)'), 'sum(a_total)')
  assert.equal(historyQuery('load_*{a="b"}'), '{__name__=~"load_.*",a="b"}')
})

test('what follows from another rule stands below it, in any depth; rules that hold each other back are causes both', () => {
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => alert({ id, rule: id === 'f' ? 'e' : id }))
  /** @type {Record<string, string[]>} */
  const by = { b: ['a'], c: ['x', 'b'], d: ['e'], e: ['d'], f: ['d', 'a'] }
  /** @param {import('../../../web/dashboard/js/alerts/grouping.js').Cause[]} list @returns {string} */
  const tree = (list) => list.map((c) => c.rule + (c.follows.length ? `(${tree(c.follows)})` : '')).join(' ')
  const groups = groupsOf(all, 'firing')
  assert.equal(tree(causesOf(groups, () => [])), 'a b c d e')
  assert.equal(tree(causesOf(groups, (id) => by[id] ?? [])), 'a(b(c)) d e')
  assert.equal(tree(causesOf(groups, (id) => (id === 'e' ? ['a'] : []))), 'a b c d e', 'one of two alerts of a rule is no reason')
})
