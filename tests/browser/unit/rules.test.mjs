/**
 * Rules while they are written: fields and rule, faults in their fields, and what a rule would have done.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { copyName, draftOf, emptyDraft, faultOf, pair, restText, ruleOf } from '../../../web/dashboard/js/alerts/rule_draft.js'
import { wouldWords } from '../../../web/dashboard/js/alerts/outcome.js'

const DAY = 86_400
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')

for (const rule of [
  { expr: 'a > 1', severity: 'error', for: '5m' },
  { absent: 'up{job="x"}', severity: 'warning', keep_firing_for: '1m', cooldown: '2m', labels: { team: 'web' }, annotations: { summary: '{{ $value }}, and "more"' } },
  { expr: 'a > 1', clear: 0.5, count: '3 of 5', remediation: ['one', 'two'], enabled: false },
]) {
  test(`a rule that is opened and saved says the same: ${JSON.stringify(rule)}`, () => assert.deepEqual(ruleOf(draftOf('x', rule)), rule))
}

test('empty fields are left out, and a label without a name', () => {
  const draft = { ...emptyDraft(), condition: ' a > 1 ', hold: ' ', labels: [pair(' ', 'x'), pair(' team ', '')] }
  assert.deepEqual(ruleOf(draft), { expr: 'a > 1', severity: 'warning', labels: { team: '' } })
})

test('a copy has a name that no rule has', () => {
  assert.deepEqual([copyName('a', []), copyName('a', ['a_copy', 'a_copy2'])], ['a_copy', 'a_copy3'])
})

test('what no field is for is said as it would stand in the settings', () => {
  assert.equal(restText(draftOf('x', { expr: 'a', clear: 0.5, count: '3 of 5' })), 'clear = 0.5, count = "3 of 5"')
})

const draft = { ...emptyDraft(), hold: '5x', cooldown: 'soon' }
for (const [error, field, words] of [
  ['rule `preview`: expr: 1:8: parse error: unexpected end of input', 'condition', '1:8: parse error: unexpected end of input'],
  ['the body is no rule: `5x` is not a length of time; write it like 500ms, 30s, 5m, 1h30m or 7d at line 1 column 30', 'hold', '`5x` is not a length of time; write it like 500ms, 30s, 5m, 1h30m or 7d'],
  ['the body is no rule: `soon` is not a length of time; write it like 5m', 'cooldown', '`soon` is not a length of time; write it like 5m'],
  ['rule `x`: for = 99d is longer than the retention of 30d; use at most 30d', 'hold', 'for = 99d is longer than the retention of 30d; use at most 30d'],
  ['rule `x`: annotations: "summary", at character 5: unclosed action', 'annotations', 'annotations: "summary", at character 5: unclosed action'],
  ['a rule is named by 1 to 200 characters without `/` and control characters', 'name', 'a rule is named by 1 to 200 characters without `/` and control characters'],
  ['the store is full', '', 'the store is full'],
]) {
  test(`a fault is said at its field: ${error}`, () => assert.deepEqual(faultOf(error, draft), { field, words }))
}

/** @param {number} from @param {number|null} to @returns {any} */
const firing = (from, to) => ({ fired_at: from, resolved_at: to, pending_since: from, labels: {}, value: 1 })
/** @param {object} more @returns {any} */
const preview = (more) => ({ start: 0, end: 7 * DAY, fired: 0, firing_seconds: 0, firings: [], notices: 0, judged: 100, series: 1, step_seconds: null, too_short: 0, ...more })

for (const [more, words] of /** @type {Array<[object, string]>} */ ([
  [{}, 'Would not have fired in 7 days.'],
  [{ too_short: 2 }, 'Would not have fired in 7 days. Its condition held 2 times, for too short a time.'],
  [{ series: 0 }, 'No series matches this in the last 7 days, so it would never have fired.'],
  [{ series: 0, step_seconds: 15 }, 'Its expression had no result in 7 days, so it would not have fired.'],
  [{ fired: 1, firing_seconds: 120, notices: 2, firings: [firing(0, 120)] }, 'Would have fired 1 time in 7 days, for 2 m; about 2 notices.'],
  [{ fired: 2, firing_seconds: 3720, firings: [firing(0, 120), firing(4000, 7600)], notices: 4, too_short: 1 }, 'Would have fired 2 times in 7 days, 1 h 2 m in all, the longest 1 h; about 4 notices. Its condition held 1 time more, for too short a time.'],
  [{ fired: 5, firing_seconds: 60, notices: 1, firings: [firing(7 * DAY - 60, null)] }, 'Would have fired 5 times in 7 days, 1 m in all, the longest 1 m; about 1 notice of the newest 1 firing.'],
])) {
  test(`a preview says: ${words}`, () => assert.equal(plain(wouldWords(preview(more))), words))
}
