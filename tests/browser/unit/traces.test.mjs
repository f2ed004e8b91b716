/**
 * What the traces' face works out without a screen: trees of whatever was sent, the critical path, self time, walking, queries, the service map.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'

const { momentOf, secondsTo } = await import('../../../web/dashboard/js/traces/moments.js')
const { treeOf } = await import('../../../web/dashboard/js/traces/tree.js')
const { criticalPath, lengthOf, mainRoot, selfTimes, takenBy } = await import('../../../web/dashboard/js/traces/work.js')
const { found, next, opened, rowsOf, stepped, withoutErrors, wordsOf } = await import('../../../web/dashboard/js/traces/walk.js')
const { alike, durationOf, EMPTY, formOf, logsQuery, mistakeIn, queryOf } = await import('../../../web/dashboard/js/traces/query.js')
const { namesOf, pictureOf, widthOf } = await import('../../../web/dashboard/js/traces/services.js')
const { dotsOf, nearest } = await import('../../../web/dashboard/js/traces/scatter.js')
const { length, offset, outside, unwritten } = await import('../../../web/dashboard/js/traces/words.js')

const BEGIN = Date.UTC(2026, 10, 27, 12) / 1000
/** @param {number} seconds since the trace began */
const at = (seconds) => `${new Date((BEGIN + Math.floor(seconds)) * 1000).toISOString().slice(0, 19)}.${String(Math.round((seconds - Math.floor(seconds)) * 1e9)).padStart(9, '0')}Z`
/** A span: its id, its parent's, and the seconds in which it ran. @param {string} id @param {string|null} parent @param {number} from @param {number} to @param {object} [more] @returns {any} */
const span = (id, parent, from, to, more = {}) => ({
  span_id: id, parent_span_id: parent, service: 'shop', name: `do ${id}`, kind: 'internal', start: at(from), duration_seconds: to - from, status: 'unset', message: '',
  attributes: {}, resource: {}, scope: { name: '', version: '' }, events: [], links: [], dropped: 0, ...more,
})
/** Each row: how deep it stands, and its id. @param {ReturnType<typeof treeOf>} tree */
const written = (tree) => tree.nodes.map((n) => '.'.repeat(n.depth) + (n.span?.span_id ?? '?'))
/** @param {number} n */
const round = (n) => Math.round(n * 1e6) / 1e6

test('moments are kept to the nanosecond, in any zone', () => {
  const [a, b] = [momentOf('2026-11-27T12:00:00.999999999Z'), momentOf('2026-11-27T13:00:01+01:00')]
  assert.ok(a && b)
  assert.equal(Math.round(secondsTo(a, b) * 1e9), 1)
  for (const none of ['', 'now', '2026-11-27', '2026-11-27T12:00:00', null, 7]) assert.equal(momentOf(none), null)
})

test('a tree is read from the top, the earliest first', () => {
  const tree = treeOf([span('c', 'a', 2, 3), span('a', null, 0, 4), span('b', 'a', 1, 3), span('d', 'b', 1.5, 2), span('e', 'a', 1, 2)])
  assert.deepEqual(written(tree), ['a', '.b', '..d', '.e', '.c'])
  assert.deepEqual(tree.nodes.map((n) => n.end), [5, 3, 3, 4, 5])
  assert.deepEqual(tree.nodes[0].children, [1, 3, 4])
  assert.equal(tree.length, 4)
})

test('spans whose parent was not received stand under a head of their own', () => {
  const tree = treeOf([span('a', null, 0, 1), span('x', 'gone', 0.5, 1), span('y', 'x', 0.6, 0.7), span('z', 'gone too', 0.1, 0.2)])
  assert.deepEqual(written(tree), ['a', '?', '.z', '.x', '..y'])
  assert.equal(tree.orphans, 2)
  assert.deepEqual(written(treeOf([span('x', 'gone', 0, 1)])), ['?', '.x'])
  assert.deepEqual(treeOf([]).nodes, [])
})

test('no parent is null, nothing or zeros', () => {
  for (const none of [null, '', '0000000000000000', undefined]) assert.equal(treeOf([span('a', /** @type {any} */ (none), 0, 1)]).nodes[0].parent, -1)
})

test('circles are cut where they began, and nothing of them is lost', () => {
  const tree = treeOf([span('a', null, 0, 1), span('p', 'q', 0.3, 0.4), span('q', 'r', 0.2, 0.4), span('r', 'p', 0.5, 0.6), span('s', 'r', 0.1, 0.2), span('self', 'self', 0.7, 0.8)])
  assert.deepEqual(written(tree), ['a', 'q', '.p', '..r', '...s', 'self'])
  assert.equal(tree.circles, 2)
  assert.deepEqual(tree.nodes.filter((n) => n.circular).map((n) => n.span?.span_id), ['q', 'self'])
})

test('what came twice is one span; both sides of a call may share an id', () => {
  const client = span('b', 'a', 1, 3, { kind: 'client' })
  const server = span('b', 'a', 1.5, 2.5, { kind: 'server', service: 'stock' })
  const tree = treeOf([span('a', null, 0, 4), server, client, { ...client }, span('c', 'b', 1.6, 2, { service: 'stock' }), span('d', 'b', 1.2, 1.4)])
  assert.equal(tree.twice, 1)
  assert.deepEqual(tree.nodes.map((n) => `${'.'.repeat(n.depth)}${n.span?.span_id} ${n.span?.service}`), ['a shop', '.b shop', '..d shop', '..b stock', '...c stock'])
  assert.deepEqual(tree.nodes.map((n) => n.shared), [false, true, false, true, false])
})

test('a span outside its parent stays where its clock has it, and is marked', () => {
  const tree = treeOf([span('a', null, 1, 2), span('b', 'a', 0.5, 3), span('c', 'a', 1.2, 1.3)])
  assert.deepEqual(tree.nodes.map((n) => [round(n.from), round(n.to), round(n.early), round(n.late)]), [[0.5, 1.5, 0, 0], [0, 2.5, 0.5, 1], [0.7, 0.8, 0, 0]])
})

test('a span that ends before it begins has no length, and one without a time is said to have none', () => {
  const tree = treeOf([span('a', null, 0, 2), span('b', 'a', 1, 0.5), { ...span('c', 'a', 1, 2), start: 'then' }])
  const b = tree.nodes.find((n) => n.span?.span_id === 'b')
  assert.deepEqual([b?.from, b?.to], [1, 1])
  assert.ok(tree.nodes.find((n) => n.span?.span_id === 'c')?.undated)
  assert.equal(selfTimes(tree)[0], 1, 'the undated one stands at the beginning')
})

test('self time: what children do at the same time counts once, and what they do outside of it not at all', () => {
  const self = (/** @type {any[]} */ spans) => selfTimes(treeOf(spans)).map(round)
  assert.deepEqual(self([span('a', null, 0, 10), span('b', 'a', 1, 4), span('c', 'a', 3, 6), span('d', 'a', 3.5, 4)]), [5, 3, 3, 0.5])
  assert.deepEqual(self([span('a', null, 1, 2), span('b', 'a', 0, 1.5), span('c', 'a', 1.9, 5)]), [0.4, 1.5, 3.1])
})

test('the critical path is what was waited for, from the end', () => {
  const of = (/** @type {any[]} */ spans) => {
    const tree = treeOf(spans)
    return Object.fromEntries([...criticalPath(tree)].map(([i, stretches]) => [tree.nodes[i].span?.span_id, stretches.map((s) => s.map(round))]))
  }
  assert.deepEqual(of([span('a', null, 0, 10), span('b', 'a', 1, 4), span('c', 'a', 5, 9), span('d', 'c', 6, 7)]), { a: [[9, 10], [4, 5], [0, 1]], c: [[7, 9], [5, 6]], d: [[6, 7]], b: [[1, 4]] })
  assert.deepEqual(of([span('a', null, 0, 10), span('slow', 'a', 1, 9), span('quick', 'a', 1, 3)]), { a: [[9, 10], [0, 1]], slow: [[1, 9]] }, 'what ran beside it was not waited for')
  assert.deepEqual(of([span('a', null, 0, 2), span('later', 'a', 1, 5)]), { a: [[0, 1]], later: [[1, 2]] }, 'only as far as the whole goes')
  assert.deepEqual(of([span('a', null, 0, 2), span('after', 'a', 3, 5), span('none', 'a', 1, 1)]), { a: [[0, 2]] })
  assert.deepEqual(of([span('x', 'gone', 0, 1), span('y', 'gone', 0, 3)]), { y: [[0, 3]] }, 'without a root, that of the longest span')
  assert.equal(mainRoot(treeOf([])), -1)
})

test('the critical path of random traces is as long as their root, each moment once', () => {
  let seed = 7
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648 }
  for (let round = 0; round < 200; round += 1) {
    const spans = [span('0', null, 0, 10)]
    for (let i = 1; i < 40; i += 1) {
      const from = random() * 11 - 0.5
      spans.push(span(String(i), String(Math.floor(random() * i)), from, from + random() * 4))
    }
    const tree = treeOf(spans)
    const path = criticalPath(tree)
    const root = tree.nodes[mainRoot(tree)]
    const stretches = [...path.values()].flat().sort((a, b) => a[0] - b[0])
    assert.ok(Math.abs(lengthOf(stretches) - (root.to - root.from)) < 1e-6)
    stretches.forEach(([from], i) => { if (i > 0) assert.ok(Math.abs(from - stretches[i - 1][1]) < 1e-6, 'without a gap') })
    path.forEach((own, i) => own.forEach(([from, to]) => assert.ok(from >= tree.nodes[i].from - 1e-9 && to <= tree.nodes[i].to + 1e-9)))
  }
})

test('a chain of 10,000 spans, 10,000 beside each other and a circle of 10,000 are read', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => i)
  for (const [spans, depth, circles] of /** @type {Array<[any[], number, number]>} */ ([
    [many.map((i) => span(`s${i}`, i ? `s${i - 1}` : null, i / 1e5, 1 - i / 1e5)), 9999, 0],
    [[span('s', null, 0, 1), ...many.map((i) => span(`s${i}`, 's', i / 1e5, i / 1e5 + 0.01))], 1, 0],
    [many.map((i) => span(`s${i}`, `s${(i + 1) % 10_000}`, 0, 1)), 9999, 1],
  ])) {
    const tree = treeOf(spans)
    assert.equal(tree.spans, spans.length)
    assert.equal(tree.nodes.reduce((most, n) => Math.max(most, n.depth), 0), depth)
    assert.equal(tree.circles, circles)
    const [self, path] = [selfTimes(tree), criticalPath(tree)]
    assert.ok(self.every((s) => s >= 0) && path.size > 0)
    assert.equal(rowsOf(tree.nodes, new Set(tree.nodes.keys())).length, 1)
  }
})

test('what takes the time is added up by service and by name', () => {
  const tree = treeOf([span('a', null, 0, 10), span('b', 'a', 1, 4, { service: 'stock', name: 'read' }), span('c', 'a', 5, 7, { service: 'stock', name: 'read', status: 'error' }), span('x', 'gone', 0, 1)])
  const [self, path] = [selfTimes(tree), criticalPath(tree)]
  assert.deepEqual(takenBy(tree, self, path, false).map(({ service, spans, errors, self: s, path: p }) => [service, spans, errors, round(s), round(p)]), [['shop', 2, 0, 6, 5], ['stock', 2, 1, 5, 5]])
  assert.deepEqual(takenBy(tree, self, path, true).map(({ name, spans }) => [name, spans]), [['do a', 1], ['read', 2], ['do x', 1]])
})

test('rows that are closed hide what is below; keys lead as in a tree', () => {
  const { nodes } = treeOf([span('a', null, 0, 4), span('b', 'a', 1, 3), span('c', 'b', 1, 2), span('d', 'a', 3, 4, { status: 'error' })])
  assert.deepEqual(rowsOf(nodes, new Set([1])), [0, 1, 3])
  const closed = new Set([1])
  const rows = rowsOf(nodes, closed)
  const to = (/** @type {string} */ key, /** @type {number} */ from) => stepped(key, nodes, rows, closed, from)
  assert.deepEqual(to('ArrowDown', 1), { to: 3 })
  assert.deepEqual(to('ArrowDown', 3), { to: 3 })
  assert.deepEqual(to('ArrowUp', 3), { to: 1 })
  assert.deepEqual(to('End', 0), { to: 3 })
  assert.deepEqual(to('Home', 3), { to: 0 })
  assert.deepEqual(to('ArrowRight', 1), { open: 1 })
  assert.deepEqual(to('ArrowRight', 0), { to: 1 })
  assert.deepEqual(to('ArrowRight', 3), null)
  assert.deepEqual(to('ArrowLeft', 0), { close: 0 })
  assert.deepEqual(to('ArrowLeft', 1), { to: 0 })
  assert.deepEqual(to('ArrowLeft', 3), { to: 0 })
  assert.deepEqual(to('x', 0), null)
  assert.deepEqual(stepped('End', [], [], closed, 0), null)
  assert.deepEqual([...opened(nodes, new Set([0, 1]), 2)], [])
  assert.deepEqual([...withoutErrors(nodes)], [1])
})

test('a search looks through names, attributes, events and ids', () => {
  const { nodes } = treeOf([span('a', null, 0, 4, { attributes: { 'http.route': '/Cart', n: 7 } }), span('b', 'a', 1, 3, { events: [{ time: at(1), name: 'retry', attributes: { why: 'Busy' } }] })])
  const texts = nodes.map((n) => (n.span ? wordsOf(n.span) : ''))
  assert.deepEqual(found(nodes, texts, 'cart'), [0])
  assert.deepEqual(found(nodes, texts, 'n=7 /cart'), [0])
  assert.deepEqual(found(nodes, texts, 'BUSY'), [1])
  assert.deepEqual(found(nodes, texts, 'do'), [0, 1])
  assert.deepEqual(found(nodes, texts, ' '), [])
  assert.deepEqual([next([2, 5], 2, 1), next([2, 5], 5, 1), next([2, 5], 2, -1), next([2, 5], 5, -1), next([], 1, 1)], [5, 2, 5, 2, -1])
})

for (const [form, query] of /** @type {Array<[object, string]>} */ ([
  [{}, ''],
  [{ service: 'shop' }, '{ resource.service.name = "shop" }'],
  [{ service: 'a "b" \\', name: 'GET /x && y' }, '{ resource.service.name = "a \\"b\\" \\\\" && name = "GET /x && y" }'],
  [{ status: 'error', least: '100ms', most: '1.5s' }, '{ status = error && duration >= 100ms && duration <= 1.5s }'],
  [{ attribute: 'http.method=GET' }, '{ .http.method = "GET" }'],
  [{ attribute: 'resource.host.name=~a.*' }, '{ resource.host.name =~ "a.*" }'],
  [{ attribute: 'http.status_code>=500' }, '{ .http.status_code >= 500 }'],
  [{ attribute: 'done=true' }, '{ .done = true }'],
  [{ attribute: 'a key="7"' }, '{ ."a key" = "7" }'],
])) {
  test(`the form of ${query || 'nothing'} writes it, and reads it back`, () => {
    assert.equal(queryOf({ ...EMPTY, ...form }), query)
    assert.deepEqual(formOf(query), { ...EMPTY, ...form })
  })
}

test('what the form cannot say is left to the text', () => {
  for (const query of ['{ name = "a" } >> { name = "b" }', '{ name = "a" || status = error }', '{ name = "a" } | count() > 2', '{ name =~ "a" }', '{ name = "a" && name = "b" }', '{ .a = 1 && .b = 2 }', '{ duration > 1s }', '{', '{ name = }', 'x', '{ && }', '{ rootName = "a" }', '{ .a = nil }']) assert.equal(formOf(query), null, query)
  assert.deepEqual(formOf('{}'), EMPTY)
  assert.deepEqual(formOf('{.service.name="a"&&duration>=5us}'), { ...EMPTY, service: 'a', least: '5us' })
})

test('fields say what is wrong with them; lengths of time need a unit', () => {
  assert.deepEqual(['100ms', ' 1.5 s', '5µs', '100', 'soon', ''].map(durationOf), ['100ms', '1.5s', '5us', null, null, null])
  assert.equal(mistakeIn('least', '100'), 'A number and its unit, as 100ms or 1.5s')
  assert.equal(mistakeIn('attribute', 'http.method'), 'A name, a comparison and a value, as http.method=GET')
  assert.deepEqual([mistakeIn('least', ''), mistakeIn('attribute', 'a=b'), mistakeIn('name', '100')], ['', '', ''])
  assert.equal(queryOf({ ...EMPTY, least: 'soon', attribute: 'what' }), '')
})

test('the lines of a span and its likes are asked for with its values quoted', () => {
  assert.equal(logsQuery('a"b', 't1'), '{service_name="a\\"b"} | trace_id="t1"')
  assert.equal(logsQuery('a', 't1', 's1'), '{service_name="a"} | trace_id="t1" | span_id="s1"')
  assert.equal(alike('span.', 'http.status_code', 200), '{ span.http.status_code = 200 }')
  assert.equal(alike('resource.', 'an odd key', 'x"'), '{ resource."an odd key" = "x\\"" }')
})

test('the service map has the same places whatever its figures and their order; circles and calls to itself are drawn or left out', () => {
  const row = (/** @type {string} */ service) => /** @type {any} */ ({ service })
  const calls = /** @type {any[]} */ ([{ client: 'web', server: 'shop' }, { client: 'shop', server: 'stock' }, { client: 'shop', server: 'pay' }, { client: 'pay', server: 'shop' }, { client: 'pay', server: 'pay' }])
  const names = namesOf(['web', 'shop', 'stock'].map(row), calls)
  assert.deepEqual(names, ['pay', 'shop', 'stock', 'web'])
  const picture = pictureOf(names, calls)
  assert.deepEqual(pictureOf(names, [...calls].reverse()), picture)
  assert.equal(picture.places.length, 4)
  assert.equal(picture.lines.length, 4)
  assert.equal(picture.lines.filter((l) => l.circular).length, 1)
  for (const { x, y } of picture.places) assert.ok(x >= 0 && y >= 0 && x < picture.width && y < picture.height)
  assert.deepEqual([widthOf(0), widthOf(1), widthOf(100), widthOf(1e9)], [1, 1, 3, 5])
  assert.deepEqual(pictureOf([], []).places, [])
})

test('dots stand by time and by powers of ten of the duration', () => {
  const trace = (/** @type {number} */ seconds, /** @type {number} */ length) => /** @type {any} */ ({ start: at(seconds), duration_seconds: length })
  const { dots, ticks } = dotsOf([trace(0, 0.001), trace(5, 1), trace(50, 1), trace(10, 0)], BEGIN, BEGIN + 10, 100, 60)
  assert.deepEqual(dots.map(({ x, y }) => [Math.round(x), Math.round(y)]), [[0, 30], [50, 0], [100, 60]])
  assert.deepEqual(ticks.map(({ y }) => Math.round(y)), [60, 40, 20, 0])
  assert.equal(nearest(dots, 52, 3, 10), dots[1])
  assert.equal(nearest(dots, 52, 30, 10), undefined)
  assert.deepEqual(dotsOf([], 0, 1, 1, 1), { dots: [], ticks: [] })
})

test('what cannot be seen of a row is said, and what is outside of its parent in a sentence', () => {
  const { nodes } = treeOf([span('a', null, 1, 2), span('b', 'a', 0.5, 3), span('c', 'a', 0.5, 1.5), span('d', 'a', 1.5, 2.5), span('e', 'a', 1.1, 1.2)])
  const said = Object.fromEntries(nodes.map((n) => [n.span?.span_id, outside(n).replaceAll('\u00a0', ' ')]))
  assert.deepEqual(said, {
    a: '', b: 'It begins 500 ms before its parent and ends 1 s after it.', c: 'It begins 500 ms before its parent: the clocks of the two may differ.', d: 'It ends 500 ms after its parent.', e: '',
  })
  assert.equal(unwritten(nodes[0], true, 4).replaceAll('\u00a0', ' '), 'begins at +500 ms, on the critical path, 4 spans below')
  assert.equal(unwritten(nodes[1], false, 0).replaceAll('\u00a0', ' '), 'begins at +0 s')
  assert.deepEqual([length(-2), offset(0.25)].map((text) => text.replaceAll('\u00a0', ' ')), ['−2 s', '+250 ms'])
})
