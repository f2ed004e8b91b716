/**
 * Which figure a card shows: live, or stored.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newestKnown } from '../../../web/dashboard/js/components/newest.js'

/** @param {string} mountpoint @param {number[]} t @param {number[]} last */
const course = (mountpoint, t, last) => ({ key: mountpoint, metric: { mountpoint }, t, last, v: last, min: last, max: last, count: t.map(() => 1) })

test('the newest stored figure stands in as long as no live one came', () => {
  const live = [{ metric: { mountpoint: '/' }, t: 90, v: 0.5 }]
  const stored = [course('/', [10, 20], [0.1, 0.2]), course('/data', [10, 20], [0.7, NaN])]
  const cases = /** @type {Array<[string, any[], any[], any[]]>} */ ([
    ['live ones win', live, stored, live],
    ['the newest of each course, a stale marker is none', [], stored, [{ metric: { mountpoint: '/' }, t: 20, v: 0.2 }, { metric: { mountpoint: '/data' }, t: 10, v: 0.7 }]],
    ['a course without a figure', [], [course('/', [10], [NaN])], []],
    ['nothing stored', [], [], []],
  ])
  for (const [words, now, kept, expected] of cases) assert.deepEqual(newestKnown(now, kept), expected, words)
})
