/**
 * Buckets of charts: loaded once, carried on by samples, asked anew where samples may have been missed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Socket, go, pass, rest, settle } from './page.mjs'

const { connect } = await import('../../../web/dashboard/js/stores/connection.js')
const { axis, expand, leave, watch } = await import('../../../web/dashboard/js/stores/buckets.js')
const { serverTime } = await import('../../../web/dashboard/js/stores/clock.js')

/** @typedef {{ query: string, start: number, end: number, step: number, limit: number }} Asked */
/** @type {Asked[]} */
const asked = []
/** What the service has: `[time, value]` by the text of the query. @type {Record<string, Array<[number, number]>>} */
const stored = {}

rest['/api/v1/buckets'] = (url) => {
  const of = (/** @type {string} */ name) => url.searchParams.get(name) ?? ''
  const [start, end, step] = ['start', 'end', 'step'].map((name) => Number(of(name)))
  asked.push({ query: of('query'), start, end, step, limit: Number(of('limit')) })
  /** @type {Map<number, number[]>} */
  const byEnd = new Map()
  for (const [t, v] of stored[of('query')] ?? []) {
    const bucket = Math.ceil(t / step) * step
    if (bucket >= start && bucket <= end) byEnd.set(bucket, [...(byEnd.get(bucket) ?? []), v])
  }
  const t = [...byEnd.keys()]
  const all = [...byEnd.values()]
  const row = { metric: { __name__: of('query') }, t, min: all.map((v) => Math.min(...v)), mean: all.map((v) => v.reduce((a, b) => a + b, 0) / v.length), max: all.map((v) => Math.max(...v)), last: all.map((v) => v.at(-1)), count: all.map((v) => v.length) }
  const total = several[of('query')] ?? 1
  const result = Array.from({ length: Math.min(total, Number(of('limit'))) }, (_, n) => (total === 1 ? row : { ...row, metric: { ...row.metric, n: String(n) } }))
  return { total, step, source: 'samples', result: t.length ? result : [] }
}

/** @param {string} name @param {number} t @param {number|string} v @param {boolean} [kept] whether the service has it too */
function come(name, t, v, kept = true) {
  if (kept && typeof v === 'number') (stored[name] ??= []).push([t, v])
  Socket.last().frame('samples', 'update', [{ metric: { __name__: name }, values: [[t, String(v)]] }])
}

const at = () => Math.floor(Date.now() / 1000)

/** Metrics with several series: how many. @type {Record<string, number>} */
const several = {}

test('a chart has what was loaded and then what comes live, each sample once', async () => {
  connect()
  Socket.last().open()
  go('#/system?range=1h')
  const begun = at()
  stored.load = Array.from({ length: 720 }, (_, n) => [begun - 3600 + n * 5 + 2, n])
  const held = watch({ query: 'load', pixels: 120 })
  assert.equal(watch({ query: 'load', pixels: 120 }), held, 'one for all who want it')
  leave({ query: 'load', pixels: 120 })
  await settle()
  assert.deepEqual([held.state, held.step, asked.length, asked[0].step], ['ready', 30, 1, 30])
  const [line] = held.lines.values()
  assert.equal(line.count.at(-1) ?? 0, stored.load.filter(([t]) => t > (line.t.at(-1) ?? 0) - 30).length)
  const all = () => line.count.reduce((a, b) => a + b, 0)
  const before = all()
  Socket.last().frame('samples', 'snapshot', [{ metric: { __name__: 'load' }, values: [[stored.load[719][0], '719']] }])
  assert.equal(all(), before, 'the snapshot says again what the answer had')
  pass(5)
  come('load', begun + 2, 1000)
  assert.deepEqual([all(), line.max.at(-1), line.last.at(-1)], [before + 1, 1000, 1000])
  come('load', begun + 3, 'NaN')
  come('other', begun + 3, 5)
  assert.equal(all(), before + 1, 'neither the end of a series nor another one')
  await settle()
  assert.equal(asked.length, 1, 'nothing was asked again')
  leave({ query: 'load', pixels: 120 })
})

test('a sample that an answer may have missed makes its bucket be asked anew', async () => {
  const held = watch({ query: 'load', pixels: 120 })
  await settle()
  const [line] = held.lines.values()
  const before = asked.length
  const t = (stored.load[719]?.[0] ?? 0) + 0.5
  stored.load.splice(720, 0, [t, 500])
  come('load', t, 500, false)
  await settle()
  assert.equal(asked.length, before, 'with those that come at nearly the same time')
  pass(1.5)
  await settle()
  assert.equal(asked.length, before + 1)
  const { start, end } = asked[before]
  assert.ok(end - start <= 60, `only the newest: ${end - start} s`)
  const [now] = held.lines.values()
  assert.equal(now, line)
  assert.ok(line.v.length > 100 && line.count.reduce((a, b) => a + b, 0) === stored.load.filter(([s]) => s > line.t[0] - 30).length)
  leave({ query: 'load', pixels: 120 })
})

test('after a loss only what was missed is asked for', async () => {
  const question = { query: 'load', pixels: 120 }
  const held = watch(question)
  await settle()
  pass(60)
  Socket.last().lose()
  stored.load.push([at() - 5, 42])
  while (Socket.last().readyState !== 0) pass(0.1)
  const before = asked.length
  Socket.last().open()
  await settle()
  assert.ok(asked.length > before)
  assert.ok(asked.at(-1) && asked[asked.length - 1].end - asked[asked.length - 1].start < 300)
  const [line] = held.lines.values()
  assert.equal(line.last.at(-1), 42)
  leave(question)
  come('load', at(), 7)
  assert.equal(line.last.at(-1), 42, 'nobody looks at it any more')
  const again = watch(question)
  assert.equal(again, held, 'what was held is in view at once')
  await settle()
  assert.equal([...held.lines.values()][0].last.at(-1), 7, 'and what was missed is loaded')
  leave(question)
})

test('a live axis begins where the data begins, with buckets that are as fine as that', async () => {
  go('#/system?range=24h')
  const begun = at()
  stored.young = Array.from({ length: 60 }, (_, n) => [begun - 600 + n * 10, n])
  const held = watch({ query: 'young', pixels: 300 })
  await settle()
  assert.ok(axis.value.young && Math.abs(axis.value.start - (begun - 600)) <= 300, `${axis.value.start - begun}`)
  assert.ok(held.step <= 10, `a step of ${held.step} s`)
  leave({ query: 'young', pixels: 300 })
  go(`#/system?from=${begun - 7200}&to=${begun}`)
  assert.deepEqual([axis.value.young, axis.value.start], [false, begun - 7200], 'a chosen period is as it was chosen')
})

test('of answers that came together each is read before any is asked for anew', async () => {
  const begun = at()
  go('#/system?range=2h')
  stored.few = [[begun - 400, 1], [begun - 390, 2]]
  stored.whole = Array.from({ length: 720 }, (_, n) => [begun - 7200 + n * 10, n])
  const from = asked.length
  const both = ['few', 'whole'].map((query) => watch({ query, pixels: 240 }))
  await settle()
  assert.deepEqual([both.map((b) => b.state), axis.value.young], [['ready', 'ready'], false])
  const texts = asked.slice(from).map(({ query, start, step }) => `${query} ${start} ${step}`)
  assert.equal(new Set(texts).size, texts.length, `the first answer alone would have made the axis short: ${texts}`)
  assert.deepEqual([...new Set(both.map((b) => b.step))], [30])
  for (const query of ['few', 'whole']) leave({ query, pixels: 240 })
})

test('half an hour after its start, a month shows all that there is, to the newest sample', async () => {
  go('#/system?range=30d')
  const begun = at()
  stored.fresh = Array.from({ length: 360 }, (_, n) => [begun - 1800 + n * 5, n])
  const held = watch({ query: 'fresh', pixels: 300 })
  await settle()
  pass(12)
  const { start, end, young } = axis.value
  assert.ok(young && start <= begun - 1800 && start > begun - 2000 && begun + 12 - end <= 15, `from ${start - begun} to ${end - begun}`)
  const [line] = held.lines.values()
  assert.ok(line.t.filter((t) => t > start && t <= end).length > 150, 'and the line is in it')
  leave({ query: 'fresh', pixels: 300 })
})

test('what is compared with is asked for its own time and drawn at that in view', async () => {
  const begun = at()
  go('#/system?range=1h')
  stored['a + b'] = [[begun - 86_400 - 600, 1], [begun - 300, 2]]
  const held = watch({ query: 'a + b', pixels: 120, offset: 86_400 })
  await settle()
  const [line] = held.lines.values()
  assert.deepEqual([line.v, Math.abs(line.t[0] - (begun - 600)) <= 30], [[1], true])
  leave({ query: 'a + b', pixels: 120, offset: 86_400 })
})

test('a chart that could not be loaded says why and tries again', async () => {
  const answer = rest['/api/v1/buckets']
  rest['/api/v1/buckets'] = () => Response.json({ status: 'error', errorType: 'execution', error: 'too many samples' }, { status: 422 })
  const held = watch({ query: 'heavy', pixels: 120 })
  await settle()
  assert.deepEqual([held.state, held.error], ['error', 'too many samples'])
  rest['/api/v1/buckets'] = answer
  pass(5)
  await settle()
  assert.equal(held.state, 'ready')
  leave({ query: 'heavy', pixels: 120 })
})

test('the window of a rate is as long as what lies between the instants that the service looks at', () => {
  assert.equal(expand('rate(x[$20s])', 3600), 'rate(x[20s])')
  assert.equal(expand('rate(x[$20s]) + rate(y[$60s])', 30 * 86_400), 'rate(x[236s]) + rate(y[236s])')
  assert.equal(expand('label_replace(x, "a", "$1", "b", "(.*)s")', 3600), 'label_replace(x, "a", "$1", "b", "(.*)s")')
  assert.ok(serverTime() > 0)
})

test('a few dozen series are one answer, from which the highest are chosen', async () => {
  go('#/system?range=1h')
  stored.dozens = Array.from({ length: 720 }, (_, n) => [at() - 3600 + n * 5 + 2, n])
  several.dozens = 40
  const before = asked.length
  const held = watch({ query: 'dozens', pixels: 120 })
  await settle()
  assert.deepEqual([held.state, held.lines.size, held.total, asked.length - before], ['ready', 40, 40, 1])
  leave({ query: 'dozens', pixels: 120 })
})
