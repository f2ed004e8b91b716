/**
 * Actions in words: which is bound to a piece, why it cannot run now, how a run stands and what can be done about it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bindingOf, choicesOf, guardOf, guardValuesOf, isConfigured, modeOf, standingOf, waitOf } from '../../../web/dashboard/js/advice/runs.js'

/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')
/** @param {string} advisor @param {object} [more] */
const binding = (advisor, more = {}) => /** @type {any} */ ({ advisor, mode: 'ask', after: null, ready_at: null, waits_for: null, guard: { query: 'up', worse: 'higher', share: 0.2, amount: null, watch: 900 }, ...more })

test('a piece is carried out by the binding of its advisor alone', () => {
  const actions = /** @type {any} */ ({ off: null, bindings: [binding('disk'), binding('disk_filling')], runs: [] })
  assert.equal(bindingOf(actions, 'disk_filling:/data')?.advisor, 'disk_filling')
  assert.equal(bindingOf(actions, 'disk:/data')?.advisor, 'disk')
  assert.equal(bindingOf(actions, 'disk_waits'), null)
  assert.equal(bindingOf(null, 'disk'), null)
  assert.deepEqual([isConfigured(null), isConfigured({ off: null, bindings: [], runs: [] }), isConfigured(actions)], [false, false, true])
})

test('why nothing can run now is said', () => {
  const when = (/** @type {number} */ t) => `t${t}`
  const actions = /** @type {any} */ ({ off: null, bindings: [], runs: [{ id: 'r', state: 'failed' }, { id: 's', state: 'watching' }] })
  assert.deepEqual([
    waitOf(actions, binding('a'), 10, when), waitOf(actions, binding('a', { ready_at: 120 }), 10, when), waitOf(actions, binding('a', { ready_at: 160 }), 130, when), waitOf(actions, binding('a', { ready_at: 5 }), 10, when),
    waitOf(actions, binding('a', { waits_for: 'r' }), 10, when), waitOf(actions, binding('a', { waits_for: 's' }), 10, when), waitOf({ ...actions, off: 'off by --no-advanced' }, binding('a'), 10, when),
  ], ['', 'not again before t120', 'not again before t180', '', 'a run of it needs somebody first', 'another run is not over', 'off by --no-advanced'])
})

test('what is bound, what its guard read and what can be done is said in words', () => {
  assert.equal(plain(modeOf(binding('a', { mode: 'auto', after: 600 }))), 'by itself, once advice is open for 10 m')
  assert.equal(plain(guardOf(binding('a').guard)), 'may not become more than 20 % higher within 15 m')
  assert.equal(plain(guardOf({ ...binding('a').guard, share: null, amount: 0.5, worse: 'lower' })), 'may not become more than 0.5 lower within 15 m')
  const run = (/** @type {string} */ state, guard = { baseline: /** @type {number|null} */ (0.2), worst: 0.31, bound: 0.24, last: 0.3 }) => /** @type {any} */ ({ state, guard })
  assert.equal(guardValuesOf(run('kept')), 'before 0.2, at worst 0.31, undone beyond 0.24')
  assert.equal(guardValuesOf(run('refused', { baseline: null, worst: 0, bound: 0, last: 0 })), '')
  assert.deepEqual(['planned', 'watching', 'kept', 'failed', 'undone'].map((state) => choicesOf(run(state))), [[], ['undo'], ['undo'], ['undo', 'resolve'], []])
  assert.deepEqual(choicesOf({ ...run('undone'), needs_person: true }), ['resolve'], 'that it was undone by itself is seen once')
  assert.deepEqual([standingOf('failed').word, standingOf(/** @type {any} */ ('new'))], ['needs you', { word: 'new', mark: 'none' }])
})
