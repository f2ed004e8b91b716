/**
 * Exemplars of a chart: which marks there are, where they stand, what is said of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dotsOf, marksOf, onAxis, oneQuery, reachOf, saidOf } from '../../../web/dashboard/js/chart/exemplars.js'
import { within } from '../../../web/dashboard/js/chart/sheet.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
/** @param {number} timestamp @param {string} value @param {Record<string, string>} [labels] */
const one = (timestamp, value, labels = { trace_id: TRACE }) => ({ labels, value, timestamp })
/** @param {string} name @param {any[]} exemplars */
const of = (name, exemplars) => ({ seriesLabels: { __name__: name, le: '1' }, exemplars })
const PLANE = { start: 0, end: 100, low: 0, high: 10, width: 1000, height: 200 }

/** The unit of a count. */
const unitOfCount = marksOf([of('a_seconds_count', [one(1, '1')])])[0].unit

test('a measurement of two series is one mark, with the trace by any of its names, by time', () => {
  const marks = marksOf([of('a_seconds_bucket', [one(5, '0.5'), one(3, '1', { traceID: 'b', user: 'ann' })]), of('a_seconds_count', [one(5, '0.5'), one(7, '+Inf', {})])])
  assert.deepEqual(marks.map(({ time, value, trace, unit }) => [time, value, trace, unit]), [[3, 1, 'b', 'seconds'], [5, 0.5, TRACE, 'seconds'], [7, Infinity, '', unitOfCount]])
})

for (const [queries, expected] of /** @type {Array<[string[], boolean]>} */ ([
  [['histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))'], true],
  [['queue_depth{a="}"}'], true],
  [['rate(a_bucket[5m])'], false],
  [['a_bucket{le="1"}'], false],
  [['asked_total'], false],
  [['histogram_quantile(0.9, rate(a_bucket[5m]))', 'rate(a_count[5m])'], false],
])) test(`values stand on the axis of ${queries}: ${expected}`, () => assert.equal(onAxis(queries), expected))

test('several queries are asked as one, without those that read no series', () => {
  assert.equal(oneQuery([]), '')
  assert.equal(oneQuery(['1 + 1']), '1 + 1')
  assert.equal(oneQuery(['a', '5 * 2', 'scalar(b)', 'sum(c) / scalar(d)']), '(a) or (sum(c) / scalar(d))')
  assert.equal(oneQuery(['1', 'time()']), '')
})

test('marks stand at time and value, at an edge beyond the axis, at the foot where the values are of another kind', () => {
  const marks = marksOf([of('a', [one(10, '5'), one(50, '50'), one(60, '-1'), one(-1, '5'), one(101, '5')])])
  assert.deepEqual(dotsOf(marks, PLANE, true).map(({ x, y, place }) => [x, y, place]), [[100, 100, 'value'], [500, 6, 'above'], [600, 194, 'below']])
  assert.deepEqual(dotsOf(marks, PLANE, false).map(({ x, y, place }) => [x, y, place]), [[100, 194, 'time'], [500, 194, 'time'], [600, 194, 'time']])
})

test('of marks at one place the highest is drawn, and no more than find room', () => {
  const close = marksOf([of('a', [one(10, '5.1'), one(10.1, '5.3'), one(10.2, '5.2')])])
  assert.deepEqual(dotsOf(close, PLANE, true).map(({ value }) => value), [5.3])
  const many = marksOf([of('a', Array.from({ length: 1000 }, (_, i) => one(i / 10, String(i % 7))))])
  const dots = dotsOf(many, { ...PLANE, width: 10_000 }, true)
  assert.equal(dots.length, 100)
  assert.ok(dots.every(({ value }) => value === 6))
  assert.ok(dots.every((dot, i) => i === 0 || dots[i - 1].time <= dot.time))
})

test('the axis has room for marks, and for what lies far above the lines no more than half of the height', () => {
  const marks = marksOf([of('a', [one(10, '5'), one(50, '0.5'), one(60, '+Inf'), one(200, '99')])])
  assert.deepEqual(reachOf(marks, true, [0, 100]), [0.5, 5])
  assert.equal(reachOf(marks, false, [0, 100]), undefined)
  assert.equal(reachOf(marks, true, [300, 400]), undefined)
  assert.deepEqual(within([0.5, 5], [2, 4]), [0.5, 5])
  assert.deepEqual(within([0.5, 50], [2, 4]), [0.5, 8])
  assert.deepEqual(within([3, 3.5], [2, 4]), [2, 4])
  assert.deepEqual(within(undefined, [2, 4]), [2, 4])
  assert.equal(within([1, 2], null), null)
})

test('a mark says what was measured, when, in which trace', () => {
  const [mark] = marksOf([of('a_seconds_bucket', [one(5, '0.5', { trace_id: TRACE, span_id: 'cd' })])])
  assert.equal(saidOf(mark, '14:02:05').replaceAll('\u00a0', ' '), `500 ms at 14:02:05, trace ${TRACE}, span_id cd`)
  const [none] = marksOf([of('a', [one(5, '+Inf', {})])])
  assert.equal(saidOf(none, 'noon'), '∞ at noon, no trace')
})
