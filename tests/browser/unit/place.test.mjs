/**
 * Addresses and periods: whatever is in view is in the address, and comes back out of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { go, pass, START } from './page.mjs'
import { random } from './random.mjs'

process.env.TZ = 'Europe/Berlin'
const { parse, print } = await import('../../../web/dashboard/js/address.js')
const { choiceOf, liveEnd, paramsOf, PRESETS, readTime, resolve, seconds, stepFor } = await import('../../../web/dashboard/js/period.js')
const place = await import('../../../web/dashboard/js/stores/place.js')
const { loginAddress } = await import('../../../web/dashboard/js/stores/login.js')

test('every page, item and parameter comes back out of its address', () => {
  for (const item of ['', '7', 'a/b', 'x?range=7d#y', '100 %', 'ß\u{1f600}', 'a+b&c']) {
    for (const query of ['', 'up', 'm{a="b"} > 1', 'a&b=c#d', 'x'.repeat(10_000)]) {
      /** @type {import('../../../web/dashboard/js/address.js').Address} */
      const address = { page: 'tasks', item, params: query ? { query } : {} }
      assert.deepEqual(parse(print(address)), address)
    }
  }
  for (const hash of ['', '#', '#/', '#/now']) assert.equal(parse(hash).page, 'now', hash)
  assert.equal(parse('#/series/%E0%A4%A').item, '%E0%A4%A', 'what is no text of its kind stays as it is')
})

test('times are read as people write them', () => {
  const now = Date.parse('2026-11-25T14:30:00+01:00') / 1000
  for (const [text, expected] of /** @type {Array<[string, string|null]>} */ ([
    ['now', '2026-11-25T14:30:00+01:00'], ['now-6h', '2026-11-25T08:30:00+01:00'], ['-90m', '2026-11-25T13:00:00+01:00'], ['14:00', '2026-11-25T14:00:00+01:00'],
    ['15:00', '2026-11-24T15:00:00+01:00'], ['yesterday', '2026-11-24T00:00:00+01:00'], ['today', '2026-11-25T00:00:00+01:00'], ['2026-11-20', '2026-11-20T00:00:00+01:00'],
    ['2026-11-20 08:15', '2026-11-20T08:15:00+01:00'], ['2026-11-20T08:15:30Z', '2026-11-20T08:15:30Z'], ['1764000000', new Date(1764000000e3).toISOString()],
    ['', null], ['noon', null], ['25:00', null], ['2026-13-01', null], ['now+1h', null], ['-', null], ['now-1y', null],
  ])) assert.equal(readTime(text, now), expected && Date.parse(expected) / 1000, text)
  assert.equal(readTime('14:00', now, true), Date.parse('2026-11-24T14:00:00Z') / 1000, 'in UTC it is not two yet')
  assert.deepEqual(['90m', '2d', '1w', '1.5h', '5', 'm', '-1h'].map(seconds), [5400, 172_800, 604_800, 5400, null, null, null])
})

test('a choice of time comes back out of the address, and one that says nothing is the last hour', () => {
  for (const choice of [{ from: 'now-6h', to: 'now' }, { from: '1764000000', to: '1764003600' }, { from: 'now-2d', to: 'now-1d' }]) assert.deepEqual(choiceOf(paramsOf(choice)), choice)
  for (const params of /** @type {Array<Record<string, string>>} */ ([{}, { range: 'x' }, { range: '' }, { to: 'now' }])) assert.deepEqual(choiceOf(params), { from: 'now-1h', to: 'now' })
  for (const [from, to] of [['soon', 'now'], ['now', 'now-1h'], ['now-1s', 'now'], ['1000000000', 'now']]) {
    assert.deepEqual(resolve({ from, to }, START), { start: START - 3600, end: START, live: true, words: 'last hour' }, `${from} ${to}`)
  }
  for (const [name, words] of PRESETS) assert.deepEqual(resolve({ from: `now-${name}`, to: 'now' }, START).words, words)
  assert.equal(resolve({ from: 'now-2d', to: 'now-1d' }, START).live, false)
})

test('a period has about a point for each pixel, at steps that divide hours and days', () => {
  const next = random(7)
  for (let n = 0; n < 500; n += 1) {
    const length = 10 ** (1 + next() * 6.5)
    const pixels = 100 + Math.floor(next() * 2000)
    const step = stepFor(length, pixels)
    assert.ok(86_400 % step === 0, `${step}`)
    assert.ok(length / step <= pixels || step === 86_400, `${length} s on ${pixels} pixels at ${step}`)
  }
})

test('a step holds as many samples as its neighbours where a near one does, and is never far longer for it', () => {
  for (const [length, pixels, sampling, expected] of [
    [3600, 400, 0, 10], [3600, 400, 5, 10], [3600, 400, 15, 10], [86_400, 400, 60, 240], [86_400, 400, 45, 900],
    [30 * 86_400, 400, 733, 7200], [86_400, 400, 7, 240], [14 * 3600, 360, 3607, 180], [400 * 86_400, 100, 7, 86_400],
  ]) assert.equal(stepFor(length, pixels, sampling), expected, `${length} s on ${pixels} pixels, a sample each ${sampling} s`)
})

test('a live chart ends with a closed bucket where they are short, and with the open one where they are long', () => {
  for (const [end, step, expected] of [[1003, 5, 1000], [1003, 1, 1003], [1003, 15, 990], [1003, 30, 1020], [1020, 30, 1020], [100_000, 3600, 100_800], [100_000, 86_400, 172_800]]) assert.equal(liveEnd(end, step), expected, `${end} at ${step}`)
})

test('a live end is near however long the period is, and nearer where only a part of it has data', () => {
  go('#/now?range=30d')
  for (let n = 0; n < 40; n += 1) {
    pass(97)
    const lag = Date.now() / 1000 - place.period.value.end
    assert.ok(lag >= 0 && lag <= 60, `${lag} s`)
  }
  place.dataStart.value = Date.now() / 1000 - 1800
  pass(97)
  const lag = Date.now() / 1000 - place.period.value.end
  place.dataStart.value = null
  assert.ok(lag >= 0 && lag <= 6, `${lag} s after half an hour`)
})

test('a live period moves on by a pixel at a time, a chosen one stands', () => {
  go('#/now?range=6h')
  const first = place.period.value
  pass(1)
  assert.equal(place.period.value, first, 'less than a pixel')
  pass(60)
  assert.ok(place.period.value.end > first.end && place.period.value.end - place.period.value.start === 21_600)
  place.zoom(START - 100, START - 40)
  const chosen = place.period.value
  pass(600)
  assert.deepEqual([place.period.value, chosen.start, chosen.end, chosen.live], [chosen, START - 100, START - 40, false])
  place.back()
  assert.equal(place.choice.value.from, 'now-6h', 'back to what was in view')
  place.back()
  assert.equal(place.choice.value.from, 'now-1h', 'and to the live hour in the end')
})

test('a view that stands still follows the time again, as long as it was', () => {
  go('#/now?range=6h')
  place.zoom(START - 100, START - 40)
  place.zoom(START - 90, START - 50)
  assert.equal(place.period.value.live, false)
  place.follow()
  assert.deepEqual([place.choice.value, place.period.value.live], [{ from: 'now-6h', to: 'now' }, true])
  place.setParams({ at: String(START - 500) })
  place.follow()
  assert.equal(place.place.value.params.at ?? '', '', 'a replay ends')
})

test('a gesture moves the view, and the address follows when it is over', () => {
  go('#/now?range=1h')
  const hash = location.hash
  place.move(START - 7200, START - 3600)
  assert.deepEqual([place.period.value.start, place.period.value.end, location.hash], [START - 7200, START - 3600, hash])
  place.move(START, START + 1)
  assert.equal(place.period.value.start, START - 7200, 'too short to be shown')
  place.commit()
  assert.deepEqual(place.choice.value, { from: String(START - 7200), to: String(START - 3600) })
  place.move(Date.now() / 1000 - 900, Date.now() / 1000 + 5)
  place.commit()
  assert.equal(place.choice.value.to, 'now', 'one that ends now is live again')
})

test('links keep the time and the board, and a login leads back to what is in view', () => {
  go('#/status?range=6h&board=x&q=y')
  assert.equal(place.address('tasks', '7'), '#/tasks/7?range=6h&board=x')
  assert.equal(place.historyOf('up'), '#/explore?range=6h&board=x&query=up')
  assert.equal(loginAddress.value, '/login#/status?range=6h&board=x&q=y')
  place.setParams({ q: '' })
  assert.equal(location.hash, '#/status?range=6h&board=x')
  go('#/status?range=6h')
})
