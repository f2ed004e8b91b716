/**
 * A live chart that was moved on step by step is the same picture, pixel by pixel, as one that is drawn as a whole.
 *
 * Drawn from the sources as they are, without a service: the series are the test's own.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { launch } from './browser.mjs'
import { freePort, until } from './service.mjs'

/** @type {import('playwright-core').Browser} */
let browser
/** @type {import('node:child_process').ChildProcess} */
let sources
let url = ''

before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  sources = spawn(process.execPath, [path.join(path.dirname(fileURLToPath(import.meta.url)), 'serve_sources.mjs'), '--service', 'http://127.0.0.1:9', '--port', String(port)], { stdio: 'ignore' })
  await until('the sources are served', async () => (await fetch(`${url}/tokens.css`)).ok)
  browser = await launch()
})
after(async () => {
  await browser.close()
  sources.kill()
})

/**
 * @typedef {{ width: number, length: number, step: number, every: number, steps: number, lines: number, holes: number, spread: boolean, late?: number, events?: boolean, band?: boolean, seed: number }} Course
 *   `band`: of where the first line is expected, which stops now and then; `every`: seconds between samples; `holes`: how probable it is that some are lost; `spread`: several samples a bucket that differ; `late`: how often an older bucket changes
 */

/** Moves a chart on and compares it with one that is drawn anew. @param {import('playwright-core').Page} page @param {Course} course */
const follow = (page, course) => page.evaluate(async ({ width, length, step, every, steps, lines, holes, spread, late = 0, events = false, band = false, seed }) => {
  const load = (/** @type {string} */ module) => import(module)
  const [{ WORDS }, { sheets }, { painterOf }, { steadyScale }, { Changes }, { addSample, emptySeries, trimSeries }, { Tape }] = await Promise.all(
    ['plot', 'sheet', 'paint', 'scale', 'changes', 'series', 'columns'].map((name) => load(`/js/chart/${name}.js`)))
  let state = seed
  const random = () => { state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; return state / 2 ** 32 }
  const begun = 1_800_000_000 + Math.floor(random() * 1000)
  const all = Array.from({ length: lines }, (_, n) => ({ series: emptySeries({ n: String(n) }), changes: new Changes(), silent: 0, value: 20 + 60 * random() }))
  /** @param {number} t */
  const sample = (t) => {
    for (const line of all) {
      if (line.silent > 0) { line.silent -= 1; continue }
      if (random() < holes) line.silent = 1 + Math.floor(random() * 12)
      line.value = Math.min(99, Math.max(1, line.value + 10 * (random() - 0.5)))
      for (const part of spread ? [0, 0.3, 0.6] : [0]) {
        // A spike of a moment, an infinity, a flat stretch.
        const v = random() < 0.01 ? 99.5 : random() < 0.005 ? Infinity : random() < 0.3 ? Math.round(line.value / 10) * 10 : line.value + part * 3
        addSample(line.series, t + part * every, v, step)
        line.changes.note(Math.ceil((t + part * every) / step) * step)
      }
      if (random() < late && line.series.t.length > 30) {
        const at = line.series.t[line.series.t.length - 1 - Math.floor(random() * 20)]
        addSample(line.series, at, 5, step)
        line.changes.note(at)
      }
    }
  }
  let now = begun - length
  const marks = events ? Array.from({ length: 40 }, (_, n) => ({ id: String(n), time: begun - length + n * length / 20, source: 'x', kind: 'alert', severity: 'warning', subject: 'x', title: 'x', data: {} })) : []
  /** @type {{ name: string, t: number[], low: Array<number|null>, high: Array<number|null> }} */
  const ends = { name: 'expected', t: [], low: [], high: [] }
  const expect = (/** @type {number} */ t) => {
    if (!band || random() < 0.1) return
    const known = random() > 0.03
    ends.t.push(Math.ceil(t / (4 * step)) * 4 * step)
    ends.low.push(known ? 20 + 5 * random() : null)
    ends.high.push(known ? 70 + 5 * random() : null)
  }
  /** As the page makes it: anew each time, the newest of each time. */
  const bands = () => {
    const kept = ends.t.flatMap((t, i) => (t > now - length - 8 * step && t !== ends.t[i + 1] ? [i] : []))
    return band ? [{ name: ends.name, t: kept.map((i) => ends.t[i]), low: kept.map((i) => ends.low[i]), high: kept.map((i) => ends.high[i]) }] : []
  }
  const picture = () => ({
    lines: all.map(({ series, changes }, n) => ({ series, changes, colour: `--series-${n + 1}`, step, gap: Math.max(step, every) * 3.5, dashed: false })),
    stack: null, bands: bands(), thresholds: [{ value: 42, severity: 'warning' }], events: marks, marked: null,
    span: [Math.floor(now / step) * step - length, Math.floor(now / step) * step], live: true, utc: true,
  })
  for (; now < begun; now += every) { sample(now); expect(now) }
  const scaleOf = steadyScale('plain', { top: 100 })
  const size = { width, height: 150, ratio: devicePixelRatio }
  /** A chart as it is drawn: sheets that go to a painter as they go to the worker. */
  const chart = () => {
    const canvas = document.createElement('canvas')
    const next = sheets('plain', scaleOf, WORDS)
    const paint = painterOf(canvas)
    return { pen: /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')), show: () => {
      const tape = new Tape()
      const { sheet } = next(picture(), size, tape)
      return paint(structuredClone(sheet), tape.take())
    } }
  }
  const { pen, show } = chart()
  show()
  let whole = 0
  for (let n = 0; n < steps; n += 1) {
    sample(now)
    expect(now)
    now += every
    for (const { series } of all) trimSeries(series, now - length - 2 * step)
    if (show()) whole += 1
  }
  const pixels = (/** @type {CanvasRenderingContext2D} */ { canvas }) => canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? new Uint8ClampedArray()
  const moved = pixels(pen)
  const fresh = chart()
  fresh.show()
  const anew = pixels(fresh.pen)
  const { width: across, height: down } = pen.canvas
  // As it is seen on paper: a colour that nearly nothing is painted with is known to few bits. Soft edges of a path depend on how much of it is
  // drawn at once, so a pixel is compared together with its neighbours: those differences level out, a piece of a line too much or too few does not.
  /** @param {Uint8ClampedArray} data @param {number} x @param {number} y */
  const seen = (data, x, y) => {
    let sum = 0
    for (let n = -1; n <= 1; n += 1) for (let m = -1; m <= 1; m += 1) {
      const at = ((y + n) * across + x + m) * 4
      sum += (data[at] * data[at + 3]) / 255 + data[at + 3]
    }
    return sum
  }
  let [most, differ] = [0, 0]
  let where = ''
  for (let y = 1; y < down - 1; y += 1) for (let x = 1; x < across - 1; x += 1) {
    const by = Math.abs(seen(moved, x, y) - seen(anew, x, y))
    if (by > 510) differ += 1
    if (by > most) [most, where] = [by, `${x} ${y} of ${across} ${down}`]
  }
  const ink = anew.reduce((/** @type {number} */ sum, /** @type {number} */ v, /** @type {number} */ i) => sum + (i % 4 === 3 && v > 0 ? 1 : 0), 0)
  return { most, differ, where, whole, ink, moved: pen.canvas.toDataURL(), anew: fresh.pen.canvas.toDataURL() }
}, course)

/** @type {Array<[string, Partial<Course>]>} */
const COURSES = [
  ['an hour, a sample a bucket', {}],
  ['gaps and values that stand alone', { holes: 0.08 }],
  ['many samples a bucket, with bands', { length: 6 * 3600, step: 30, every: 5, spread: true }],
  ['samples rarer than buckets', { every: 15 }],
  ['buckets of many pixels', { length: 900, step: 30, every: 30, width: 1100 }],
  ['four lines with gaps and events', { lines: 4, holes: 0.05, events: true, spread: true }],
  ['a band of what is expected', { band: true }],
  ['older buckets that change', { late: 0.1, spread: true }],
]
for (const scale of [1, 1.25, 2]) {
  test(`a chart after 500 steps is the picture that is drawn anew, at ${scale} device pixels a pixel`, async () => {
    const context = await browser.newContext({ viewport: { width: 1300, height: 600 }, deviceScaleFactor: scale })
    const page = await context.newPage()
    await page.goto(url)
    for (const [what, course] of scale === 1 ? COURSES : COURSES.filter(([, { lines, spread, late, band }]) => lines || band || (spread && !late))) {
      for (const seed of scale === 1 ? [1, 2] : [3]) {
        const found = await follow(page, { width: 700, length: 3600, step: 5, every: 5, steps: 500, lines: 1, holes: 0, spread: false, seed, ...course })
        assert.ok(found.ink > 3000, `${what}: something is drawn (${found.ink})`)
        if (process.env.PICTURES && found.differ > 0) {
          const { writeFile } = await import('node:fs/promises')
          for (const name of /** @type {const} */ (['moved', 'anew'])) await writeFile(path.join(process.env.PICTURES, `${scale}-${seed}-${name}.png`), Buffer.from(found[name].split(',')[1], 'base64'))
        }
        if (process.env.PICTURES) console.log(what, seed, found.differ, found.most, found.where, found.whole, found.ink)
        assert.equal(found.differ, 0, `${what}, seed ${seed}: ${found.differ} places differ, by ${found.most} at ${found.where}, after ${found.whole} whole pictures`)
        assert.ok(found.whole <= (course.late ? 60 : 5), `${what}: it was moved, not drawn anew (${found.whole} times of 500)`)
      }
    }
    await context.close()
  })
}
