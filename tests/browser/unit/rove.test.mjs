import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firsts, heir, moved, stepped, stopAt } from '../../../web/dashboard/js/frame/rove.js'

test('arrows walk within a list and stop at its ends', () => {
  for (const [key, at, many, to] of /** @type {Array<[string, number, number, number]>} */ ([
    ['ArrowDown', 0, 3, 1], ['ArrowRight', 1, 3, 2], ['ArrowDown', 2, 3, 2], ['ArrowUp', 2, 3, 1], ['ArrowLeft', 0, 3, 0],
    ['Home', 2, 3, 0], ['End', 0, 3, 2], ['Enter', 1, 3, -1], ['ArrowDown', 0, 0, -1],
  ])) assert.equal(moved(key, at, many), to, `${key} from ${at} of ${many}`)
})

test('Tab stops where it stopped before, else at the first', () => {
  assert.equal(stopAt([false, true, false]), 1)
  assert.equal(stopAt([false, false]), 0)
  assert.equal(stopAt([true, true]), 0)
})

test('j and k begin at the ends of the page and go on from what has the focus', () => {
  for (const [at, step, many, to] of /** @type {Array<[number, 1|-1, number, number]>} */ ([
    [-1, 1, 4, 0], [-1, -1, 4, 3], [1, 1, 4, 2], [3, 1, 4, 3], [0, -1, 4, 0], [-1, 1, 0, -1],
  ])) assert.equal(stepped(at, step, many), to, `${step} from ${at} of ${many}`)
})

test('a row is one step, however much in it can have the focus', () => {
  assert.deepEqual(firsts(['a title', 'a Ack', 'b title', 'a below', 'c title', 'c Open'], (item) => item[0]), ['a title', 'b title', 'c title'])
})

test('what took the place of a row that has gone takes its focus', () => {
  assert.equal(heir(1, 3), 1)
  assert.equal(heir(3, 3), 2)
  assert.equal(heir(0, 0), -1)
})
