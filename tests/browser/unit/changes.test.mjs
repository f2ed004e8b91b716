/**
 * Pictures that move on: which part changed, where whole pixels are, which parts of a line have a band.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { random } from './random.mjs'

const { Changes } = await import('../../../web/dashboard/js/chart/changes.js')
const { onPixels, ranges, stretches } = await import('../../../web/dashboard/js/chart/shape.js')

test('the first bucket that changed since any version is known, and all of them once too many changed', () => {
  const next = random(3)
  const changes = new Changes()
  /** @type {number[]} */
  const all = []
  for (let n = 0; n < 300; n += 1) {
    all.push(Math.floor(next() * 1000))
    changes.note(all[n])
    for (const before of [0, 1, 5, 63]) {
      if (before <= n) assert.equal(changes.since(n + 1 - before), before === 0 ? Infinity : Math.min(...all.slice(-before)))
    }
  }
  assert.equal(changes.since(10), -Infinity)
})

test('times that are any number of steps apart lie a whole number of pixels apart', () => {
  const next = random(4)
  for (let n = 0; n < 500; n += 1) {
    const [length, pixels, step] = [60 + Math.floor(next() * 86_400 * 30), 100 + Math.floor(next() * 3000), 1 + Math.floor(next() * 600)]
    const begun = 1_800_000_000 + next() * 1000
    const [start, end] = onPixels([begun - length, begun], pixels)
    assert.ok(end >= begun - (0.01 * length) / pixels - 1e-3 && end < begun + (1.01 * length) / pixels + 1e-3, 'it ends at the pixel of the end')
    const later = begun + step * (1 + Math.floor(next() * 500))
    const by = ((onPixels([later - length, later], pixels)[0] - start) * pixels) / length
    assert.ok(Math.abs(by - Math.round(by)) < 1e-3, `${by} pixels`)
  }
})

test('a stretch ends at a gap, at what is no number, and with the newest closed bucket', () => {
  const line = (/** @type {number[]} */ t, /** @type {Array<number|null>} */ v) => /** @type {any} */ ({ t, v })
  const cases = /** @type {Array<[number[], Array<number|null>, number, Array<[number, number]>]>} */ ([
    [[1, 2, 3, 4], [1, 1, 1, 1], Infinity, [[0, 3]]],
    [[1, 2, 3, 4], [1, 1, 1, 1], 3, [[0, 2]]],
    [[1, 2, 6, 7], [1, 1, 1, 1], Infinity, [[0, 1], [2, 3]]],
    [[1, 2, 3, 4], [1, null, 1, Infinity], Infinity, [[0, 0], [2, 2]]],
    [[1, 2, 3, 12, 13], [1, 1, 1, 1, 1], Infinity, [[0, 2], [3, 3]]],
  ])
  for (const [t, v, until, found] of cases) assert.deepEqual(stretches(line(t, v), 2, { from: 0, end: 10, until }), found)
})

test('a band runs from the neighbour before to the neighbour after what differs', () => {
  const series = /** @type {any} */ ({ count: [1, 1, 3, 1, 1, 1, 2, 2, 2], min: [0, 0, 1, 0, 0, 0, 1, 1, 1], max: [0, 0, 2, 0, 0, 0, 1, 4, 1] })
  assert.deepEqual(ranges(series, 0, 8, 0), [[1, 3], [6, 8]])
  assert.deepEqual(ranges(series, 2, 2, 0), [[2, 2]])
  assert.deepEqual(ranges(series, 3, 5, 0), [])
})
