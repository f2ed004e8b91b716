/**
 * What charts draw: their lines, axes, colours and words.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

process.env.TZ = 'America/Santiago'
const { labels, pointLabel, roundUp, splits, timeLabel } = await import('../../../web/dashboard/js/chart/axis.js')
const { steadyScale } = await import('../../../web/dashboard/js/chart/scale.js')
const { coloursOf } = await import('../../../web/dashboard/js/chart/colours.js')
const { linesOf, MOST_LINES } = await import('../../../web/dashboard/js/chart/model.js')
const { fromPoints } = await import('../../../web/dashboard/js/chart/series.js')
const { columnFigure, figure, tableUnit } = await import('../../../web/dashboard/js/chart/words.js')
const { specsOf } = await import('../../../web/dashboard/js/ci/specs.js')
const { MACHINE_CHARTS, boardChart, plainChart } = await import('../../../web/dashboard/js/chart/specs.js')
const { STATUSES, markOf, statusColour, statusRank, statusWord } = await import('../../../web/dashboard/js/statuses.js')
const { print } = await import('../../../web/dashboard/js/selector.js')
const { random } = await import('./random.mjs')

/** @param {Record<string, string>} metric @param {number[]} v */
const line = (metric, v) => fromPoints({ key: print(metric), metric, t: v.map((_, i) => i * 10), v })
/** @param {ReturnType<typeof line>[]} list @param {number} [total] @returns {any} */
const answer = (list, total = list.length) => ({ lines: new Map(list.map((l) => [l.key, l])), total })
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
  const scale = steadyScale('plain', { top: 1 })
  for (const [max, top] of [[9, 10], [5, 10], [9.5, 10], [10, 12], [1, 1.2], [0, 1.2]]) assert.deepEqual(scale([0, max]), [0, top], String(max))
})

test('an axis shows what there is: tiny, huge, zero, negative, constant, a ratio, nothing', () => {
  for (const [unit, wishes, bounds, expected] of /** @type {Array<[import('../../../web/dashboard/js/format.js').Unit, object, [number, number]|null, [number, number]]>} */ ([
    ['plain', {}, [0, 1e-9], [0, 1.2e-9]], ['plain', {}, [0, 1e12], [0, 1.2e12]], ['plain', {}, [0, 0], [0, 1]], ['ratio', {}, [0, 0], [0, 1]], ['bytes', {}, [0, 0], [0, 1024]],
    ['plain', {}, null, [0, 1]], ['plain', {}, [-5, 20], [-6, 25]], ['plain', {}, [-8, -4], [-10, 0]], ['ratio', { top: 1 }, [0.2, 0.4], [0, 1]], ['ratio', { top: 1 }, [0.2, 1.8], [0, 2]],
    ['score', {}, [90, 95], [0, 100]], ['count', { zero: true }, [100, 101], [0, 120]],
  ])) {
    const [low, high] = steadyScale(unit, wishes)(bounds)
    assert.ok(Math.abs(low - expected[0]) < 1e-6 * Math.max(1e-9, expected[1]) && Math.abs(high - expected[1]) <= 1e-6 * expected[1], `${unit} ${bounds}: ${low} ${high}`)
  }
  for (const [min, max] of [[1e6, 1e6 + 3], [70, 72], [-1001, -1000]]) {
    const [low, high] = steadyScale('plain')([min, max])
    assert.ok(low < min && high > max && (low > 0 || high < 0), `lines that lie close together float: ${min} ${max} in ${low} ${high}`)
    const shown = labels(splits(low, high, 5, 'plain'), 'plain')
    assert.ok(shown.length >= 2 && new Set(shown).size === shown.length, `${shown}`)
  }
  const floats = steadyScale('plain')
  assert.deepEqual(floats([70, 72]), floats([70.1, 71.9]), 'and stay where they are')
})

test('the axis of values that do not differ has zero in view, and labels as short as can be', () => {
  for (const [unit, bounds, expected] of /** @type {Array<[import('../../../web/dashboard/js/format.js').Unit, [number, number], string]>} */ ([
    ['plain', [42, 42], '0|20|40'], ['plain', [-3, -3], '-4|-2|0'], ['plain', [0.1, 0.1 + 1e-17], '0|0.05|0.10'], ['plain', [1e-9, 1e-9], '0|0.5 n|1.0 n'], ['plain', [1e12, 1e12], '0|0.5 T|1.0 T'],
    ['plain', [1e15, 1e15], '0|5e+14|1e+15'], ['plain', [1e300, 1e300], '0|5e+299|1e+300'], ['plain', [0, Number.MAX_VALUE], '0|1e+308'], ['plain', [1e-300, 1e-300], '0|5e-301|1e-300'], ['plain', [0, 5e-324], '0|0.5|1.0'],
    ['ratio', [0.123456, 0.123456], '0 %|5 %|10 %|15 %'], ['ratio', [1e-6, 1e-6], '0 %|5e-5 %|1e-4 %'], ['ratio', [1e300, 1e300], '0 %|5e+301 %|1e+302 %'],
    ['bytes', [8_217_903_104, 8_217_903_104], '0|4 GiB|8 GiB|12 GiB'], ['bytes', [1e300, 1e300], '0|6.7e+299 B|1.34e+300 B'], ['bytes_per_second', [5e6, 5e6], '0|2 MiB/s|4 MiB/s|6 MiB/s'],
    ['seconds', [0.0123, 0.0123], '0|5 ms|10 ms|15 ms'], ['seconds', [3600, 3600], '0|0.5 h|1.0 h'], ['seconds', [1e-12, 1e-12], '0|0.0005 ns|0.0010 ns'],
  ])) {
    const [low, high] = steadyScale(unit)(bounds)
    assert.ok(high > low && Number.isFinite(high - low), `${unit} ${bounds}: ${low} ${high}`)
    assert.equal(labels(splits(low, high, 3, unit), unit).join('|').replaceAll('\u00a0', ' '), expected, `${unit} ${bounds}`)
  }
  const [low, high] = steadyScale('plain')([-1.7e308, 1.7e308])
  assert.ok(Number.isFinite(high - low), 'the length of an axis is a number')
})

test('figures tell an infinity from no number', () => {
  assert.deepEqual([Infinity, -Infinity, NaN, null, 0.0000012, 0].map((v) => figure(v, 'plain')), ['∞', '−∞', '–', '–', '0.0000012', '0'])
})

test('a series keeps its colour, and those of one chart differ', () => {
  const keys = Array.from({ length: 8 }, (_, n) => `m{n="${n}"}`)
  const colours = coloursOf(keys)
  assert.equal(new Set(colours.values()).size, 8, 'eight of them have eight')
  assert.deepEqual(coloursOf([...keys].reverse()), new Map([...colours].sort(([a], [b]) => keys.indexOf(a) - keys.indexOf(b))), 'whatever the order')
  const ofCharts = ['success', 'duration'].map((name) => linesOf(plainChart(name, name), [answer(['CI', 'Deploy', 'Lint'].map((workflow) => line({ __name__: name, workflow }, [1])))], []).lines.map((l) => [l.series.metric.workflow, l.colour]))
  assert.deepEqual(ofCharts[0], ofCharts[1], 'the same labels of two metrics')
  assert.equal(coloursOf([keys[0]]).get(keys[0]), '--data')
  const many = [...coloursOf(Array.from({ length: 20 }, (_, n) => `x${n}`)).values()]
  for (const colour of new Set(many)) assert.ok(many.filter((c) => c === colour).length <= 3, 'and more share them evenly')
})

test('a workflow has one colour, whatever labels a chart leaves it and whichever others it has', () => {
  const names = ['CI', 'Deploy', 'Lint', 'Nightly', 'Docs', 'Release', 'Audit', 'Bench']
  const [success, duration] = specsOf('octo/app', names, '1h', 'an hour')
  const colours = (/** @type {typeof success} */ spec, /** @type {string[]} */ shown, /** @type {object} */ labels) => new Map(linesOf(spec, [answer(shown.map((workflow) => line({ ...labels, workflow }, [1])))], []).lines.map((l) => [l.name, l.colour]))
  const all = colours(success, names, { __name__: 'github_actions_success_ratio', repo: 'octo/app', workflow_id: '7' })
  assert.equal(new Set(all.values()).size, names.length)
  for (const shown of [names, ['Lint', 'Nightly'], ['Bench']]) {
    for (const [name, colour] of colours(duration, shown, {})) assert.equal(colour, all.get(name), `${name} among ${shown}`)
  }
})

test('the figures of a rate say in one place what they count', () => {
  for (const unit of /** @type {const} */ (['ratio', 'bytes', 'seconds', 'count', 'per_day', 'score', 'plain'])) assert.deepEqual([columnFigure(2048, unit), tableUnit(unit)], [figure(2048, unit), ''])
  assert.deepEqual([columnFigure(2048, 'bytes_per_second'), tableUnit('bytes_per_second')], ['2\u00a0KiB', 'per second'])
})

test('the lines of an axis are round, few, and told apart by their names', () => {
  for (const [min, max, unit, expected] of /** @type {Array<[number, number, import('../../../web/dashboard/js/format.js').Unit, string]>} */ ([
    [0, 1, 'ratio', '0 %|20 %|40 %|60 %|80 %|100 %'], [0, 1e-9, 'plain', '0|0.2 n|0.4 n|0.6 n|0.8 n|1.0 n'], [0, 1.5e12, 'plain', '0|0.5 T|1.0 T|1.5 T'], [0, 0.07, 'ratio', '0 %|2 %|4 %|6 %'],
    [0, 800_000, 'plain', '0|200 k|400 k|600 k|800 k'], [0, 3e6, 'bytes_per_second', '0|1 MiB/s|2 MiB/s'], [0, 4096, 'bytes', '0|1 KiB|2 KiB|3 KiB|4 KiB'], [0, 0.024, 'seconds', '0|5 ms|10 ms|15 ms|20 ms'],
    [0, 9000, 'seconds', '0|0.5 h|1.0 h|1.5 h|2.0 h|2.5 h'], [-5, 20, 'plain', '-5|0|5|10|15|20'], [0, 100, 'score', '0|20|40|60|80|100'], [0, 0.5, 'plain', '0|0.1|0.2|0.3|0.4|0.5'], [0, 0.009, 'plain', '0|2 m|4 m|6 m|8 m'],
    [16e9, 16e9 + 3e4, 'bytes', '14.9011612 GiB|14.9011688 GiB|14.9011765 GiB|14.9011841 GiB'], [1e6, 1e6 + 3, 'plain', '1.000000 M|1.000001 M|1.000002 M|1.000003 M'],
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

test('times are those of the zone that the reader chose', () => {
  const t = Date.parse('2026-06-10T01:30:05Z') / 1000
  assert.deepEqual([timeLabel(t, undefined), timeLabel(t, undefined, true), timeLabel(t, undefined, true, true)], ['21:30', '01:30', '01:30:05'])
  assert.deepEqual([pointLabel(t, t, false), pointLabel(t, t, true), pointLabel(t, t + 86_400, true)], ['21:30:05', '01:30:05 UTC', '10\u00a0Jun 01:30:05 UTC'])
})

test('a chart has as many lines as can be drawn, the highest, and says how many there are', () => {
  const many = Array.from({ length: 30 }, (_, n) => line({ __name__: 'm', n: String(n).padStart(2, '0') }, [n]))
  const { lines, total } = linesOf(plainChart('m', 'm'), [answer(many, 5000)], [])
  assert.deepEqual([lines.length, total], [MOST_LINES, 5000])
  assert.deepEqual(lines.slice(0, 2).map((l) => l.name), ['29', '28'])
  assert.deepEqual(linesOf(plainChart('m', 'm'), [answer(many.slice(0, 3))], []).lines.map((l) => l.name), ['00', '01', '02'], 'few stand by name')
  assert.deepEqual(linesOf(chart('cpu'), [answer([])], []), { lines: [], total: 0 })
})

test('what is drawn to compare with has the colour of its line', () => {
  const now = [line({ __name__: 'm', n: 'a' }, [1]), line({ __name__: 'm', n: 'b' }, [2])]
  const before = [line({ __name__: 'm', n: 'b' }, [3]), line({ __name__: 'm', n: 'gone' }, [4])]
  const { lines } = linesOf(plainChart('m', 'm'), [answer(now)], [answer(before)])
  assert.deepEqual(lines.map((l) => [l.name, l.before]), [['a', false], ['b', false], ['b', true]])
  assert.equal(lines[2].colour, lines[1].colour)
})

test('a counter is asked for its growth, anything else as it is', () => {
  const counter = plainChart('x_bytes_total{a="b"}', 'x_bytes_total')
  assert.deepEqual([counter.unit, counter.note, counter.query], ['bytes_per_second', 'per second', 'rate(x_bytes_total{a="b"}[$60s])'])
  const gauge = plainChart('x_ratio', 'x_ratio')
  assert.deepEqual([gauge.unit, gauge.note, gauge.query], ['ratio', undefined, undefined], 'a selector is carried on live')
  assert.equal(plainChart('sum(x_bytes_total)', 'sum').query, 'sum(x_bytes_total)')
})

test('statuses have one order, word and colour everywhere, and unknown ones come last', () => {
  const spec = boardChart(/** @type {any} */ ({ project: 'a "b"', tag: 'master' }))
  assert.deepEqual(spec.selectors, ['taskmaster_tasks{project="a \\"b\\"",tag="master",job="",instance="",host="",host_name=""}'])
  const lines = ['odd', 'pending', 'done', 'review'].map((status) => line({ __name__: 'taskmaster_tasks', status }, [1, 2]))
  const never = line({ __name__: 'taskmaster_tasks', status: 'blocked' }, [0, 0])
  assert.deepEqual(linesOf(spec, [answer([...lines, never])], []).lines.map((l) => l.name), ['done', 'in review', 'pending', 'odd'])
  assert.equal(new Set(STATUSES.map((s) => s.colour)).size, STATUSES.length)
  assert.deepEqual([statusWord('odd'), statusColour('odd'), statusRank('odd')], ['odd', '--series-other', STATUSES.length + 1])
  for (const [i, s] of STATUSES.entries()) assert.deepEqual([statusWord(s.status), statusColour(s.status), statusRank(s.status)], [s.word, s.colour, i + 1])
})

test('each severity has its mark', () => {
  for (const [severity, mark] of /** @type {const} */ ([['debug', 'info'], ['info', 'info'], ['notice', 'info'], ['warning', 'warning'], ['error', 'error'], ['critical', 'critical']])) {
    assert.equal(markOf(severity), mark)
  }
})
