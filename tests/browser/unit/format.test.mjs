/**
 * Numbers, times and spans as text.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random } from './random.mjs'

// Before the first import: time formats take the zone once.
process.env.TZ = 'Europe/Berlin'
const format = await import('../../../web/dashboard/js/format.js')

/** @param {string} text */
const plain = (text) => text.replace(/[\u00a0\u202f]/g, ' ')

test('figures have at most three digits that count, and their unit', () => {
  /** @type {Array<[(...args: any[]) => string, unknown[], string]>} */
  const cases = [
    [format.percent, [0.612], '61 %'], [format.percent, [0.0941], '9.4 %'], [format.percent, [0.002], '0.2 %'], [format.percent, [1], '100 %'], [format.percent, [0], '0 %'],
    [format.percent, [-0.05], '-5 %'], [format.percent, [0.0996], '10 %'], [format.percent, [0.00000123], '0.000123 %'],
    [format.bytes, [0], '0 B'], [format.bytes, [1_288_490_188], '1.2 GiB'], [format.bytes, [1000], '0.977 KiB'], [format.bytes, [131_072], '128 KiB'],
    [format.bytes, [-2048], '-2 KiB'], [format.bytes, [2 ** 70], '1 048 576 PiB'],
    [format.span, [430], '7 m 10 s'], [format.span, [0], '0 s'], [format.span, [0.212], '212 ms'], [format.span, [0.0000012], '1.2 µs'], [format.span, [1.3e-9], '1.3 ns'], [format.span, [3600], '1 h'], [format.span, [273_600], '3 d 4 h'],
    [format.span, [59.7], '1 m'], [format.span, [86_400 + 30], '1 d'], [format.span, [-90], '1 m 30 s'], [format.span, [9.6], '9.6 s'],
    [format.digits, [12_345.6], '12 346'], [format.digits, [999.6], '1 000'], [format.digits, [-1234], '-1 234'], [format.digits, [0.001], '0.001'], [format.digits, [0.0000012], '0.0000012'], [format.digits, [3e-12], '3.00e-12'], [format.digits, [1e18], '1.00e+18'],
    [format.count, [1, 'thing'], '1 thing'], [format.count, [2, 'thing'], '2 things'], [format.count, [0, 'thing'], '0 things'], [format.count, [1234, 'child', 'children'], '1 234 children'],
    [format.ago, [2], 'just now'], [format.ago, [3400], '56 m ago'], [format.ago, [-9], 'just now'],
    [format.money, [4.1, 'USD'], '$4.10'], [format.money, [0, 'EUR'], '€0.00'], [format.money, [0.00341, 'USD'], '$0.00341'], [format.money, [1234.5, 'USD'], '$1 235'], [format.money, [-2, 'USD'], '-$2.00'], [format.money, [4.1, 'CHF'], '4.10 CHF'], [format.money, [4.1, null], '4.10'],
    [format.age, [-5], '0 s'], [format.age, [59.9], '59 s'], [format.age, [60], '1 m'], [format.age, [7199], '1 h'], [format.age, [172_800], '2 d'],
  ]
  for (const [write, args, expected] of cases) assert.equal(plain(write(...args)), expected, `${write.name}(${JSON.stringify(args)})`)
})

test('what is no number is a dash in every unit', () => {
  const units = /** @type {const} */ (['ratio', 'bytes', 'seconds', 'count', 'bytes_per_second', 'per_day', 'score', 'plain'])
  for (const unit of units) {
    for (const none of [null, undefined, NaN, Infinity, -Infinity]) assert.equal(format.format(none, unit), format.DASH, `${none} ${unit}`)
    assert.notEqual(format.format(0, unit), format.DASH, unit)
  }
  assert.equal(format.format(Number.MAX_SAFE_INTEGER, 'score'), '9007199254740991')
  assert.equal(plain(format.format(1536, 'bytes_per_second')), '1.5 KiB/s')
  assert.equal(plain(format.format(2.5, 'per_day')), '2.5 a day')
})

test('a figure that is read back is within one in a hundred of what was written', () => {
  const next = random(1)
  for (let n = 0; n < 2000; n += 1) {
    const value = (next() < 0.5 ? -1 : 1) * 10 ** (next() * 9)
    const text = format.digits(value)
    const read = Number(text.replaceAll('\u202f', ''))
    assert.ok(Math.abs(read - value) <= Math.abs(value) * 0.01 + 0.005, `${value}: ${text}`)
    assert.ok(!text.includes('e'), text)
  }
})

test('the unit of a metric follows from the end of its name', () => {
  for (const [name, unit] of [
    ['taskpulse_health_score', 'score'], ['system_cpu_utilization_ratio', 'ratio'], ['system_memory_usage_bytes', 'bytes'], ['system_disk_io_bytes_total', 'bytes'],
    ['probe_duration_seconds', 'seconds'], ['process_cpu_seconds_total', 'seconds'], ['taskmaster_queue_depth', 'plain'], ['ratio', 'plain'], ['', 'plain'],
  ]) assert.equal(format.unitOf(name), unit, name)
})

test('times are those of the clock on the wall, also where it is put forward and back', () => {
  const at = (/** @type {string} */ time) => Date.parse(time) / 1000
  for (const [time, expected] of [
    ['2026-03-29T00:59:59Z', '01:59:59'], ['2026-03-29T01:00:00Z', '03:00:00'],
    ['2026-10-25T00:30:00Z', '02:30:00'], ['2026-10-25T01:30:00Z', '02:30:00'], ['2026-10-25T02:30:00Z', '03:30:00'],
  ]) assert.equal(format.exactTime(at(time)), expected, time)
  assert.equal(format.clockTime(at('2026-11-24T13:02:31Z')), '14:02')
  // 23 hours after a midnight, on the day that has 25.
  const midnight = at('2026-10-24T22:00:00Z')
  assert.equal(format.since(midnight, midnight + 24.5 * 3600), '00:00')
  assert.equal(plain(format.since(midnight, midnight + 25 * 3600)), '25 Oct 00:00')
})

test('a date says the time today, the day on another day, the year in another year, and never wraps', () => {
  const at = (/** @type {string} */ time) => Date.parse(time) / 1000
  const now = at('2026-11-26T12:00:00Z')
  for (const [t, expected] of /** @type {Array<[string, string]>} */ ([['2026-11-26T08:05:00Z', '09:05'], ['2026-11-25T08:05:00Z', '25 Nov 09:05'], ['2025-11-26T08:05:00Z', '26 Nov 2025 09:05'], ['2026-12-01T08:05:00Z', '1 Dec 09:05']])) {
    assert.equal(plain(format.since(at(t), now)), expected)
    assert.ok(!format.since(at(t), now).includes(' '), 'no place to wrap')
  }
  assert.equal(plain(format.between(at('2026-11-26T19:50:00Z'), at('2026-11-26T22:10:00Z'), now)), '20:50–23:10')
  assert.equal(plain(format.between(at('2026-11-26T19:50:00Z'), at('2026-11-27T22:10:00Z'), now)), '20:50 – 27 Nov 23:10')
})

test('names of others are short in a sentence and cannot turn the words around them', () => {
  assert.equal(format.quoted('shop'), 'shop')
  assert.equal([...format.quoted('x'.repeat(10_000))].length, 60)
  assert.equal(format.clip('👍'.repeat(200), 5), '👍👍👍👍…')
  assert.equal(format.clip('short', 5), 'short')
  assert.equal(format.quoted('a\u202eb'), '\u2068ab\u2069')
  assert.equal(format.quoted('שלום'), '\u2068שלום\u2069')
})

test('what the service says begins with a capital', () => {
  assert.deepEqual([format.capital('no board here'), format.capital(null), format.capital('')], ['No board here', '', ''])
})

test('what several parts say becomes sentences', () => {
  assert.equal(format.sentences(['one', null, '', undefined, 'two.', 'three:', 'four…']), 'one. two. three: four…')
  assert.equal(format.sentences([]), '')
})
