/**
 * What a large board costs: how often it is asked for, and what of an answer is drawn anew.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { byName } from '../../../web/dashboard/js/order.js'
import { same, shareTasks } from '../../../web/dashboard/js/share.js'

const { pause } = await import('../../../web/dashboard/js/stores/refreshed.js')

test('an answer that takes long is asked for more rarely, but never forgotten', () => {
  const cases = /** @type {Array<[number, number, number]>} took, ago, wait */ ([
    [0, Infinity, 250], [20, 0, 250], [100, 0, 1000], [100, 400, 600], [100, 5000, 250], [900, 0, 9000], [60_000, 0, 10_000], [60_000, 9900, 250],
  ])
  for (const [took, ago, wait] of cases) assert.equal(pause(took, ago), wait, `${took} ms, ${ago} ms ago`)
})

test('only what differs is new', () => {
  const cases = /** @type {Array<[any, any, boolean]>} */ ([
    [1, 1, true], [1, 2, false], [null, null, true], [null, {}, false], [{}, null, false], [{ a: 1 }, { a: 1 }, true], [{ a: 1 }, { b: 1 }, false], [{ a: 1 }, { a: 1, b: 2 }, false],
    [[1, 2], [1, 2], true], [[1, 2], [2, 1], false], [[], {}, false], [{ cost: { tokens: { input: 3 } } }, { cost: { tokens: { input: 3 } } }, true], [{ cost: { tokens: { input: 3 } } }, { cost: { tokens: { input: 4 } } }, false],
  ])
  for (const [a, b, expected] of cases) assert.equal(same(a, b), expected, JSON.stringify([a, b]))
})

test('tasks that did not change keep their objects; a list without a change is the old list', () => {
  const answer = (/** @type {string[]} */ ...statuses) => /** @type {any} */ ({ sources: [], boards: [{ project: 'p', tag: 't', read_at: statuses.length, items: statuses.map((status, i) => ({ id: String(i), status, dependencies: [] })) }] })
  const before = answer('done', 'pending', 'pending')
  const [unchanged] = shareTasks(before, answer('done', 'pending', 'pending')).boards
  assert.equal(unchanged.items, before.boards[0].items)
  const [moved] = shareTasks(before, answer('done', 'in-progress', 'pending')).boards
  assert.deepEqual(moved.items.map((item, i) => item === before.boards[0].items[i]), [true, false, true])
  assert.equal(moved.items[1].status, 'in-progress')
  const [shorter] = shareTasks(before, answer('done')).boards
  assert.deepEqual(shorter.items, [before.boards[0].items[0]], 'what is gone is gone')
  assert.equal(shareTasks(null, before).boards[0], before.boards[0])
})

test('names are in the order of their numbers, thousands of them at once', () => {
  const names = Array.from({ length: 8000 }, (_, i) => String(8000 - i))
  const began = process.cpuUsage()
  assert.deepEqual([...names].sort(byName).slice(0, 11), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'])
  assert.ok(process.cpuUsage(began).user < 1e6, 'in well under a second of CPU')
})
