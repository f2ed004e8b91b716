/**
 * Points of series: merging, gaps, rates, sums, one time axis.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { align, append, gapLimit, interval, isolated, lowerBound, merge, rate, stack, sumBy, trim, valueAt, withGaps } from '../../../web/dashboard/js/points.js'
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

test('a hole is a gap, one lost sample is not', () => {
  assert.deepEqual(withGaps(holed, 0).v, [1, 2, 3, 4, null, 5, 6])
  assert.deepEqual(withGaps(line([0, 5, 10, 20, 25], [1, 2, 3, 4, 5]), 0).v, [1, 2, 3, 4, 5])
  assert.deepEqual(withGaps(line([0, 60, 180], [1, 2, 3]), 60).v, [1, 2, null, 3], 'on a grid a step without a point is one')
  assert.deepEqual(withGaps(line([], []), 0), line([], []))
})

test('gaps are added between points, and no point is lost', () => {
  const next = random(2)
  for (let n = 0; n < 300; n += 1) {
    const before = anyLine(next, 60)
    const after = withGaps(before, 0)
    assert.ok(rises(after.t))
    const held = after.t.map((t, i) => [t, after.v[i]]).filter(([t]) => before.t.includes(Number(t)))
    assert.deepEqual(held, before.t.map((t, i) => [t, before.v[i]]))
    const limit = gapLimit(before.t, 0)
    assert.equal(after.t.length - before.t.length, before.t.filter((t, i) => i > 0 && t - before.t[i - 1] > limit).length)
  }
})

test('growth is drawn neither across a hole nor across a reset', () => {
  assert.deepEqual(rate(holed, 0).v, [0.2, 0.2, 0.2, null, 0.2])
  assert.deepEqual(rate(line([0, 10, 20], [100, 200, 50]), 0).v, [10, null])
  assert.deepEqual(rate(line([0, 10, 20], [1, null, 3]), 0).v, [null, null])
  assert.deepEqual(rate(line([5], [1]), 0).t, [])
  const next = random(3)
  for (let n = 0; n < 300; n += 1) {
    const grown = rate(anyLine(next, 60), 0)
    assert.ok(grown.v.every((v) => v === null || v >= 0), 'a counter never shrinks')
  }
})

test('fetched points replace those of their span', () => {
  const merged = line([1, 2, 9], [1, 2, 9])
  merge(merged, [2, 3, 4], [20, 30, 40])
  assert.deepEqual([merged.t, merged.v], [[1, 2, 3, 4, 9], [1, 20, 30, 40, 9]])
  merge(merged, [], [])
  assert.equal(merged.t.length, 5)
  const next = random(4)
  for (let n = 0; n < 300; n += 1) {
    const held = anyLine(next, 40)
    const fetched = anyLine(next, 40)
    const expected = new Map(held.t.map((t, i) => [t, held.v[i]]))
    const [from, to] = [fetched.t[0] ?? Infinity, fetched.t.at(-1) ?? -Infinity]
    for (const t of held.t) if (t >= from && t <= to) expected.delete(t)
    fetched.t.forEach((t, i) => expected.set(t, fetched.v[i]))
    merge(held, fetched.t, fetched.v)
    assert.ok(rises(held.t))
    assert.deepEqual(new Map(held.t.map((t, i) => [t, held.v[i]])), expected)
  }
})

test('a line with a step stays as long as its chart is wide', () => {
  const stepped = line([], [])
  for (let t = 1; t <= 1000; t += 1) append(stepped, t, t, 60)
  assert.deepEqual([stepped.t.length, stepped.t.at(-1), stepped.v.at(-1)], [17, 1000, 1000])
  append(stepped, 500, 7, 60)
  assert.equal(stepped.t.length, 17, 'one that comes late is not in its order')
  const every = line([1, 3], [1, 3])
  append(every, 2, 2, 0)
  append(every, 2, 20, 0)
  assert.deepEqual([every.t, every.v], [[1, 2, 3], [1, 20, 3]])
})

test('what is left of the chart is forgotten but for the point that the line comes from', () => {
  const trimmed = line([1, 2, 3, 4, 9], [1, 2, 3, 4, 9])
  trim(trimmed, 3.5)
  assert.deepEqual([trimmed.t, trimmed.v], [[3, 4, 9], [3, 4, 9]])
  trim(trimmed, 0)
  assert.equal(trimmed.t.length, 3)
  trim(trimmed, 100)
  assert.deepEqual(trimmed.t, [9])
})

test('the usual distance of points is their median', () => {
  assert.equal(interval([0, 5, 10, 100, 105]), 5)
  assert.equal(interval([7]), 0)
  assert.equal(interval([]), 0)
  assert.equal(gapLimit([], 0), 2)
})

test('sums are those of points of one time, by key', () => {
  const lines = [
    { ...line([1, 2], [1, 2]), metric: { a: 'x', n: '1' } }, { ...line([2, 3], [10, null]), metric: { a: 'x', n: '2' } }, { ...line([2], [5]), metric: { a: 'y', n: '3' } },
  ]
  const sums = sumBy(lines, (metric) => metric.a)
  assert.deepEqual(sums.map(({ key, t, v }) => ({ key, t, v })), [{ key: 'x', t: [1, 2], v: [1, 12] }, { key: 'y', t: [2], v: [5] }])
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

test('a value between gaps is found, since no line would show it', () => {
  assert.deepEqual(isolated([1, 2, null, 3, undefined, null, 4]), [3, 6])
  assert.deepEqual(isolated([1]), [0])
  assert.deepEqual(isolated([]), [])
  assert.deepEqual(isolated([null, undefined]), [])
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
