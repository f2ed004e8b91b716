/**
 * What charts draw: their lines, axes, colours and words.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

process.env.TZ = 'America/Santiago'
const { labels, roundUp, splits, steadyTop, timeLabel } = await import('../../../web/dashboard/js/chart/axis.js')
const { MACHINE_CHARTS, MOST_LINES, boardChart, drawn, plainChart } = await import('../../../web/dashboard/js/chart/specs.js')
const { STATUSES, markOf, statusColour, statusRank, statusWord } = await import('../../../web/dashboard/js/statuses.js')
const { print } = await import('../../../web/dashboard/js/selector.js')
const { random } = await import('./random.mjs')

/** @param {Record<string, string>} metric @param {number[]} v @returns {import('../../../web/dashboard/js/points.js').Line} */
const line = (metric, v) => ({ key: print(metric), metric, t: v.map((_, i) => i * 10), v })
/** @param {string} id */
const chart = (id) => MACHINE_CHARTS.find((spec) => spec.id === id) ?? assert.fail(id)

test('an axis ends at a round number that is not below its data', () => {
  for (const [n, binary, expected] of /** @type {Array<[number, boolean, number]>} */ ([
    [1, false, 1], [1.05, false, 1.2], [7, false, 8], [9.5, false, 10], [0.00012, false, 0.00012], [1024, true, 1024], [1026, true, 1536], [1600, true, 2048],
  ])) assert.ok(Math.abs(roundUp(n, binary) - expected) < expected * 1e-9, `${n}: ${roundUp(n, binary)}`)
  for (let power = -9; power < 15; power += 0.037) {
    for (const binary of [false, true]) {
      const n = 10 ** power
      const end = roundUp(n, binary)
      assert.ok(end >= n * 0.999 && end <= n * 2.001, `${n} ${end}`)
    }
  }
})

test('an axis stays where it is until its data needs more than all or less than half of it', () => {
  const top = steadyTop(false)
  assert.equal(top(9, 1), 10)
  assert.equal(top(5, 1), 10)
  assert.equal(top(9.5, 1), 10)
  assert.equal(top(10, 1), 12)
  assert.equal(top(1, 1), 1.2)
  assert.equal(top(0, 1), 1.2)
  assert.equal(steadyTop(false)(0, 1), 1, 'never below its least')
})

test('the lines of an axis are round, few, and told apart by their names', () => {
  for (const [min, max, unit, expected] of /** @type {Array<[number, number, import('../../../web/dashboard/js/format.js').Unit, string]>} */ ([
    [0, 1, 'ratio', '0 %|20 %|40 %|60 %|80 %|100 %'], [0, 1e-9, 'plain', '0|0.2 n|0.4 n|0.6 n|0.8 n|1.0 n'], [0, 1.5e12, 'plain', '0|0.5 T|1.0 T|1.5 T'], [0, 0.07, 'ratio', '0 %|2 %|4 %|6 %'],
    [0, 800_000, 'plain', '0|200 k|400 k|600 k|800 k'], [0, 3e6, 'bytes_per_second', '0|1 MiB/s|2 MiB/s'], [0, 4096, 'bytes', '0|1 KiB|2 KiB|3 KiB|4 KiB'], [0, 0.024, 'seconds', '0|5 ms|10 ms|15 ms|20 ms'],
    [0, 9000, 'seconds', '0|0.5 h|1.0 h|1.5 h|2.0 h|2.5 h'], [-5, 20, 'plain', '-5|0|5|10|15|20'], [0, 100, 'score', '0|20|40|60|80|100'], [1e6, 1e6 + 3, 'plain', '1.000000 M|1.000001 M|1.000002 M|1.000003 M'],
  ])) assert.equal(labels(splits(min, max, 5, unit), unit).join('|').replaceAll('\u00a0', ' '), expected, `${min} ${max} ${unit}`)
  assert.deepEqual(splits(5, 5, 5, 'plain'), [5])
  assert.deepEqual(labels([0], 'plain'), ['0'])
  const next = random(3)
  for (let n = 0; n < 2000; n += 1) {
    const min = next() < 0.5 ? 0 : (next() - 0.5) * 10 ** (next() * 15)
    const max = min + 10 ** (next() * 24 - 12)
    for (const unit of /** @type {const} */ (['plain', 'bytes', 'seconds', 'ratio'])) {
      // Where floating point cannot tell the lines apart, neither can a label.
      if (max - min < Math.abs(min) * 1e-9) continue
      const lines = splits(min, max, 5, unit)
      assert.ok(lines.length >= 1 && lines.length <= 11, `${min} ${max} ${unit}: ${lines}`)
      assert.equal(new Set(labels(lines, unit)).size, lines.length, `${min} ${max} ${unit}: ${labels(lines, unit)}`)
    }
  }
})

test('the day is named where it changes, also where it begins without a midnight', () => {
  // In Chile the clocks go forward at midnight: 6 September 2026 begins at 01:00.
  const first = Date.parse('2026-09-06T04:00:00Z') / 1000
  assert.equal(timeLabel(first, first - 3600), '6\u00a0Sept')
  assert.equal(timeLabel(first + 3600, first), '02:00')
  assert.equal(timeLabel(first - 3600, undefined), '23:00')
  assert.equal(timeLabel(Date.parse('2026-06-10T04:00:00Z') / 1000, undefined), '10\u00a0Jun', 'midnight stands for its day')
})

test('bytes of disks are added once: partitions are part of their disk, memory is none', () => {
  const device = (/** @type {string} */ name) => line({ __name__: 'system_disk_io_bytes_total', device: name, direction: 'read' }, [0, 100, 200])
  const names = ['sda', 'sda1', 'sda2', 'nvme0n1', 'nvme0n1p1', 'vdb1', 'loop3', 'zram0', 'ram1']
  const { lines } = drawn(chart('io'), names.map(device), 0)
  assert.deepEqual(lines.map(({ key, v }) => ({ key, v })), [{ key: 'system_disk_io_bytes_total{direction="read"}', v: [30, 30] }], 'sda, nvme0n1 and vdb1, of which no disk is listed')
})

test('the network is that of all devices but loopback', () => {
  const of = (/** @type {string} */ device, /** @type {string} */ direction) => line({ __name__: 'system_network_io_bytes_total', device, direction }, [0, 50])
  const { lines } = drawn(chart('network'), [of('eth0', 'receive'), of('eth1', 'receive'), of('lo', 'receive'), of('eth0', 'transmit'), of('lo0', 'transmit')], 0)
  assert.deepEqual(lines.map((l) => [chart('network').name(l.metric), l.v]), [['in', [10]], ['out', [5]]])
})

test('a chart has as many lines as can be told apart, and says how many are left out', () => {
  const many = Array.from({ length: 20 }, (_, n) => line({ __name__: 'm', n: String(n).padStart(2, '0') }, [n]))
  const plain = drawn(plainChart('m', 'm'), many, 0)
  assert.deepEqual([plain.lines.length, plain.left], [MOST_LINES, 20 - MOST_LINES])
  const disks = many.map((l) => ({ ...l, metric: { __name__: 'system_filesystem_utilization_ratio', mountpoint: `/${l.metric.n}` } }))
  assert.deepEqual(drawn(chart('disk'), disks, 0).lines.map((l) => l.v[0]), [12, 13, 14, 15, 16, 17, 18, 19], 'the fullest, in order')
  assert.deepEqual(drawn(chart('cpu'), [], 0), { lines: [], left: 0 })
})

test('a counter is drawn as its growth, anything else as it is', () => {
  const counter = plainChart('x_bytes_total', 'x_bytes_total')
  assert.deepEqual([counter.unit, counter.note], ['bytes_per_second', 'per second'])
  assert.deepEqual(drawn(counter, [line({ __name__: 'x_bytes_total' }, [0, 100])], 0).lines[0].v, [10])
  const gauge = plainChart('x_ratio', 'x_ratio')
  assert.deepEqual([gauge.unit, gauge.note], ['ratio', undefined])
  assert.deepEqual(drawn(gauge, [line({ __name__: 'x_ratio' }, [0, 1])], 0).lines[0].v, [0, 1])
})

test('statuses have one order, word and colour everywhere, and unknown ones come last', () => {
  const spec = boardChart(/** @type {any} */ ({ project: 'a "b"', tag: 'master' }))
  assert.deepEqual(spec.selectors, ['taskmaster_tasks{project="a \\"b\\"",tag="master"}'])
  const lines = ['odd', 'pending', 'done', 'review'].map((status) => line({ __name__: 'taskmaster_tasks', status }, [1, 2]))
  const never = line({ __name__: 'taskmaster_tasks', status: 'blocked' }, [0, 0])
  assert.deepEqual(drawn(spec, [...lines, never], 0).lines.map((l) => spec.name(l.metric)), ['done', 'in review', 'pending', 'odd'])
  assert.equal(new Set(STATUSES.map((s) => s.colour)).size, STATUSES.length)
  assert.deepEqual([statusWord('odd'), statusColour('odd'), statusRank('odd')], ['odd', '--series-other', STATUSES.length + 1])
  for (const [i, s] of STATUSES.entries()) assert.deepEqual([statusWord(s.status), statusColour(s.status), statusRank(s.status)], [s.word, s.colour, i + 1])
})

test('each severity has its mark', () => {
  for (const [severity, mark] of /** @type {const} */ ([['debug', 'info'], ['info', 'info'], ['notice', 'info'], ['warning', 'warning'], ['error', 'error'], ['critical', 'critical']])) {
    assert.equal(markOf(severity), mark)
  }
})
