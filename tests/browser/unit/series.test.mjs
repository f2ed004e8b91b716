/**
 * Buckets of series: made of answers, carried on by samples, their gaps and figures.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addSample, boundsOf, bucketAt, emptySeries, figuresOf, fromRow, gapOf, replaceTail, samplingOf, trimSeries } from '../../../web/dashboard/js/chart/series.js'
import { narrowed, topQuery } from '../../../web/dashboard/js/chart/narrow.js'
import { matches, parse } from '../../../web/dashboard/js/selector.js'
import { random } from './random.mjs'

/** @param {Array<[number, number]>} samples @param {number} step */
function bucketsOf(samples, step) {
  const series = emptySeries({ __name__: 'm' })
  for (const [t, v] of samples) addSample(series, t, v, step)
  return series
}

test('a sample goes into the bucket that ends with it or after it', () => {
  const series = bucketsOf([[0.5, 4], [10, 6], [10.001, 1], [19, 3], [20, 2], [35, 7]], 10)
  assert.deepEqual(series, { key: 'm', metric: { __name__: 'm' }, t: [10, 20, 40], v: [5, 2, 7], min: [4, 1, 7], max: [6, 3, 7], last: [6, 2, 7], count: [2, 3, 1] })
  assert.equal(addSample(series, 36, NaN, 10), false, 'the end of a series is no value')
  assert.equal(series.count[2], 1)
})

test('buckets say of any samples what one looking at all of them would', () => {
  const next = random(11)
  for (let n = 0; n < 200; n += 1) {
    const step = 1 + Math.floor(next() * 60)
    /** @type {Array<[number, number]>} */
    const samples = []
    for (let t = next() * 100; t < 600; t += 0.1 + next() * (next() < 0.1 ? 100 : 10)) samples.push([t, Math.floor((next() - 0.5) * 1000)])
    const series = bucketsOf(samples, step)
    series.t.forEach((end, i) => {
      const within = samples.filter(([t]) => t > end - step && t <= end).map(([, v]) => v)
      assert.deepEqual([series.min[i], series.max[i], series.last[i], series.count[i]], [Math.min(...within), Math.max(...within), within.at(-1), within.length])
      assert.ok(Math.abs((series.v[i] ?? NaN) - within.reduce((a, b) => a + b, 0) / within.length) < 1e-9)
    })
    assert.equal(series.count.reduce((a, b) => a + b, 0), samples.length, 'each sample is in one bucket')
    const { last, min, max, mean } = figuresOf(series, -Infinity, Infinity)
    const all = samples.map(([, v]) => v)
    assert.deepEqual([last, min, max], [all.at(-1), Math.min(...all), Math.max(...all)])
    assert.ok(Math.abs((mean ?? NaN) - all.reduce((a, b) => a + b, 0) / all.length) < 1e-6, 'the mean is that of samples, not of buckets')
  }
})

test('a row of an answer is read with its infinities, and a bucket of nothing but NaN is a hole', () => {
  const series = fromRow({ metric: { __name__: 'm' }, t: [10, 20, 30], min: [1, '-Inf', 'NaN'], mean: [2, 'NaN', 'NaN'], max: [3, '+Inf', 'NaN'], last: [2, 5, 'NaN'], count: [3, 2, 1] })
  assert.deepEqual([series.v, series.min, series.max], [[2, null, null], [1, -Infinity, NaN], [3, Infinity, NaN]])
  assert.deepEqual(boundsOf([series], 0, 100), [1, 3], 'an axis has no infinite end')
  const shared = { metric: {}, t: [10], min: [1], mean: [1], max: [1], last: [1], count: [1] }
  addSample(fromRow(shared), 20, 2, 10)
  assert.deepEqual([shared.t, shared.mean, shared.count], [[10], [1], [1]], 'two charts may have asked for the same')
  assert.deepEqual(fromRow({ metric: {}, t: [10], min: [1], mean: [1], max: [1], last: [1], count: [1] }, 86_400).t, [86_410])
  const known = bucketsOf([[1, 5], [2, Infinity]], 10)
  assert.deepEqual([known.min, known.max, known.v], [[5], [Infinity], [Infinity]])
})

test('later buckets replace those held, and one that holds nothing any more is gone', () => {
  const held = bucketsOf([[5, 1], [15, 2], [25, 3]], 10)
  replaceTail(held, bucketsOf([[15, 20], [36, 40]], 10), 20)
  assert.deepEqual([held.t, held.v], [[10, 20, 40], [1, 20, 40]])
  replaceTail(held, undefined, 40)
  assert.deepEqual(held.t, [10, 20])
  trimSeries(held, 20)
  assert.deepEqual([held.t, held.count], [[10, 20], [1, 1]], 'the one that the line enters with stays')
  trimSeries(held, 30)
  assert.deepEqual(held.t, [20])
})

test('a hole is three lost samples, or an empty bucket of many', () => {
  const every = bucketsOf(Array.from({ length: 60 }, (_, n) => [n * 5 + 1, n]), 5)
  assert.deepEqual([samplingOf(every, 5), gapOf(every, 5)], [5, 17.5])
  const dense = bucketsOf(Array.from({ length: 60 }, (_, n) => [n * 5 + 1, n]), 60)
  assert.deepEqual([samplingOf(dense, 60), gapOf(dense, 60)], [5, 90])
  const rare = bucketsOf([[1, 1], [301, 2], [601, 3]], 5)
  assert.deepEqual([gapOf(rare, 5), gapOf(rare, 5, 5)], [1050, 70], 'one that comes and goes among others is not joined across its absence')
})

test('the value at a time is that of its bucket, or of the one before while that is no gap', () => {
  const series = bucketsOf([[5, 1], [15, 2], [55, 3]], 10)
  for (const [time, expected] of [[0, -1], [0.1, 0], [10, 0], [10.1, 1], [20, 1], [30, 1], [36, -1], [50, -1], [51, 2], [60, 2], [75, 2], [76, -1]]) {
    assert.equal(bucketAt(series, time, 10, 15), expected, String(time))
  }
})

test('figures are those of the time in view', () => {
  const series = bucketsOf([[5, 1], [15, 2], [25, 9], [35, 4]], 10)
  assert.deepEqual(figuresOf(series, 10, 30), { last: 9, min: 2, max: 9, mean: 5.5 })
  assert.deepEqual(figuresOf(series, 100, 200), { last: null, min: null, max: null, mean: null })
  assert.equal(boundsOf([series], 100, 200)?.[0], 4, 'a line that comes from outside is in view up to there')
  assert.equal(boundsOf([], 0, 1), null)
})

test('of many series those are asked for that are highest, by the values of their labels', () => {
  assert.equal(topQuery('m{a="b"}', true, 3600, 5), 'topk(20, max_over_time(m{a="b"}[3600s]))')
  assert.equal(topQuery('a + b', false, 3600, 5), 'topk(20, max_over_time((a + b)[3600s:5s]))')
  /** @type {Array<Record<string, string>>} */
  const metrics = [{ a: 'b', n: '1.5' }, { a: 'b', n: 'x"y', p: 'q|r' }]
  const { query, keeps } = narrowed('m{a="b",}', parse('m{a="b"}'), metrics, { seconds: 60, width: 5, time: 9 })
  assert.equal(query, 'm{a="b",a=~"b",n=~"1\\\\.5|x\\"y",p=~"|q\\\\|r"}')
  const found = parse(query)
  assert.ok(found && metrics.every((m) => matches(found, { __name__: 'm', ...m })), 'it finds them')
  assert.ok(found && !matches(found, { __name__: 'm', a: 'b', n: '145' }))
  assert.deepEqual([keeps({ __name__: 'm', ...metrics[0] }), keeps({ __name__: 'm', a: 'b', n: '1.5', p: 'q|r' })], [true, false])
  assert.equal(narrowed('a + b', null, [], { seconds: 60, width: 5, time: 9 }).query, '(a + b) and (topk(20, max_over_time((a + b)[60s:5s] @ 9)))')
})
