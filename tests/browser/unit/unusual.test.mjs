/**
 * What was unusual: one row a series, and how many are watched.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nothingWords, unusualOf, watchedWords } from '../../../web/dashboard/js/alerts/unusual.js'

test('each series has one row with all its times, the newest first', () => {
  /** @param {string} name @param {number} time @returns {any} */
  const anomaly = (name, time) => ({ metric: { __name__: name, host: 'a' }, time, summary: `${name} ${time}` })
  const rows = unusualOf([anomaly('b', 900), anomaly('a', 600), anomaly('b', 300)])
  assert.deepEqual(rows.map(({ key, newest, list }) => [key, newest.time, list.length]), [['b{host="a"}', 900, 2], ['a{host="a"}', 600, 1]])
  assert.deepEqual(rows[0].spans, [{ from: 600, to: 900 }, { from: 0, to: 300 }])
  assert.deepEqual(unusualOf([]), [])
})

for (const [learning, words] of /** @type {Array<[boolean[], string]>} */ ([
  [[], '0 series are watched'], [[false], '1 series is watched'], [[true, true], '2 series are watched, what is usual is still learned'],
  [[false, true, false], '3 series are watched, of 1 of them what is usual is still learned'],
])) {
  test(`watched series are counted: ${words}`, () => assert.equal(watchedWords(/** @type {any[]} */ (learning.map((l) => ({ learning: l })))), words))
}

test('nothing is called usual that nobody can judge yet', () => {
  /** @param {boolean[]} learning */
  const words = (...learning) => nothingWords(/** @type {any[]} */ (learning.map((l) => ({ learning: l }))))
  assert.match(words(true, true), /not known yet/)
  assert.match(words(true, false), /as far as what is usual is learned/)
  assert.equal(words(false), 'Nothing was unusual for itself in this time.')
})
