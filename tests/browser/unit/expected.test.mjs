/**
 * Expected ranges: which series say them, and the bands that are made of those.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bandsOf, expectedOf } from '../../../web/dashboard/js/chart/expected.js'

for (const [query, inside] of [
  ['system_cpu_utilization_ratio', '{metric="system_cpu_utilization_ratio"}'],
  ['disk{mountpoint="/",host!="a \\"b\\""}', '{metric="disk",mountpoint="/",host!="a \\"b\\""}'],
  ['rate(io_total{device="sda"}[5m])', '{metric="io_total",device="sda"}'],
  ['rate(io_total[$60s])', '{metric="io_total"}'],
]) {
  test(`where ${query} is expected is asked`, () => assert.deepEqual(expectedOf(query), [`taskpulse_expected_low${inside}`, `taskpulse_expected_high${inside}`]))
}

for (const query of ['sum(a)', 'a + b', 'io_total', 'rate(a_ratio[5m])', 'a*', '']) {
  test(`nobody says where ${JSON.stringify(query)} is expected`, () => assert.equal(expectedOf(query), null))
}

/** @param {Record<string, string>} metric @param {number[]} t @param {Array<number|null>} v @returns {any} */
const series = (metric, t, v) => ({ key: JSON.stringify(metric), metric, t, v })
/** @param {Record<string, string>} metric @param {object} [more] @returns {any} */
const line = (metric, more) => ({ series: series(metric, [], []), name: metric.d ?? 'one', colour: '--series-1', before: false, ...more })
const GAP = () => 150

test('a band follows its line, breaks where its ends stop, and does not reach below the floor', () => {
  const t = [60, 120, 180, 600, 660]
  const low = series({ __name__: 'l', metric: 'm', d: 'a' }, t, [-1, 1, 1, 2, 2])
  const high = series({ __name__: 'h', metric: 'm', d: 'a' }, [0, ...t.slice(0, 4)], [9, 3, 3, 3, 4])
  const [band, ...more] = bandsOf([low], [high], [line({ __name__: 'm', d: 'a' })], GAP, 0)
  assert.equal(more.length, 0)
  assert.deepEqual([band.name, band.t, band.low, band.high], ['a', [60, 120, 180, 180, 600], [0, 1, 1, null, 2], [3, 3, 3, null, 4]])
})

test('each line has its own band; what is not judged, or drawn to compare, has none', () => {
  const ends = ['a', 'b'].map((d) => series({ __name__: 'l', metric: 'm', d }, [60], [1]))
  const lines = ['b', 'c', 'a'].map((d) => line({ __name__: 'm', d }))
  assert.deepEqual(bandsOf(ends, ends, lines, GAP, 0).map((b) => b.name), ['b', 'a'])
  assert.deepEqual(bandsOf(ends, ends, [line({ __name__: 'm', d: 'a' }, { before: true })], GAP, 0), [])
  assert.deepEqual(bandsOf(ends, ends, ['a', 'b', 'c', 'd', 'e'].map((d) => line({ __name__: 'm', d })), GAP, 0), [], 'too many')
})
