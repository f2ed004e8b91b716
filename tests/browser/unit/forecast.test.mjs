/**
 * Forecasts of a chart's lines: how far ahead, which line has which band, what is said of each.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drawnOf, horizonOf, mayForecast, turnOf, wordsOf } from '../../../web/dashboard/js/chart/forecast.js'

const DAY = 86_400
const NOW = new Date(2026, 10, 26, 12).getTime() / 1000
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {string} host @param {object} [more] @returns {any} */
const line = (host, more) => ({ key: host, name: host, colour: `--${host}`, before: false, series: { key: `cpu{host="${host}"}`, metric: { __name__: 'cpu', host } }, ...more })
/** @param {string} host @param {object} [more] @returns {any} */
const one = (host, more) => ({ metric: { __name__: 'cpu', host }, method: 'combination', t: [NOW + 60, NOW + 120], low: [-0.1, 0.1], mean: [0.2, 0.25], high: [0.4, 0.5], missing: null, ...more })
/** @param {any[]} series @returns {any} */
const answer = (...series) => ({ time: NOW, start: NOW - DAY, step: 60, horizon: 120, level: 0.8, total: series.length, series })

for (const [seconds, horizon] of [[60, 60], [3600, 1800], [DAY, DAY / 2], [400 * DAY, 90 * DAY]]) {
  test(`a period of ${seconds} s is looked ahead for ${horizon} s`, () => assert.equal(horizonOf(seconds), horizon))
}

test('a forecast is asked anew with each of its steps, and once a minute at the most', () => {
  assert.equal(turnOf(120, 1800) - turnOf(60, 1800), 1)
  assert.equal(turnOf(NOW + 1799, 48 * 3600) - turnOf(NOW, 48 * 3600), 0)
  assert.equal(turnOf(NOW + 1800, 48 * 3600) - turnOf(NOW, 48 * 3600), 1)
})

test('each line has the band and the mean of its own series, above zero where nothing is less', () => {
  const { bands, means } = drawnOf([answer(one('b'), one('a', { mean: [0.3, 0.3] }), one('c'))], [line('a'), line('b'), line('a', { before: true })], { unit: 'ratio' })
  assert.deepEqual(bands.map(({ name, low, high }) => [name, low, high]), [['a', [0, 0.1], [0.4, 0.5]], ['b', [0, 0.1], [0.4, 0.5]]])
  assert.deepEqual(means.map(({ colour, dashed, series }) => [colour, dashed, series.t.length, series.v]), [['--a', true, 2, [0.3, 0.3]], ['--b', true, 2, [0.2, 0.25]]])
  assert.deepEqual(drawnOf([answer(one('a'))], [line('a')], { unit: 'plain' }).bands[0].low, [-0.1, 0.1], 'others may be less than nothing')
  assert.deepEqual(drawnOf([], [line('a')], { unit: 'ratio' }), { bands: [], means: [] })
  assert.deepEqual(drawnOf([answer(one('a', { t: [], low: [], mean: [], high: [], method: null }))], [line('a')], { unit: 'ratio' }).bands, [])
})

for (const [more, words] of /** @type {Array<[object, string]>} */ ([
  [{}, 'Forecast: 25 % by 12:02; 80 of 100 means of 1 m should lie within 10 % and 50 % then (simple forecasts combined).'],
  [{ method: 'seasonal_naive' }, 'Forecast: 25 % by 12:02; 80 of 100 means of 1 m should lie within 10 % and 50 % then (as one season ago, which nothing was better than).'],
  [{ missing: 'too little of it is kept' }, 'Forecast: 25 % by 12:02; 80 of 100 means of 1 m should lie within 10 % and 50 % then (simple forecasts combined). No further: too little of it is kept.'],
  [{ t: [], low: [], mean: [], high: [], method: null, missing: '3 steps of 1m have samples; a forecast needs 12' }, 'Cannot be forecast yet: 3 steps of 1m have samples; a forecast needs 12'],
])) {
  test(`below a line stands: ${words}`, () => assert.equal(plain(wordsOf([answer(one('a', more))], [line('a')], { unit: 'ratio' }, NOW).get('a') ?? ''), words))
}

test('of more lines than can be told apart the first are forecast, and a line that was not asked for says so', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e']
  const answers = [answer(...hosts.map((host) => one(host)))]
  assert.equal(drawnOf(answers, hosts.map((host) => line(host)), { unit: 'ratio' }).bands.length, 4)
  assert.match(wordsOf(answers, hosts.map((host) => line(host)), { unit: 'ratio' }, NOW).get('e') ?? '', /more than 4 lines/)
  assert.match(wordsOf([answer(one('a'))], [line('z')], { unit: 'ratio' }, NOW).get('z') ?? '', /first 12/)
})

test('an interval is cut where no value can lie', () => {
  const wide = answer(one('a', { low: [-1, -1], mean: [0.5, 0.5], high: [2, 2] }))
  const of = (/** @type {any} */ spec) => drawnOf([wide], [line('a')], spec).bands.map(({ low, high }) => [low[0], high[0]])[0]
  assert.deepEqual([of({ unit: 'ratio', top: 1 }), of({ unit: 'ratio' }), of({ unit: 'plain', top: 1 })], [[0, 1], [0, 2], [-1, 2]])
  assert.match(plain(wordsOf([wide], [line('a')], { unit: 'ratio', top: 1 }, NOW).get('a') ?? ''), /within 0 % and 100 %/)
})

test('a stack is not forecast', () => {
  assert.deepEqual([mayForecast(/** @type {any} */ ({})), mayForecast(/** @type {any} */ ({ stacked: true }))], [true, false])
})
