/**
 * What Explore works out without a screen: what can be written at the caret, what is wrong, which query a metric gets, heat maps, tables.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import './page.mjs'

const { contextAt, isSelector, LONGEST, metricsOf, tokens } = await import('../../../web/dashboard/js/explore/language.js')
const { MOST, offers, opensByItself } = await import('../../../web/dashboard/js/explore/complete.js')
const { FUNCTIONS } = await import('../../../web/dashboard/js/explore/functions.js')
const { mistakeOf } = await import('../../../web/dashboard/js/explore/mistakes.js')
const { heatQueryFor, paramsOf, queryFor, unitFor, wantedOf } = await import('../../../web/dashboard/js/explore/wanted.js')
const { areBuckets, classesOf, classOf, columnAt, heatOf, ticksOf } = await import('../../../web/dashboard/js/explore/heat.js')
const { columnsOf, csvOf, sorted, tsv } = await import('../../../web/dashboard/js/explore/rows.js')
const { countLabels } = await import('../../../web/dashboard/js/explore/knowledge.js')
const { found } = await import('../../../web/dashboard/js/explore/search.js')

test('the functions that are offered are those of the documentation, which the service’s table makes', async () => {
  const text = await readFile(new URL('../../../docs/PROMQL.md', import.meta.url), 'utf8')
  const listed = [...text.matchAll(/^\| `(\w+)\((.*)\)` \| (.*) \|$/gm)].map(([, name, args, help]) => ({ name, args, help }))
  assert.deepEqual(FUNCTIONS, listed)
})

// Where the caret stands, `|`; what is offered there; what it replaces.
for (const [query, kind, word, metric, label] of [
  ['ra|', 'name', 'ra'], ['|', 'name', ''], ['rate(|', 'name', ''], ['rate(fo|', 'name', 'fo'], ['foo + ba|', 'name', 'ba'], ['a and b|', 'name', 'b'],
  ['foo{|', 'label', '', 'foo'], ['foo{a|', 'label', 'a', 'foo'], ['foo{a="b",|', 'label', '', 'foo'], ['foo{|}', 'label', '', 'foo'],
  ['foo{a=|', 'value', '', 'foo', 'a'], ['foo{a="|', 'value', '', 'foo', 'a'], ['foo{a="b|"}', 'value', 'b', 'foo', 'a'], ['foo{job=~"a|', 'value', 'a', 'foo', 'job'],
  ['sum by (|) (rate(x{a="b"}[5m]))', 'label', '', 'x{a="b"}'], ['sum(rate(x[5m])) by (|', 'label', '', 'x'],
  ['foo[|', 'duration', ''], ['foo[5|]', 'duration', '5'], ['foo an|', 'operator', 'an'], ['foo{a="b"} off|', 'operator', 'off'],
]) {
  test(`at ${query} a ${kind} is offered`, () => {
    const at = query.indexOf('|')
    const context = contextAt(query.replace('|', ''), at)
    assert.deepEqual([context?.kind, context?.word, context?.metric, context?.label], [kind, word, metric ?? '', label ?? ''])
  })
}

test('nothing is offered in a comment, behind a number, behind a closed value, and in a query too long to read', () => {
  for (const query of ['# c', '3', 'foo{a="b"']) assert.equal(contextAt(query, query.length), null, query)
  const long = 'a+'.repeat(LONGEST)
  assert.equal(contextAt(long, 3), null)
  assert.deepEqual(tokens(long), [{ text: long, kind: '' }])
})

test('the coloured pieces are the text, letter by letter', () => {
  for (const text of ['sum by (le) (rate(foo{a="b"}[5m])) # x', 'foo{', '((', 'ü + "', 'a\nb\n', '']) assert.equal(tokens(text).map((t) => t.text).join(''), text)
  assert.deepEqual(tokens('rate(foo[5m])').filter((t) => t.kind).map((t) => [t.text, t.kind]), [['rate', 'function'], ['foo', 'metric'], ['5m', 'number']])
})

test('metrics of a query, and whether it is one selector', () => {
  assert.deepEqual(metricsOf('rate(a[5m]) / on(x) b + a'), ['a', 'b'])
  assert.deepEqual([' foo{a="b"} ', 'foo', 'foo + 1', 'rate(foo[1m])', 'foo['].map(isSelector), [true, true, false, false, false])
})

const known = { names: ['up', 'system_cpu', 'cpu_up', 'rate_of_things'], help: () => 'help', labels: ['job', 'instance'], values: ['a"b', 'c\\d', ''] }
/** @param {string} query */
const offered = (query) => {
  const at = query.indexOf('|')
  const text = query.replace('|', '')
  const context = contextAt(text, at)
  assert.ok(context)
  return { context, list: offers(context, known), taken: (/** @type {number} */ i) => text.slice(0, context.from) + offers(context, known)[i].insert + text.slice(context.to) }
}

test('offers begin with what begins so, and are bounded', () => {
  assert.deepEqual(offered('up|').list.map((o) => o.text), ['up', 'cpu_up', 'group'])
  assert.equal(offered('rate|').list[0].text, 'rate')
  const many = offers({ kind: 'name', from: 0, to: 0, word: '', metric: '', label: '', quoted: true, closed: false }, { ...known, names: Array.from({ length: 100_000 }, (_, i) => `m${i}`) })
  assert.equal(many.length, MOST)
})

test('taking an offer writes what belongs behind it, once', () => {
  assert.equal(offered('rat|').taken(0), 'rate()')
  assert.equal(offered('rat|(x)').taken(0), 'rate(x)')
  assert.equal(offered('foo{jo|').taken(0), 'foo{job=""')
  assert.equal(offered('foo{jo|="x"}').taken(0), 'foo{job="x"}')
  assert.equal(offered('sum by (jo|').taken(0), 'sum by (job')
  assert.equal(offered('foo{job=|').taken(0), 'foo{job="a\\"b"')
  assert.equal(offered('foo{job="|"}').taken(1), 'foo{job="c\\\\d"}')
  assert.equal(offered('foo[5|').taken(0), 'foo[5m]')
})

test('the list comes up for a word, not for a name that is whole', () => {
  assert.equal(opensByItself(offered('|').context, offered('|').list), false)
  assert.equal(opensByItself(offered('foo{|').context, offered('foo{|').list), true)
  assert.equal(opensByItself(offered('rate_of_things|').context, offered('rate_of_things|').list), false)
})

// What the service says; what is marked; what would be right.
for (const [error, query, marked, advice] of [
  ['invalid parameter "query": 1:9: parse error: unclosed left parenthesis', 'rate(foo', 'o', 'Close it with ).'],
  ['invalid parameter "query": 1:1: parse error: unknown function with name "rat"', 'rat(foo)', 'rat', 'Is rate() meant?'],
  ['invalid parameter "query": 1:6: parse error: expected type range vector in call to function "rate", got instant vector', 'rate(foo)', 'foo', 'Give the selector a range, such as [5m].'],
  ['invalid parameter "query": 1:12: parse error: unexpected identifier "b" in label matching, expected "," or "}"', 'foo{a="ü" b}', 'b', ''],
  ['invalid parameter "query": 2:3: parse error: unexpected character: \'ü\'', 'a\n+ ü)', 'ü', ''],
  ['invalid expression type "range vector" for range query, must be Scalar or instant Vector', 'foo[5m]', '', 'Put the selector into a function such as rate() or avg_over_time(), or take the range away.'],
  ['the service does not answer', 'foo', '', ''],
]) {
  test(`a mistake is marked: ${error.slice(-50)}`, () => {
    const mistake = mistakeOf(error, query)
    assert.equal(query.slice(mistake.from, mistake.to), marked)
    assert.equal(mistake.advice, advice)
    assert.ok(!mistake.words.includes('parse error') && !mistake.words.includes('invalid parameter'))
  })
}

test('queries and address say the same', () => {
  const params = paramsOf([{ text: ' up ', hidden: false }, { text: '', hidden: false }, { text: 'down', hidden: true }])
  assert.deepEqual(wantedOf(params).map(({ letter, text, hidden }) => [letter, text, hidden]), [['A', 'up', false], ['B', 'down', true]])
  assert.deepEqual(wantedOf({}).map(({ letter, text }) => [letter, text]), [['A', '']])
  assert.equal(paramsOf(Array.from({ length: 9 }, (_, i) => ({ text: `q${i}`, hidden: false }))).f, 'q5')
})

test('a metric gets the query that says most of it', () => {
  assert.equal(queryFor('x_total', 'counter').query, 'rate(x_total[5m])')
  assert.equal(queryFor('x_total', '').query, 'rate(x_total[5m])')
  assert.equal(queryFor('x_count', 'gauge').query, 'x_count')
  assert.equal(queryFor('x_bucket', 'histogram').query, 'histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))')
  assert.equal(queryFor('a.b', 'gauge').query, '{"a.b"}')
  assert.equal(heatQueryFor('x_bucket'), 'sum by (le) (increase(x_bucket[step()] anchored))')
})

test('a query has the unit that its metrics and functions tell', () => {
  for (const [query, names, unit] of /** @type {Array<[string, string[], string]>} */ ([
    ['a_bytes', ['a_bytes'], 'bytes'], ['rate(a_bytes_total[5m])', ['a_bytes_total'], 'bytes_per_second'], ['rate(a_seconds_total[5m])', ['a_seconds_total'], 'plain'],
    ['a_bytes / b_bytes', ['a_bytes', 'b_bytes'], 'plain'], ['count(a_bytes)', ['a_bytes'], 'plain'], ['a_bytes{path="/x*"}', ['a_bytes'], 'bytes'],
    ['histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5m])))', ['a_seconds_bucket'], 'seconds'], ['a_bytes + b_seconds', ['a_bytes', 'b_seconds'], 'plain'], ['1', [], 'plain'],
  ])) assert.equal(unitFor(query, names), unit, query)
})

/** @param {string} le @param {Array<[number, number|null]>} points @param {object} [more] */
const bucket = (le, points, more) => ({ key: le + JSON.stringify(more), metric: { le, ...more }, t: points.map(([t]) => t), v: points.map(([, v]) => v) })

test('a heat map counts what fell into each bucket, and makes nothing up', () => {
  const lines = [bucket('+Inf', [[10, 9], [20, 4], [30, 1]]), bucket('0.5', [[10, 3], [20, 4], [30, 2]]), bucket('1', [[10, 7], [30, 1]])]
  const heat = heatOf(lines, 10)
  assert.deepEqual(heat.buckets, [{ from: 0, to: 0.5 }, { from: 0.5, to: 1 }, { from: 1, to: Infinity }])
  assert.deepEqual(heat.cells, [3, 4, 2, 4, null, null, 2, null, 0])
  assert.deepEqual([heat.t, heat.most, heat.groups], [[10, 20, 30], 4, 1])
  assert.deepEqual([5, 10, 10.5, 31, 0].map((t) => columnAt(heat, t)), [0, 0, 1, -1, -1])
  const summed = heatOf([bucket('1', [[10, 1]], { p: 'a' }), bucket('1', [[10, 2]], { p: 'b' }), bucket('+Inf', [[10, 3]], { p: 'a' })], 10)
  assert.deepEqual([summed.cells, summed.groups], [[3, 0], 2])
  assert.deepEqual([areBuckets(lines), areBuckets([bucket('x', []), bucket('1', [])]), areBuckets([])], [true, false, false])
})

test('colours of a heat map tell few from many, and none from some', () => {
  const classes = classesOf(100)
  assert.deepEqual([classes.length, classes.at(-1)], [6, 100])
  assert.deepEqual([null, 0, 1, 100].map((n) => classOf(n, classes)), [-1, -1, 0, 5])
  assert.deepEqual(ticksOf(0, 3600, 8, 0), [0, 600, 1200, 1800, 2400, 3000, 3600])
})

/** @param {string} value @param {Record<string, string>} metric */
const row = (value, metric) => ({ metric, key: JSON.stringify(metric), value, letter: 'A' })

test('tables are sorted by any column and copied as they are seen', () => {
  const rows = [row('10', { __name__: 'm', item: 'i10' }), row('9', { __name__: 'm', item: 'i9' }), row('NaN', { item: 'i1' }), row('+Inf', { item: 'i2', z: 'a\tb' })]
  assert.deepEqual(columnsOf(rows, false), ['__name__', 'item', 'z', 'value'])
  assert.deepEqual(sorted(rows, 'value').map((r) => r.value), ['NaN', '9', '10', '+Inf'])
  assert.deepEqual(sorted(rows, '-item').map((r) => r.metric.item), ['i10', 'i9', 'i2', 'i1'])
  assert.equal(tsv(rows.slice(3), ['item', 'z', 'value']), 'item\tz\tvalue\ni2\ta b\t+Inf')
  assert.equal(csvOf([{ letter: 'A', lines: [{ key: '=x{a="1,2"}', metric: {}, t: [0], v: [null] }] }]), 'query,series,time,value\nA,"\'=x{a=""1,2""}",1970-01-01T00:00:00.000Z,')
})

test('labels are counted, and metrics found by name before description, among thousands at once', () => {
  const counted = countLabels([{ __name__: 'm', a: '1' }, { __name__: 'm', a: '2', b: 'x' }, { __name__: 'm', a: '2' }])
  assert.deepEqual(counted, { series: 3, labels: [{ label: 'a', values: [{ value: '2', series: 2 }, { value: '1', series: 1 }] }, { label: 'b', values: [{ value: 'x', series: 1 }] }] })
  const meta = { b_total: [{ help: 'Waiting mail', type: 'counter', unit: '' }] }
  assert.deepEqual(found(['a_mail', 'b_total', 'c'], meta, 'MAIL'), ['a_mail', 'b_total'])
  const names = Array.from({ length: 10_000 }, (_, i) => `service_${i % 97}_requests_${i}_total`)
  const begun = process.cpuUsage()
  assert.ok(found(names, meta, 'requests 77').length > 0)
  assert.ok(process.cpuUsage(begun).user < 1e6, 'in under a second of CPU')
})
