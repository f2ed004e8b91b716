/**
 * Points of series: gaps, stacks, one time axis, the value at a time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { align, gapLimit, interval, lowerBound, stack, valueAt } from '../../../web/dashboard/js/points.js'
import { random } from './random.mjs'

/** @typedef {import('../../../web/dashboard/js/points.js').Line} Line */

/** @param {number[]} t @param {Array<number|null>} v @returns {Line} */
const line = (t, v) => ({ key: 'k', metric: { __name__: 'm' }, t, v })
const holed = line([0, 5, 10, 15, 60, 65], [1, 2, 3, 4, 5, 6])

/** A line of random times and values. @param {() => number} next @param {number} most @returns {Line} */
function anyLine(next, most) {
  const found = line([], [])
  let t = Math.floor(next() * 50)
  for (let n = Math.floor(next() * most); n > 0; n -= 1) {
    found.t.push(t)
    found.v.push(next() < 0.1 ? null : Math.floor(next() * 100))
    t += 1 + Math.floor(next() * (next() < 0.1 ? 100 : 10))
  }
  return found
}

/** @param {number[]} t */
const rises = (t) => t.every((x, i) => i === 0 || x > t[i - 1])

test('the usual distance of points is their median', () => {
  assert.equal(interval([0, 5, 10, 100, 105]), 5)
  assert.equal(interval([7]), 0)
  assert.equal(interval([]), 0)
  assert.equal(gapLimit([], 0), 2)
})

test('lines are put on one time axis without a point more or less', () => {
  assert.deepEqual(align([line([0, 10], [1, 2]), line([10, 20], [3, 4])]), [[0, 10, 20], [1, 2, undefined], [undefined, 3, 4]])
  assert.deepEqual(align([holed]), [holed.t, holed.v])
  const next = random(5)
  for (let n = 0; n < 200; n += 1) {
    const lines = [anyLine(next, 30), anyLine(next, 30), anyLine(next, 30)]
    const [times, ...columns] = align(lines)
    assert.ok(rises(times))
    columns.forEach((column, c) => {
      const points = times.map((t, i) => [t, column[i]]).filter(([, v]) => v !== undefined)
      assert.deepEqual(points, lines[c].t.map((t, i) => [t, lines[c].v[i]]))
    })
  }
})

test('stacked lines stand on those before them, until their gap', () => {
  assert.deepEqual(stack([line([0, 1, 2], [1, 1, 1]), line([0, 1, 2], [2, 3, 4])], 0), [[0, 1, 2], [1, 1, 1], [3, 4, 5]])
  const [times, first, second] = stack([line([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]), line([0, 1], [2, 2])], 0)
  assert.deepEqual([times, first], [[0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]])
  assert.deepEqual(second, [3, 3, 3, 3, 3, null], 'it keeps its last point for as long as one may be late')
})

test('the value at a time is the last one, unless that is too long ago', () => {
  assert.equal(valueAt(holed, 30, 0), 4)
  assert.equal(valueAt(holed, 40, 0), null)
  assert.equal(valueAt(holed, 60, 0), 5)
  assert.equal(valueAt(holed, -1, 0), null)
  assert.equal(valueAt(line([], []), 5, 0), null)
})

test('the first element that is not less is found in every sorted list', () => {
  const next = random(6)
  for (let n = 0; n < 300; n += 1) {
    const { t } = anyLine(next, 20)
    const x = Math.floor(next() * 200)
    const index = t.findIndex((at) => at >= x)
    assert.equal(lowerBound(t, x), index < 0 ? t.length : index)
  }
})
