/** The first figures: the plain script that runs before the page's own writes them as the page does, and nothing that is old or of others. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import vm from 'node:vm'
import { percent } from '../../../web/dashboard/js/format.js'
import { own } from '../../../web/dashboard/js/own.js'

const source = readFileSync(new URL('../../../web/dashboard/js/boot.js', import.meta.url), 'utf8')
const CPU = 'system_cpu_utilization_ratio'

/** Runs the script, lets a frame arrive, and gives what stands in the place of the CPU. @param {object} frame */
function shown(frame) {
  const place = { textContent: '–', className: 'figure figure-none' }
  /** @type {any} */
  let socket
  const window = {}
  vm.runInNewContext(source, {
    document: { documentElement: { dataset: { state: 'connecting' } }, querySelector: (/** @type {string} */ selector) => (selector === `[data-first="${CPU}"]` ? place : null) },
    requestAnimationFrame: () => 0, setTimeout: () => 0, location: { hash: '', origin: 'http://here' }, localStorage: { getItem: () => null }, window,
    WebSocket: class { constructor() { socket = this } },
  })
  const early = /** @type {any} */ (window).taskpulseEarly
  socket.onmessage({ data: JSON.stringify({ id: 1, type: 'snapshot', seq: 0, time: 1000, ...frame }) })
  asked = early.wants[1].match
  return [place.textContent, place.className, early.heard.length]
}
/** What it subscribed to last. @type {string[]} */
let asked = []
/** @param {string} value @param {number} [at] @param {object} [more] */
const cpu = (value, at = 990, more = {}) => ({ data: [{ metric: { __name__: CPU, ...more }, values: [[at, value]] }] })

test('the first figures are written as the page writes them', () => {
  for (const value of [0, 0.0004, 0.00123, 0.0567, 0.0999, 0.1, 0.874, 1, 1.25]) {
    assert.deepEqual(shown(cpu(String(value))), [percent(value), 'figure', 1], String(value))
  }
})

test('series of this machine alone are subscribed to, as the page asks for them', () => {
  shown({ data: [] })
  assert.ok(asked.includes(own(CPU)) && asked.includes(own('system_memory_usage_bytes{state="used"}')), asked.join())
  for (const selector of asked) assert.match(selector, /[{,]job="",instance="",host="",host_name=""}$/)
})

test('no figure is shown of a series that ended, of another machine, or of another subscription', () => {
  for (const frame of [cpu('0.5', 699), cpu('NaN'), cpu('0.5', 990, { host: 'b' }), { ...cpu('0.5'), id: 2 }, { data: [] }, { data: [{ metric: { __name__: 'other' }, values: [[990, '0.5']] }] }]) {
    assert.deepEqual(shown(frame), ['–', 'figure figure-none', 1], JSON.stringify(frame))
  }
})
