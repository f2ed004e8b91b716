/**
 * Did it help? What of a chart is offered to be followed, and an experiment in words, figures and lines.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pictureOf, rangeOf } from '../../../web/dashboard/js/advice/before_after.js'
import { figures, nameOf, standing } from '../../../web/dashboard/js/advice/helped.js'
import { momentOf, offersOf } from '../../../web/dashboard/js/chart/helped.js'

/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {string} name @param {Record<string, string>} metric @param {boolean} [before] */
const line = (name, metric, before = false) => ({ name, before, series: { metric } })

test('each line of a chart is offered as a query that gives it alone', () => {
  const disks = [line('/', { __name__: 'disk', mountpoint: '/' }), line('/data', { __name__: 'disk', mountpoint: '/data' }), line('/', { __name__: 'disk', mountpoint: '/' }, true)]
  assert.deepEqual(offersOf({ title: 'Disk' }, disks, ['disk']), [{ words: '/', expr: 'disk{mountpoint="/"}' }, { words: '/data', expr: 'disk{mountpoint="/data"}' }])
  assert.deepEqual(offersOf({ title: 'All', query: 'sum(disk)' }, [line('all', {})], ['sum(disk)']), [{ words: 'All', expr: 'sum(disk)' }])
  const [first] = offersOf({ title: 'Network', query: 'q' }, [line('in', { direction: 'in' }), line('out', { direction: '$1 "x"' })], ['sum by (direction) (rate(n[20s]))'])
  assert.equal(first.expr, '(sum by (direction) (rate(n[20s]))) and on (direction) label_replace(vector(1), "direction", "in", "", "")')
  const [, odd] = offersOf({ title: 'Odd', query: 'q' }, [line('a', { a: '1' }), line('b', { 'a.b': '$1 "x"' })], ['n'])
  assert.equal(odd.expr, '(n) and on ("a.b") label_replace(vector(1), "a.b", "$$1 \\"x\\"", "", "")')
  assert.deepEqual(offersOf({ title: 'Load', query: 'q' }, [line('a', {})], ['a', 'b']), [], 'of several queries none is known to be meant')
})

test('a moment is a time that is over', () => {
  const noon = Date.UTC(2026, 10, 26, 12) / 1000
  assert.equal(momentOf('2026-11-26T11:30', noon, true), noon - 1800)
  assert.equal(momentOf('2026-11-26T12:30', noon, true), null)
  assert.equal(momentOf('', noon, true), null)
})

test('an experiment has its name, its word and its figures, and a dash where none are measured', () => {
  /** @type {any} */
  const measured = { before: { mean: 600 }, after: { mean: 480 }, ratio: { value: 0.8, low: 0.73, high: 1.05 }, difference: { low: -162, high: 30 }, metric: {}, unit_of: 'run_seconds' }
  const { means, interval } = figures(measured)
  assert.deepEqual([plain(means), plain(interval)], ['10 m → 8 m', '-27 % to +5 %'])
  assert.equal(plain(figures({ ...measured, ratio: null, unit_of: '' }).interval), '-162 to +30')
  assert.equal(plain(figures({ ...measured, control: 'avg(others)' }).interval), '-27 % to +5 % beside the others')
  assert.equal(figures({ ...measured, ratio: { value: 1, low: 0.001, high: 198_660_696 } }).interval, 'too wide an interval')
  assert.deepEqual(figures({ ...measured, before: null }), { before: '–', after: '–', means: '–', interval: '' })
  assert.equal(nameOf({ title: '', expr: 'up' }), 'up')
  assert.deepEqual([standing('verified').word, standing('regressed').mark, standing(/** @type {any} */ ('new')).word], ['helped', 'warning', 'not known'])
})

test('both sides of a change share one scale that holds zero, and the interval lies around the mean after it', () => {
  /** @type {any} */
  const compared = { pairs: [{ t: 0, before: 10, after: 5 }, { t: 1, before: 10, after: 5 }], before: { mean: 10 }, after: { mean: 5 }, ratio: { low: 0.4, high: 0.6 }, difference: { low: -7, high: -3 } }
  assert.deepEqual(rangeOf(compared), [4, 6])
  assert.deepEqual(rangeOf({ ...compared, ratio: null }), [3, 7], 'where there is no ratio the difference says it')
  assert.equal(rangeOf({ ...compared, before: null }), null)
  const { before, after, meanBefore, meanAfter, interval } = pictureOf(compared, 100, 26)
  assert.deepEqual([meanBefore, meanAfter], ['M0.0 3.0h48.0', 'M52.0 13.0h48.0'])
  assert.equal(before.split('M').length - 1, 2)
  assert.match(before, /^M3\.6 23\.0h16\.8V3\.0/)
  assert.match(after, /V13\.0/)
  assert.equal(interval, 'M52.0 11.0h48.0V15.0h-48.0Z')
  for (const path of Object.values(pictureOf({ ...compared, pairs: [{ t: 0, before: 0, after: 0 }], before: { mean: 0 }, after: { mean: 0 }, difference: { low: 0, high: 0 }, ratio: null }, 100, 23))) assert.doesNotMatch(String(path), /NaN/)
})
