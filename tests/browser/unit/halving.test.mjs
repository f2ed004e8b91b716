/**
 * Rules that made noise: what is said of them, what would have halved their firings, and the rule with such a change.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changed, halvingsOf, lengthText, noiseWords, noneWords, offerWords } from '../../../web/dashboard/js/alerts/halving.js'
import { draftOf, settingsText } from '../../../web/dashboard/js/alerts/rule_draft.js'

/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {object} more @returns {any} */
const noise = (more) => ({ rule: 'a', severity: 'warning', fired: 12, acknowledged: 1, ended_within_a_minute: 5, notifications: 8, halved_by_for: null, halved_by_threshold: null, ...more })

test('what all rules did is one sentence', () => {
  const of = (/** @type {any[]} */ ...rules) => noiseWords({ rules, start: 0, end: 7 * 86_400, profile: null })
  assert.equal(of(noise({}), noise({ fired: 3, acknowledged: 1, ended_within_a_minute: 0 })), '2 rules fired 15 times in the last 7 days; 5 of these ended within a minute, 2 were acknowledged.')
  assert.equal(of(noise({ fired: 1, acknowledged: 0, ended_within_a_minute: 0 })), '1 rule fired 1 time in the last 7 days; none of these ended within a minute, none were acknowledged.')
  assert.equal(of(), 'No rule fired in the last 7 days.')
})

test('what another profile would have done is said with its numbers', () => {
  assert.equal(offerWords({ profile: 'workstation', fired: 131, fired_then: 4, notices: 240, notices_then: 1 }), '131 alerts of weight made about 240 notices. With the profile workstation it would have been 4 alerts and about 1 notice.')
})

test('what would have halved the firings is said in the units of the metric', () => {
  const cpu = /** @type {any} */ ({ op: '>', metric: 'system_cpu_utilization_ratio' })
  const both = noise({ halved_by_for: { value: 300, fired: 12, fired_then: 4 }, halved_by_threshold: { value: 0.97, fired: 12, fired_then: 1 } })
  assert.deepEqual(halvingsOf(both, cpu).map(({ change, words }) => [change, plain(words)]), [['for 5m', 'for 5 m: 4 instead of 12 times'], ['limit 0.97', 'above 97 %: 1 instead of 12 times']])
  assert.deepEqual(halvingsOf(both, undefined).map(({ words }) => plain(words))[1], 'limit 0.97: 1 instead of 12 times', 'the rule is gone')
  assert.deepEqual(halvingsOf(noise({}), cpu), [])
  assert.match(noneWords(noise({ fired: 3 })), /too seldom/)
  assert.match(noneWords(noise({ fired: 4 })), /None was found/)
})

for (const [seconds, text] of /** @type {Array<[number, string]>} */ ([[60, '1m'], [300, '5m'], [3600, '1h'], [7200, '2h'], [90, '90s']])) {
  test(`${seconds} seconds are ${text} in the settings`, () => assert.equal(lengthText(seconds), text))
}

for (const [rule, change, expected] of /** @type {Array<[any, string, any]>} */ ([
  [{ expr: 'a > 0.8', for: '1m' }, 'for 5m', { expr: 'a > 0.8', for: '5m' }],
  [{ expr: 'a > 0.8' }, 'limit 0.97', { expr: 'a > 0.97' }],
  [{ expr: 'a{x="> 1"} >= 5e3' }, 'limit 7000', { expr: 'a{x="> 1"} >= 7000' }],
  [{ expr: 'a < -2' }, 'limit -3', { expr: 'a < -3' }],
  [{ expr: 'a > b' }, 'limit 3', { expr: 'a > b' }],
  [{ absent: 'up' }, 'limit 3', { absent: 'up' }],
  [{ expr: 'a > 1' }, '', { expr: 'a > 1' }],
])) {
  test(`a change is filled in: ${JSON.stringify(rule)} with "${change}"`, () => assert.deepEqual(changed(rule, change), expected))
}

test('a rule is shown as lines of the settings', () => {
  const rule = { expr: 'a{x="y"} > 1', severity: /** @type {const} */ ('error'), for: '5m', labels: { team: 'web', 'odd key': 'a\nb' }, remediation: ['one'], clear: 0.5, enabled: false }
  assert.deepEqual(settingsText(draftOf('my rule', rule)).split('\n'), [
    '[alerts.rules."my rule"]', 'remediation = ["one"]', 'clear = 0.5', 'enabled = false', 'expr = "a{x=\\"y\\"} > 1"', 'severity = "error"', 'for = "5m"', 'labels = { team = "web", "odd key" = "a\\nb" }',
  ])
  assert.equal(settingsText({ ...draftOf('', { expr: 'a' }) }).split('\n')[0], '[alerts.rules.name]')
})
