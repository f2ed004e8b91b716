/**
 * Advice: the order of its pieces and where each stands; the picture of what was seen.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { axisOf, figureAt, linesOf, namesOf, pathsOf, questionOf, summaryOf, timesOf, unitOfQuery } from '../../../web/dashboard/js/advice/course.js'
import { confidenceOf, effortOf, endsOf, expectedOf, markOfAdvice, outcomeOf, partsOf, stepsOf } from '../../../web/dashboard/js/advice/life.js'
import { utc } from '../../../web/dashboard/js/zone.js'

/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {string} id @param {string} status @param {string} severity @param {object} [more] */
const piece = (id, status, severity, more = {}) => /** @type {any} */ ({ id, status, severity, created: 1, updated: 1, ...more })
/** @param {Record<string, string>} metric @param {number[]} t @param {Array<number|null>} v @param {number} [spread] */
const series = (metric, t, v, spread = 0) => /** @type {any} */ ({
  key: JSON.stringify(metric), metric, t, v, min: v.map((x) => (x === null ? NaN : x - spread)), max: v.map((x) => (x === null ? NaN : x + spread)), last: v.map((x) => x ?? NaN), count: t.map(() => 1),
})

test('open advice stands by its weight and then its age, what was decided by when it was', () => {
  const list = [
    piece('b', 'open', 'warning', { created: 5 }), piece('a', 'open', 'warning', { created: 5 }), piece('old', 'open', 'warning', { created: 2 }), piece('bad', 'open', 'critical', { created: 9 }), piece('odd', 'open', 'new one'),
    piece('done', 'applied', 'info', { updated: 3 }), piece('no', 'dismissed', 'info'), piece('later', 'applied', 'info', { updated: 4 }), piece('yes', 'accepted', 'error'),
    piece('vain', 'applied', 'info', { verdict: { state: 'ineffective', final: true } }), piece('perhaps', 'applied', 'info', { verdict: { state: 'regressed', final: false } }),
  ]
  const parts = partsOf(list)
  const ids = (/** @type {any[]} */ some) => some.map(({ id }) => id)
  assert.deepEqual([ids(parts.open), ids(parts.accepted), ids(parts.done), ids(parts.failed), ids(parts.dismissed)], [['bad', 'old', 'a', 'b', 'odd'], ['yes'], ['later', 'done', 'perhaps'], ['vain'], ['no']])
  assert.deepEqual(ids(partsOf([piece('x', 'open', 'critical', { priority: 3 }), piece('y', 'open', 'warning', { priority: 6 })]).open), ['y', 'x'], 'what the service says weighs more')
  assert.deepEqual([markOfAdvice(parts.open[0]), markOfAdvice(parts.accepted[0])], ['critical', 'info'], 'what was decided on is no trouble any more')
  assert.deepEqual(['verified', 'regressed', 'too_early'].map((state) => markOfAdvice(piece('a', 'applied', 'error', { verdict: { state, final: false } }))), ['ok', 'warning', 'info'])
})

test('what is said of a piece is said in words, and nothing where the service says nothing', () => {
  const none = piece('a', 'open', 'info', { action: '' })
  assert.deepEqual([effortOf(none), confidenceOf(none), expectedOf(none), stepsOf(none)], ['', '', '', []])
  assert.deepEqual(stepsOf(piece('a', 'open', 'info', { action: 'Do it' })), ['Do it'])
  assert.deepEqual(stepsOf(piece('a', 'open', 'info', { action: 'Do it', steps: ['Do it', 'Look again'] })), ['Do it', 'Look again'])
  const of = (/** @type {number} */ low, /** @type {number} */ high, unit = 'ratio') => plain(expectedOf(piece('a', 'open', 'info', { expected: { what: 'duration', low, high, unit, basis: '' } })))
  assert.deepEqual([of(0.17, 0.38), of(0, 7200, 'seconds'), of(0.2, 0.2)], ['duration: 17 % to 38 % less', 'duration: up to 2 h less', 'duration: 20 % less'])
  assert.match(effortOf(piece('a', 'open', 'info', { effort: 'hours' })), /^hours: /)
  assert.equal(effortOf(piece('a', 'open', 'info', { effort: 'weeks' })), 'weeks', 'what is new is said as it is')
  const outcome = (/** @type {string} */ name) => outcomeOf(/** @type {any} */ ({ outcome: name }))
  assert.deepEqual([outcome('ineffective'), outcome('dismissed').word, outcome('new').word], [{ word: 'no effect', mark: 'none' }, 'dismissed', 'not known'])
})

test('what is asked of the past is the same as long as the time is, and a counter is asked for its rate', () => {
  const asked = questionOf('cpu_ratio', 1000, 87_400)
  assert.deepEqual([asked.start % asked.step, asked.end % asked.step, asked.start <= 1000, asked.end >= 87_400], [0, 0, true, true])
  assert.deepEqual(questionOf('cpu_ratio', 1001, 87_399), asked)
  assert.ok(questionOf('x', 5000, 5000).end - questionOf('x', 5000, 5000).start >= 3600, 'a moment is shown with the hour before it')
  assert.equal(questionOf('net_bytes_total{a="b"}', 0, 86_400).query, 'rate(net_bytes_total{a="b"}[5m])')
  assert.deepEqual(['a_ratio', 'a_bytes{b="c"}', 'net_bytes_total', 'cpu_seconds_total', 'runs_total', 'sum(a_bytes)'].map(unitOfQuery), ['ratio', 'bytes', 'bytes_per_second', 'ratio', 'plain', 'plain'])
})

test('lines are named by what tells them apart', () => {
  const [a, b] = [series({ __name__: 'm', host: 'x', disk: '/' }, [1], [1]), series({ __name__: 'm', host: 'x', disk: '/data' }, [1], [1])]
  assert.deepEqual(namesOf([a, b]), ['/', '/data'])
  assert.deepEqual(namesOf([a, series({ __name__: 'm', host: 'x' }, [1], [1])]), ['/', '–'])
  const many = linesOf(Array.from({ length: 20 }, (_, i) => series({ i: `${i}` }, [1], [i])))
  assert.deepEqual(many.map(({ name }) => name).sort(), ['12', '13', '14', '15', '16', '17', '18', '19'], 'of many the highest are drawn')
  assert.equal(linesOf([a])[0].colour, '--data', 'a line alone has no colour of its own')
})

test('the axis begins at zero and ends at a round figure above all of it', () => {
  const ends = (/** @type {any} */ unit, /** @type {any[]} */ ...list) => { const { low, high } = axisOf(linesOf(list), unit); return [low, high] }
  assert.deepEqual(ends('ratio', series({}, [1, 2], [0.2, 0.71])), [0, 1])
  assert.deepEqual(ends('plain', series({}, [1, 2], [10, 47])), [0, 50])
  assert.deepEqual(ends('plain', series({}, [1, 2], [-3, 4])), [-3, 4])
  assert.deepEqual(ends('plain', series({}, [1], [0])), [0, 1], 'zero alone has a height too')
  assert.deepEqual(ends('plain', series({}, [1, 2], [Infinity, 4])), [0, 4])
  assert.deepEqual(axisOf(linesOf([series({}, [1], [47])]), 'plain').ticks.map(({ at, words }) => [at, words]), [[0, '0'], [0.4, '20'], [0.8, '40']])
})

test('a gap is a gap, a point alone is seen, and the band holds the smallest and the largest', () => {
  const time = { start: 0, end: 100, step: 10 }
  const axis = { low: 0, high: 10 }
  const of = (/** @type {number[]} */ t, /** @type {Array<number|null>} */ v, spread = 0) => pathsOf(series({}, t, v, spread), time, axis, 100, 10)
  assert.deepEqual(of([10, 20, 30], [0, 5, 10]), { line: 'M5.0 10.0L15.0 5.0L25.0 0.0', band: '' })
  assert.equal(of([10, 20, 30], [0, null, 10]).line, 'M5.0 10.0h0M25.0 0.0h0')
  assert.equal(of([10, 20, 30, 80, 90], [1, 1, 1, 1, 1]).line.split('M').length - 1, 2)
  assert.equal(of([30, 60, 90], [1, 1, 1]).line.split('M').length - 1, 1, 'what is sampled rarely has no gaps for it')
  assert.equal(of([10, 20], [5, 5], 1).band, 'M5.0 4.0L15.0 4.0L15.0 6.0L5.0 6.0Z')
  assert.equal(of([], []).line, '')
  assert.doesNotMatch(of([10, 20], [99, -5]).line, /-|NaN/, 'what is beyond the axis ends at its edge')
})

test('what a line is at a time is said, and what it was in all', () => {
  const one = series({}, [10, 20, 30], [0.1, 0.5, 0.3], 0.05)
  assert.equal(plain(figureAt(one, 22, 10, 'ratio')), '50 %')
  assert.equal(figureAt(one, 99, 10, 'ratio'), 'no sample')
  assert.equal(plain(summaryOf(one, 'ratio')), '30 % at last, between 5 % and 55 %')
  assert.equal(summaryOf(series({}, [10], [null]), 'ratio'), 'no sample')
})

test('times below a picture are days where it is long', () => {
  utc.value = true
  const noon = Date.UTC(2026, 10, 26, 12) / 1000
  assert.deepEqual(timesOf(noon, noon + 3600, 3, noon).map(({ words }) => words), ['12:00', '12:30', '13:00'])
  assert.deepEqual(timesOf(noon, noon + 86_400, 3, noon + 86_400).map(({ words }) => plain(words)), ['26 Nov 12:00', '00:00', '12:00'])
  assert.deepEqual(timesOf(noon, noon + 8 * 86_400, 9, noon).map(({ words }) => plain(words)), ['26 Nov', '28 Nov', '30 Nov', '2 Dec', '4 Dec'])
})

test('what is over is each earlier try, and advice whose cause went before anybody tried, the newest first', () => {
  const attempt = (/** @type {number} */ until, /** @type {string} */ outcome) => ({ at: until - 5, until, outcome, sentence: `so ${outcome}`, experiment: null })
  const ends = endsOf([piece('a', 'open', 'info', { title: 'A', attempts: [attempt(10, 'ineffective'), attempt(30, 'dismissed')] }), piece('b', 'withdrawn', 'info', { title: 'B', updated: 20 }), piece('c', 'withdrawn', 'info', { title: 'C', updated: 50, attempts: [attempt(40, 'verified')] }), piece('d', 'open', 'info')])
  assert.deepEqual(ends.map(({ title, at, word, mark }) => [title, at, word, mark]), [['C', 40, 'helped', 'ok'], ['A', 30, 'dismissed', 'none'], ['B', 20, 'its cause is gone', 'none'], ['A', 10, 'no effect', 'none']])
})
