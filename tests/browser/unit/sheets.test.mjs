/**
 * What is sent to where charts are drawn: the same as the page has, and no more than what changed; and the times that an axis names.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { random as randomOf } from './random.mjs'

process.env.TZ = 'Europe/Berlin'
globalThis.document = /** @type {any} */ ({ visibilityState: 'visible', addEventListener: () => undefined })
const { Changes } = await import('../../../web/dashboard/js/chart/changes.js')
const { addEnds, addTail, emptyColumns, emptyEnds, Tape } = await import('../../../web/dashboard/js/chart/columns.js')
const { steadyScale } = await import('../../../web/dashboard/js/chart/scale.js')
const { addSample, emptySeries, trimSeries } = await import('../../../web/dashboard/js/chart/series.js')
const { sheets } = await import('../../../web/dashboard/js/chart/sheet.js')
const { roundTimes } = await import('../../../web/dashboard/js/chart/times.js')

const STEP = 5
const WORDS = { widthOf: (/** @type {string} */ text) => 6 * text.length, colour: (/** @type {string} */ name) => name, markOf: String, weightOf: () => 'info' }
const SIZE = { width: 800, height: 150, ratio: 1 }

/** What is on a tape, as another thread has it: with its memory. @param {InstanceType<typeof Tape>} tape */
const handed = (tape) => {
  const numbers = tape.take()
  return structuredClone(numbers, { transfer: [numbers.buffer] })
}

/** As plain lists. @param {Record<string, Float64Array>} columns */
const listed = (columns) => Object.fromEntries(Object.entries(columns).map(([name, list]) => [name, [...list]]))

/** @param {import('../../../web/dashboard/js/chart/series.js').Series} series @param {InstanceType<typeof Changes>} changes @param {number} now @returns {import('../../../web/dashboard/js/chart/sheet.js').Picture} */
const pictureOf = (series, changes, now) => ({
  lines: [{ series, changes, colour: '--data', step: STEP, gap: 20, dashed: false }], stack: null, bands: [], thresholds: [], events: [], marked: null, span: [now - 3600, now], live: true, utc: true,
})

test('a painter has the buckets of the page, whatever is added, changed, trimmed or loaded anew', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = randomOf(seed)
    const next = sheets('plain', steadyScale('plain', { top: 100 }), WORDS)
    const columns = emptyColumns()
    let series = emptySeries({ n: 'a' })
    let changes = new Changes()
    let now = 1_800_000_000
    for (let n = 0; n < 200; n += 1) {
      now += STEP * Math.floor(random() * 3)
      for (let samples = Math.floor(random() * 3); samples > 0; samples -= 1) {
        const t = now - (random() < 0.2 ? Math.floor(random() * 300) : 0)
        addSample(series, t, random() < 0.05 ? Infinity : 100 * random(), STEP)
        changes.note(Math.ceil(t / STEP) * STEP)
      }
      if (random() < 0.1) trimSeries(series, now - 500)
      if (random() < 0.02) [series, changes] = [emptySeries({ n: 'a' }), new Changes()]
      if (random() < 0.3) continue
      const tape = new Tape()
      const [tail] = next(pictureOf(series, changes, now), SIZE, tape).sheet.tails
      addTail(columns, tail, handed(tape))
      assert.deepEqual(listed(columns), { t: series.t, v: series.v.map((v) => v ?? NaN), min: series.min, max: series.max, count: series.count }, `seed ${seed}, step ${n}`)
    }
  }
})

test('a tape that was handed over, full or empty, is written on anew', () => {
  const tape = new Tape()
  assert.deepEqual([...handed(tape)], [])
  for (let n = 1; n <= 3; n += 1) {
    tape.add([0, n, null, 5], 1)
    tape.add(Array(2000).fill(n), 1990)
    assert.deepEqual([...handed(tape)], [n, NaN, 5, ...Array(10).fill(n)])
    assert.equal(tape.length, 0)
  }
})

test('a beat is sent as the buckets that changed, and nothing of what stays', () => {
  const next = sheets('plain', steadyScale('plain', { top: 100 }), WORDS)
  const series = emptySeries({ n: 'a' })
  const changes = new Changes()
  for (let n = 0; n < 720; n += 1) addSample(series, 1_800_000_000 + n * STEP, 50, STEP)
  const send = (/** @type {number} */ now) => {
    const tape = new Tape()
    return { ...next(pictureOf(series, changes, now), SIZE, tape).sheet, numbers: tape.length }
  }
  const first = send(1_800_003_595)
  assert.deepEqual([first.numbers, first.fixed?.lines.length], [720 * 5, 1])
  addSample(series, 1_800_003_600, 51, STEP)
  changes.note(1_800_003_600)
  const beat = send(1_800_003_600)
  assert.deepEqual([beat.numbers, beat.fixed, beat.tails[0].from], [5, null, 1_800_003_600])
  addSample(series, 1_800_003_605, 500, STEP)
  changes.note(1_800_003_605)
  assert.ok((send(1_800_003_605).fixed?.axis.high ?? 0) > 500, 'another scale is sent')
})

test('of a band that is made anew at each beat, what changed is sent', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = randomOf(seed)
    const next = sheets('plain', steadyScale('plain', { top: 100 }), WORDS)
    const [series, changes, ends] = [emptySeries({ n: 'a' }), new Changes(), emptyEnds()]
    /** @type {Array<[number, number|null, number|null]>} */
    const all = []
    let sent = 0
    for (let n = 0; n < 300; n += 1) {
      if (random() < 0.5) all.push([1_800_000_000 + n * STEP, random() < 0.1 ? null : 10 * random(), random() < 0.1 ? null : 90])
      // A gap is an end without values at the time of the one before it.
      if (random() < 0.1 && all.length > 0) all.push([all[all.length - 1][0], null, null])
      if (random() < 0.1 && all.length > 0) all[all.length - 1] = [all[all.length - 1][0], 5, 60]
      if (random() < 0.1) all.splice(0, all.findIndex(([t]) => t !== all[0]?.[0]))
      const [t, low, high] = [all.map((e) => e[0]), all.map((e) => e[1]), all.map((e) => e[2])]
      const tape = new Tape()
      const { sheet } = next({ ...pictureOf(series, changes, 1_800_003_600), bands: [{ name: 'expected', t, low, high }] }, SIZE, tape)
      sent += tape.length
      addEnds(ends, sheet.bands[0], handed(tape))
      assert.deepEqual(listed(ends), { t, low: low.map((v) => v ?? NaN), high: high.map((v) => v ?? NaN) }, `seed ${seed}, step ${n}`)
      if (n > 0) assert.equal(sheet.fixed, null, 'the rest stays')
    }
    assert.ok(sent < 300 * 3 * 4, `${sent} numbers of 300 beats`)
  }
})

const at = (/** @type {string} */ text) => Date.parse(text) / 1000
const clock = (/** @type {number} */ t) => new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }).format(t * 1000)

test('an axis names round times of the zone, far enough apart', () => {
  const hour = roundTimes(at('2026-11-26T10:03:00Z'), at('2026-11-26T11:03:00Z'), 700, true)
  assert.deepEqual(hour.map((t) => (t / 60) % 60), [10, 20, 30, 40, 50, 0])
  assert.deepEqual(roundTimes(at('2026-11-26T10:00:00Z'), at('2026-11-27T10:00:00Z'), 700, false).map(clock).slice(0, 3), ['26/11, 12:00', '26/11, 15:00', '26/11, 18:00'])
  // Clocks are put back: days have their midnights all the same, and no time is named twice.
  assert.deepEqual(roundTimes(at('2026-10-23T10:00:00Z'), at('2026-10-27T10:00:00Z'), 400, false).map(clock), ['24/10, 00:00', '25/10, 00:00', '26/10, 00:00', '27/10, 00:00'])
  const back = roundTimes(at('2026-10-24T20:00:00Z'), at('2026-10-25T06:00:00Z'), 900, false)
  assert.ok(back.every((t, i) => i === 0 || t > back[i - 1]))
  assert.deepEqual(roundTimes(at('2026-01-10T00:00:00Z'), at('2026-12-10T00:00:00Z'), 700, true).map((t) => new Date(t * 1000).toISOString().slice(0, 10)), ['2026-03-01', '2026-05-01', '2026-07-01', '2026-09-01', '2026-11-01'])
})

test('times of any stretch are as far apart as labels need', () => {
  const random = randomOf(7)
  for (let n = 0; n < 500; n += 1) {
    const start = 1_700_000_000 + random() * 1e8
    const length = 30 * 10 ** (random() * 6)
    const width = 200 + random() * 1500
    const times = roundTimes(start, start + length, width, random() < 0.5)
    for (let i = 1; i < times.length; i += 1) assert.ok(((times[i] - times[i - 1]) / length) * width > 60, `${length} s on ${width} px`)
    assert.ok(times.length >= Math.floor(width / 72 / 4), `some are named: ${times.length} for ${length} s on ${width} px`)
  }
})
