/** Series of this machine, apart from those of others: whatever else sends metrics of the same names, the pages show this one's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MACHINE_CHARTS } from '../../../web/dashboard/js/chart/specs.js'
import { isOwn, isSole, own } from '../../../web/dashboard/js/own.js'
import { figuresOf } from '../../../web/dashboard/js/replay/rewind.js'
import { matches, parse } from '../../../web/dashboard/js/selector.js'
import { MORE_CHARTS } from '../../../web/dashboard/js/system/charts.js'

const CPU = 'system_cpu_utilization_ratio'
/** @param {Record<string, string>} labels */
const cpu = (labels) => ({ __name__: CPU, ...labels })
/** A service that was scraped, one that writes remotely, OpenTelemetry with and without an instance. */
const FOREIGN = [cpu({ job: 'node', instance: 'b:8090' }), cpu({ host: 'b' }), cpu({ host_name: 'b' }), cpu({ job: 'shop', cpu: '0' })]

test('a selector for what is this machine\'s finds no series of another', () => {
  for (const text of [CPU, `${CPU}{mode!="idle"}`]) {
    const selector = parse(own(text))
    assert.ok(selector, own(text))
    assert.ok(matches(selector, cpu({})), text)
    for (const metric of FOREIGN) assert.ok(!matches(selector, metric), `${text} ${JSON.stringify(metric)}`)
  }
  assert.ok(isOwn(cpu({})))
  for (const metric of FOREIGN) assert.ok(!isOwn(metric))
})

test('the one series of a metric has the labels that were asked for and no other', () => {
  assert.ok(isSole(cpu({})))
  assert.ok(!isSole(cpu({ state: 'user' })), 'OpenTelemetry has the same name with more labels')
  const disk = { __name__: 'system_filesystem_usage_bytes', mountpoint: '/', state: 'free' }
  assert.ok(isSole(disk, { mountpoint: '/', state: 'free' }))
  assert.ok(!isSole({ ...disk, mode: 'rw' }, { mountpoint: '/', state: 'free' }))
  assert.ok(!isSole(disk, { mountpoint: '/data', state: 'free' }))
})

test('no chart of the machine asks for series of another', () => {
  for (const { id, selectors, query } of [...MACHINE_CHARTS, ...MORE_CHARTS]) {
    for (const text of [...selectors, query ?? own('x')]) {
      const [named, apart] = [text.match(/\b(system|process|container)_\w+/g) ?? [], text.match(/instance=""/g) ?? []]
      assert.ok(apart.length >= named.length, `${id}: ${text}`)
    }
  }
})

test('what was at a moment is of this service, unless a label names another', () => {
  const figures = figuresOf([{ metric: cpu({ instance: 'b' }), t: 1, v: 0.9 }, { metric: cpu({}), t: 1, v: 0.1 }])
  assert.deepEqual(figures(CPU).map((s) => s.v), [0.1])
  assert.deepEqual(figures(CPU, { instance: 'b' }).map((s) => s.v), [0.9])
})
