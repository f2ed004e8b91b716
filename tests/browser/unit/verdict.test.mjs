/**
 * What the first line says of the work.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'

const { factsOf } = await import('../../../web/dashboard/js/stores/verdict.js')

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
