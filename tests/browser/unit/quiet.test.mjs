/**
 * Silences: which alerts, for how long, in words; and what holds an alert's notices back.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdingOf } from '../../../web/dashboard/js/alerts/holding.js'
import { againOf, coming, draftOf, endOf, fieldTime, matcherText, matcherWords, matchersOf, readMatchers, timeOf, whenWords } from '../../../web/dashboard/js/alerts/quiet.js'
import { utc } from '../../../web/dashboard/js/zone.js'

utc.value = true
const NOW = Date.UTC(2026, 10, 26, 12) / 1000
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {object} more @returns {any} */
const silence = (more) => ({ id: 's', matchers: [], startsAt: '2026-11-26T11:00:00Z', endsAt: '2026-11-26T15:10:00Z', createdBy: 'me', comment: 'why', updatedAt: '', status: { state: 'active' }, ...more })

for (const [text, words] of [
  ['alertname="high_cpu_usage"', 'High CPU usage'],
  ['alertname="high_cpu_usage", instance="a", mountpoint!="/boot"', 'High CPU usage where instance is a and mountpoint is not /boot'],
  ['{host=~"db.*"}', 'Alerts where host is like db.*'],
  ['alertname!~"disk.*", severity=""', 'Alerts where the rule is not like disk.* and severity is empty'],
]) {
  test(`matchers are said in words: ${text}`, () => assert.equal(matcherWords(readMatchers(text) ?? []), words))
}

test('matchers are read as Alertmanager writes them, and not at all where they are wrong', () => {
  const text = 'a="x, \\"y\\"", b!="1", c=~"2", d!~"3"'
  assert.equal(matcherText(readMatchers(text) ?? []), text)
  for (const wrong of ['', '  ', 'a', 'a=b', 'a="b" c="d"', 'a=~"("']) assert.equal(readMatchers(wrong), null, wrong)
})

test('an alert is silenced by its rule and its labels, whatever its severity', () => {
  const alert = /** @type {any} */ ({ rule: 'disk', labels: { alertname: 'disk', severity: 'error', mountpoint: '/', empty: '' } })
  assert.equal(matcherText(matchersOf(alert)), 'alertname="disk", mountpoint="/"')
  const many = /** @type {any} */ ({ rule: 'r', labels: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`l${i}`, 'v'])) })
  assert.equal(matchersOf(many).length, 32, 'no more than the service takes')
})

test('a silence ends after its length, or at the time that was written', () => {
  assert.equal(endOf('4h', '', NOW, true), NOW + 14_400)
  assert.equal(endOf('until', '2026-11-26T18:30', NOW, true), Date.UTC(2026, 10, 26, 18, 30) / 1000)
  assert.equal(endOf('until', '2026-11-26T11:59', NOW, true), null, 'the past')
  assert.equal(endOf('until', '', NOW, true), null)
  for (const zone of [true, false]) assert.equal(endOf('until', fieldTime(NOW + 60, zone), NOW, zone), NOW + 60, 'a field gives back the time that it was given')
})

test('what is sent has the times of Alertmanager, and an undone end keeps the end that was', () => {
  assert.deepEqual(draftOf([], NOW, NOW + 60, ' why '), { matchers: [], startsAt: '2026-11-26T12:00:00.000Z', endsAt: '2026-11-26T12:01:00.000Z', createdBy: 'the dashboard', comment: 'why' })
  const again = againOf(silence({}), timeOf('2026-11-26T15:10:00Z'), NOW)
  assert.deepEqual([again.startsAt, again.endsAt, again.createdBy], ['2026-11-26T12:00:00.000Z', '2026-11-26T15:10:00.000Z', 'me'])
})

test('silences in force come first, then those to come; what is over is not listed', () => {
  const list = [silence({ id: 'p', status: { state: 'pending' } }), silence({ id: 'late' }), silence({ id: 'e', status: { state: 'expired' } }), silence({ id: 'soon', endsAt: '2026-11-26T12:30:00Z' })]
  assert.deepEqual(coming(list).map((s) => s.id), ['soon', 'late', 'p'])
  assert.equal(plain(whenWords(list[1], NOW)), 'ends in 3 h 10 m, 15:10')
  assert.equal(plain(whenWords(silence({ status: { state: 'pending' }, startsAt: '2026-11-27T01:00:00Z', endsAt: '2026-11-27T03:00:00Z' }), NOW)), 'begins 27 Nov 01:00, ends 27 Nov 03:00')
  assert.equal(plain(whenWords(silence({ endsAt: '2026-11-26T12:00:05Z' }), NOW)), 'ends in 1 m, 12:00')
})

test('what holds notices back is named: a silence, a maintenance window, or the alert that they follow from', () => {
  const alerts = /** @type {any[]} */ ([{ id: 'a', rule: 'high_cpu_usage' }, { id: 'b', rule: 'high_cpu_usage' }])
  const all = [...alerts, { id: 'c', rule: 'critical_cpu_usage' }]
  const status = (/** @type {object} */ more) => ({ state: 'suppressed', silencedBy: [], inhibitedBy: [], mutedBy: [], ...more })
  const held = (/** @type {Array<[string, any]>} */ byAlert) => ({ silences: [silence({ id: 's1' })], maintenance: [], byAlert: new Map(byAlert) })
  /** @param {any} h */
  const words = (h) => plain(holdingOf(alerts, h, /** @type {any[]} */ (all), NOW).words)
  assert.equal(words(null), '')
  assert.equal(words(held([])), '')
  assert.equal(words(held([['a', status({ silencedBy: ['s1'] })]])), '1 of 2 silenced until 15:10')
  assert.equal(words(held([['a', status({ mutedBy: ['backup'] })], ['b', status({ mutedBy: ['backup'] })]])), 'no notice during backup')
  assert.equal(words(held([['a', status({ inhibitedBy: ['c'] })], ['b', status({ inhibitedBy: ['c'] })]])), 'no notice: follows from Critical CPU usage')
  assert.deepEqual(holdingOf(alerts, held([['a', status({ silencedBy: ['s1'] })]]), [], NOW).silences.map((s) => s.id), ['s1'])
})
