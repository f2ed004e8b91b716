/**
 * What the graph of tasks and the pictures of CI are made of; what a search finds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'
import { pick, random } from './random.mjs'

const { criticalPath, layout } = await import('../../../web/dashboard/js/graph/layout.js')
const { week } = await import('../../../web/dashboard/js/ci/hours.js')
const { rank } = await import('../../../web/dashboard/js/frame/rank.js')

/** @param {string} id @param {string} status @param {string[]} dependencies */
const item = (id, status, dependencies = []) => /** @type {any} */ ({ id, title: `T${id}`, status, dependencies, in_progress_since: null, execution_seconds: null, cost: null })

test('a graph has every task and dependency once, what is needed before what needs it', () => {
  const next = random(5)
  for (let n = 0; n < 200; n += 1) {
    const ids = Array.from({ length: 1 + Math.floor(next() * 14) }, (_, i) => String(i))
    const items = ids.map((id) => item(id, pick(next, ['pending', 'done', 'in-progress']), ids.filter(() => next() < 0.15).concat(next() < 0.1 ? ['gone'] : [])))
    const graph = layout(items)
    assert.deepEqual(graph.nodes.map((x) => x.id).sort(), [...ids].sort())
    assert.equal(new Set(graph.nodes.map((x) => `${x.layer} ${x.row}`)).size, ids.length, 'no two at one place')
    const layer = new Map(graph.nodes.map((x) => [x.id, x.layer]))
    const wanted = new Set(items.flatMap((i) => i.dependencies.filter((/** @type {string} */ d) => d !== i.id && ids.includes(d)).map((/** @type {string} */ d) => `${d} ${i.id}`)))
    assert.deepEqual(new Set(graph.edges.map((e) => `${e.from} ${e.to}`)), wanted)
    for (const edge of graph.edges.filter((e) => !e.circular)) assert.ok((layer.get(edge.from) ?? 0) < (layer.get(edge.to) ?? 0), `${edge.from} → ${edge.to}`)
  }
})

test('the critical path is the longest chain of open tasks', () => {
  const items = [item('1', 'done'), item('2', 'pending', ['1']), item('3', 'pending', ['2']), item('4', 'pending', ['3', '1']), item('5', 'pending', ['1']), item('6', 'cancelled', ['4'])]
  const edges = layout(items).edges
  assert.deepEqual(criticalPath(items, edges), ['2', '3', '4'])
  assert.deepEqual(layout(items).nodes.filter((n) => n.critical).map((n) => n.id).sort(), ['2', '3', '4'])
  assert.deepEqual(criticalPath([item('1', 'pending')], []), [], 'one task is no chain')
  assert.equal(layout([item('1', 'pending', ['2']), item('2', 'pending', ['1'])]).edges.filter((e) => e.circular).length, 1, 'a circle is broken once')
})

test('a board of 8,000 tasks in one chain is laid out at once', () => {
  const items = Array.from({ length: 8000 }, (_, i) => item(String(i), 'pending', i > 0 ? [String(i - 1)] : []))
  assert.equal(layout(items.slice(0, 300)).layers, 300)
})

test('runs fall into the hour of the week in which they ended', () => {
  const monday = Date.parse('2026-11-23T00:00:00Z') / 1000
  const line = (/** @type {string} */ conclusion, /** @type {number[]} */ t, /** @type {number[]} */ v) => ({ key: conclusion, metric: { conclusion }, t, v })
  const cells = week([line('success', [monday + 3600, monday + 7 * 86_400 + 3600], [2, 1]), line('failure', [monday + 6 * 86_400 + 24 * 3600], [1])], true)
  assert.deepEqual([cells[0][0], cells[6][23], cells[0][1]], [{ runs: 3, failed: 0 }, { runs: 1, failed: 1 }, { runs: 0, failed: 0 }])
})

test('a search finds what has all words, beginnings and short names first', () => {
  const entries = ['taskmaster_tasks', 'Tasks', 'github_tasks_total', '7 Load test', 'System'].map((words) => ({ words }))
  assert.deepEqual(rank(entries, 'tas').map((e) => e.words), ['Tasks', 'taskmaster_tasks', 'github_tasks_total'])
  assert.deepEqual(rank(entries, 'test load').map((e) => e.words), ['7 Load test'])
  assert.deepEqual(rank(entries, 'nothing'), [])
  assert.equal(rank(entries, ' ').length, entries.length)
})
