/**
 * One figure for how long a task has taken, and whether it is known whole.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takenBy, takenWords } from '../../../web/dashboard/js/tasks/taken.js'

for (const [words, task] of /** @type {Array<[string|null, object]>} */ ([
  ['16 m 40 s', { status: 'done', execution_seconds: 1000, cost: { wall_seconds: 7 } }],
  [null, { status: 'done' }], [null, { status: 'pending' }], [null, { status: 'in-progress' }],
  ['1 h', { status: 'in-progress', in_progress_since: 6400, cost: { wall_seconds: 0, since: 6400, start_seen: true } }],
  ['1 m', { status: 'review', in_progress_since: 9999 }],
  ['at least 24 m', { status: 'in-progress', cost: { wall_seconds: 0, since: 8560, start_seen: false } }],
  ['at least 40 m', { status: 'in-progress', in_progress_since: 6400, cost: { since: 6400, start_seen: true, unwatched_seconds: 1200 } }],
  [null, { status: 'in-progress', execution_seconds: 50, cost: { since: 100, start_seen: false } }],
])) {
  test(`a task has taken: ${words} (${JSON.stringify(task)})`, () => {
    const taken = takenBy(/** @type {any} */ ({ in_progress_since: null, execution_seconds: null, cost: null, ...task }), 10_000)
    assert.equal(taken && takenWords(taken).replaceAll('\u00a0', ' '), words)
  })
}
