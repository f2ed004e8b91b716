/**
 * What the first line says of the work.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'

const { factsOf } = await import('../../../web/dashboard/js/stores/verdict.js')
const { budgetOf } = await import('../../../web/dashboard/js/stores/spent.js')

for (const [tasks, words] of /** @type {Array<[Record<string, number>, string[]]>} */ ([
  [{ 'in-progress': 2, review: 1, done: 3, pending: 4 }, ['2 tasks in progress, 1 in review', '3 of 10 done']],
  [{ 'in-progress': 1, done: 3, cancelled: 2 }, ['1 task in progress', '3 of 4 done']],
  [{ review: 2 }, ['no task in progress, 2 in review', '0 of 2 done']],
  [{ done: 3 }, ['no task in progress', 'all 3 tasks done']],
])) {
  test(`of ${JSON.stringify(tasks)} the line counts each state by itself`, () => {
    assert.deepEqual(factsOf(/** @type {any} */ ({ tasks, forecast: null }), null, 0).map((fact) => fact.words), words)
  })
}

const budget = (more = {}) => /** @type {any} */ ({ name: 'agents', of: ['agents'], per: 'day', project: null, tag: null, currency: 'USD', limit: 20, start: 1000, end: 87400, used: 4.1, ...more })

test('money of today stands beside the budget of the day, where there is one', () => {
  const words = (/** @type {any} */ spent, /** @type {any} */ of) => factsOf(null, spent, 0, of).map((fact) => fact.words)
  assert.deepEqual(words({ money: 4.1, currency: 'USD' }, budget()), ['$4.10 of $20.00 today'])
  assert.deepEqual(words({ money: 4.1, currency: 'USD' }, null), ['$4.10 today'])
  assert.deepEqual(words({ money: null, currency: 'USD' }, budget()), [], 'no agent says what it costs')
})

test('only a budget of agents alone and of the same day is that of today: the smallest', () => {
  const all = [budget({ limit: 30 }), budget(), budget({ per: 'month', limit: 5 }), budget({ of: ['agents', 'ci'], limit: 6 }), budget({ start: 4600, limit: 7 }), budget({ start: null, limit: 8 }), budget({ currency: 'EUR', limit: 9 }), budget({ project: 'app', limit: 10 }), budget({ tag: 'next', limit: 11 })]
  assert.equal(budgetOf(all, 1000, 'USD')?.limit, 20)
  assert.equal(budgetOf(all.slice(2), 1000, 'USD'), null)
})
