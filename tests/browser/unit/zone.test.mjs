/**
 * Clock times and dates in the zone that the reader chose.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

// Before the first import: time formats take the browser's zone once.
process.env.TZ = 'Asia/Kolkata'
const format = await import('../../../web/dashboard/js/format.js')
const { offsetAt, utc } = await import('../../../web/dashboard/js/zone.js')
const { resolve } = await import('../../../web/dashboard/js/period.js')

/** @param {string} time */
const at = (time) => Date.parse(time) / 1000
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')

test('every clock time and date follows the choice of zone', () => {
  const now = at('2026-11-26T12:00:00Z')
  const late = at('2026-11-26T20:15:09Z')
  const cases = /** @type {Array<[string, () => string, string, string]>} what is written, here (five and a half hours ahead), in UTC */ ([
    ['clock time', () => format.clockTime(late), '01:45', '20:15'],
    ['with seconds', () => format.exactTime(late), '01:45:09', '20:15:09'],
    ['date', () => format.day(late), '27 Nov', '26 Nov'],
    ['since, the same day or the next', () => format.since(late, now), '27 Nov 01:45', '20:15'],
    ['since, in another year', () => format.since(at('2025-12-31T20:00:00Z'), at('2026-01-01T10:00:00Z')), '01:30', '31 Dec 2025 20:00'],
    ['from one time to another', () => format.between(now, late, now), '17:30 – 27 Nov 01:45', '12:00–20:15'],
    ['a period in words', () => resolve({ from: String(now), to: String(late) }, now, utc.value).words, '17:30 to 27 Nov 01:45', '12:00 to 20:15'],
    ['seconds ahead of UTC', () => String(offsetAt(now)), '19800', '0'],
  ])
  for (const [words, write, own, universal] of cases) {
    utc.value = false
    assert.equal(plain(write()), own, words)
    utc.value = true
    assert.equal(plain(write()), universal, `${words}, UTC`)
  }
})
