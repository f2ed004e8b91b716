/**
 * Log lines: queries changed in their parts, text in signs, pages and tails, bars. What a reader chooses with the mouse is what the query says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barAt, bars, highest, totalOf, totals } from '../../../web/dashboard/js/logs/bars.js'
import { atEnd, droppedOf, fresh, inParts, keyOf, NO_TAIL, nsOf, ofMessage, PART, pushed, secondsOf } from '../../../web/dashboard/js/logs/lines.js'
import { contextAt, tokens } from '../../../web/dashboard/js/logs/language.js'
import * as query from '../../../web/dashboard/js/logs/query.js'
import { patternOf, queryOfKind } from '../../../web/dashboard/js/logs/templates.js'
import { selectorOf, wantedOf } from '../../../web/dashboard/js/logs/same.js'
import { cut, parserOf, pieces, prettyJson } from '../../../web/dashboard/js/logs/signs.js'

/** @param {string} text */
const shown = (text) => pieces(text).map((p) => (p.kind === 'sign' ? `<${p.text}>` : p.text)).join('')
/** @param {string} ns @param {string} body @returns {any} */
const line = (ns, body) => ({ ns, body, labels: { app: 'web' }, time: '', severity: 'info', attributes: {}, parsed: {}, replaced: false })

test('a query is read in its conditions and stages, and printed again', () => {
  for (const [text, matchers, stages, printed] of /** @type {Array<[string, string[], string[], string?]>} */ ([
    ['{}', [], []],
    ['{app="web", host!~"a.*"}', ['app=web', 'host!~a.*'], []],
    [' { app = "web" } ', ['app=web'], [], '{app = "web"}'],
    ['{a="} |= \\"x\\""} |= "a|b" != "c"', ['a=} |= "x"'], ['|= "a|b"', '!= "c"']],
    ['{a=`b\\`} | json != "x" | status >= 500 | method != "GET" !~ "q"', ['a=b\\'], ['| json', '!= "x"', '| status >= 500', '| method != "GET"', '!~ "q"']],
    ['{a="b"} | logfmt | took > 1s and m != "x" or n!~"y" |> "<_>"', ['a=b'], ['| logfmt', '| took > 1s and m != "x" or n!~"y"', '|> "<_>"']],
    ['{a="b"} | line_format "{{.x}} | y" | json a="b[0]"', ['a=b'], ['| line_format "{{.x}} | y"', '| json a="b[0]"']],
    ['{"a.b"="\\u00e9\\x41\\n"}', ['a.b=éA\n'], []],
  ])) {
    const read = query.read(text)
    assert.ok(read, text)
    assert.deepEqual(read.matchers.map((m) => m.name + m.op + m.value), matchers, text)
    assert.deepEqual(read.stages, stages, text)
    assert.equal(query.print(read), printed ?? text, text)
  }
  for (const text of ['rate({a="b"}[5m])', '{a="b"', '{a=}', '{a="b}', 'sum', '{a="b"} x', '{a="b"} |= "x', '{a="b"} # why']) assert.equal(query.read(text), null, text)
})

test('what is chosen with the mouse is in the query, once', () => {
  assert.equal(query.withMatcher('', 'app', '=', 'web'), '{app="web"}')
  assert.equal(query.withMatcher('{app="web", app!="x"} |= "e"', 'app', '=', 'db'), '{app="db"} |= "e"')
  assert.equal(query.withMatcher('{app="web"}', 'app', '!=', 'a "b"\\\n\u0007'), '{app="web", app!="a \\"b\\"\\\\\\n\\u0007"}')
  assert.equal(query.withoutMatcher('{app="web", host="a"}', 0), '{host="a"}')
  assert.equal(query.withStage('{}', '| json'), '{} | json')
  assert.equal(query.withStage('{} | json', '| json'), '{} | json')
  assert.equal(query.withoutStage('{} | json |= "x"', 0), '{} |= "x"')
  assert.equal(query.withStage('rate({}[5m])', '| json'), null, 'what is no query for lines is left alone')
  assert.equal(query.contains('a"b'), '|= "a\\"b"')
  assert.equal(query.known('user_id', '7', true), '| user_id!="7"')
  assert.equal(query.streamOf({ app: 'web', odd: 'a "q"' }), '{app="web", odd="a \\"q\\""}')
})

test('levels are toggled in one stage before all others', () => {
  let text = query.toggledLevel('{app="web"} | json', 'error') ?? ''
  assert.equal(text, '{app="web"} | detected_level="error" | json')
  text = query.toggledLevel(text, 'fatal') ?? ''
  assert.equal(text, '{app="web"} | detected_level=~"fatal|error" | json')
  assert.deepEqual([...query.levelsOf(text) ?? []], ['fatal', 'error'])
  text = query.toggledLevel(query.toggledLevel(text, 'fatal') ?? '', 'error') ?? ''
  assert.equal(text, '{app="web"} | json')
  assert.equal(query.levelsOf(text), null)
  assert.equal(query.withLevels('{}', new Set(query.LEVELS)), '{}', 'all of them are no condition')
})

test('stages are said in words', () => {
  for (const [stage, words, value] of [
    ['|= "a b"', 'contains', 'a b'], ['!~ `x.*`', 'does not match', 'x.*'], ['| user!="7"', 'user ≠', '7'], ['| detected_level=~"fatal|error"', 'level ~', 'fatal|error'],
    ['| json', '', 'json'], ['| status >= 500', '', 'status >= 500'],
  ]) assert.deepEqual(query.stageWords(stage), { words, value }, stage)
})

test('what a terminal would obey is shown in signs, and nothing of a text is lost', () => {
  for (const [text, said] of [
    ['plain  text\n\tkept', 'plain  text\n\tkept'],
    ['\u001b[31mred\u001b[0m', '<\\e[31m>red<\\e[0m>'],
    ['\u001b]0;title\u0007 x', '<\\e]0;title\\x07> x'],
    ['a\u001b', 'a<\\e>'],
    ['\u0000\u0008\u007f\u009b31m', '<\\x00><\\x08><\\x7f><\\x9b>31m'],
    ['a\r\nb\rc', 'a\nb<\\r>c'],
    ['\u202eevil\u2066 \u200b\ufeff', '<\\u202e>evil<\\u2066> <\\u200b><\\ufeff>'],
    ['é 👩‍👩‍👧 نص', 'é 👩‍👩‍👧 نص'],
    ['<img onerror=x>', '<img onerror=x>'],
    ['', ''],
  ]) assert.equal(shown(text), said, JSON.stringify(text))
  const unclosed = `\u001b]${'x'.repeat(500)}`
  assert.equal(shown(unclosed), `<\\e>]${'x'.repeat(500)}`)
  assert.equal(cut('ab👩c', 3), 'ab')
  assert.equal(cut('ab', 3), 'ab')
})

test('JSON is spread over lines, digit by digit as it was sent', () => {
  assert.equal(prettyJson('{"b":12345678901234567890,"a":[1.0,{"x":"a: [1, 2]"}],"e":{},"f":[]}'),
    '{\n  "b": 12345678901234567890,\n  "a": [\n    1.0,\n    {\n      "x": "a: [1, 2]"\n    }\n  ],\n  "e": {},\n  "f": []\n}')
  for (const text of ['', 'x', '{', '{"a"}', '"text"', '12']) assert.equal(prettyJson(text), null, text)
  assert.deepEqual(['{"a":1}', 'level=info msg="a b"', 'a = b', 'x=1', 'plain'].map(parserOf), ['json', 'logfmt', null, null, null])
})

test('the next page goes on behind the last line, also among lines of one time', () => {
  const first = [line('9', 'a'), line('8', 'b'), line('8', 'c')]
  const parts = inParts(first)
  assert.deepEqual(atEnd(parts).map((l) => l.body), ['b', 'c'])
  assert.deepEqual(fresh(parts, [line('8', 'b'), line('8', 'c'), line('8', 'd'), line('7', 'a')]).map((l) => l.body), ['d', 'a'])
  assert.deepEqual(fresh([], first), first)
  const many = inParts(Array.from({ length: 120 }, (_, i) => line('5', `x${i}`)))
  assert.equal(many.length, 3)
  assert.equal(atEnd(many).length, 120, 'over more parts than one')
  assert.notEqual(keyOf(line('1', 'a')), keyOf(line('1', 'b')))
})

test('a tail grows at the top within its bound, and parts that stay are the same objects', () => {
  let tail = pushed(NO_TAIL, [line('1', 'a'), line('2', 'b')], 200)
  assert.deepEqual(tail.parts.flat().map((l) => l.body), ['b', 'a'])
  tail = pushed(tail, Array.from({ length: PART }, (_, i) => line(String(i + 3), `c${i}`)), 200)
  const [, old] = tail.parts
  const next = pushed(tail, [line('99', 'new')], 200)
  assert.equal(next.parts[1], old)
  assert.equal(pushed(next, [], 200), next)
  const full = pushed(next, Array.from({ length: 1000 }, (_, i) => line(String(100 + i), `d${i}`)), 200)
  assert.ok(full.count <= 200 && full.count > 200 - PART, `${full.count}`)
  assert.equal(full.count + full.left, 1053)
  assert.equal(full.parts.flat().length, full.count)
  assert.equal(full.parts[0][0].body, 'd999')
})

test('messages of the tail become lines in the order of their time, with what was dropped', () => {
  const message = { streams: [
    { stream: { app: 'web', detected_level: 'error', user: '7', trace_id: 'ab' }, values: [['1795780774970765568', 'late'], ['1795780774970765566', 'early']] },
    { stream: { app: 'db' }, values: [['1795780774970765567', 'mid']] },
  ], dropped_entries: [{ labels: { dropped: '12' }, timestamp: '1' }] }
  const lines = ofMessage(message, new Set(['app']))
  assert.deepEqual(lines.map((l) => l.body), ['early', 'mid', 'late'])
  assert.deepEqual([lines[0].labels, lines[0].severity, lines[0].trace_id, lines[0].attributes.user], [{ app: 'web' }, 'error', 'ab', '7'])
  assert.equal(droppedOf(message), 12)
  assert.deepEqual([droppedOf({}), ofMessage({}, new Set())], [0, []])
  assert.equal(secondsOf('1795780774970765568'), 1795780774.97)
  assert.equal(nsOf(1795780774.97), '1795780774970000000')
})

test('bars stand on zero, the worst level at the bottom', () => {
  /** @type {any} */
  const volume = { start: 100, step: 10, buckets: 3, levels: [{ level: 'info', counts: [1, 0, 2], total: 3 }, { level: 'error', counts: [2, 0, 0], total: 2 }, { level: 'trace', counts: [0, 0, 0], total: 0 }] }
  assert.deepEqual(bars(volume), [[{ level: 'error', from: 0, to: 2 }, { level: 'info', from: 2, to: 3 }], [], [{ level: 'info', from: 0, to: 2 }]])
  assert.deepEqual([highest(bars(volume)), totalOf(volume)], [3, 5])
  assert.deepEqual(totals(volume), [{ level: 'error', total: 2 }, { level: 'info', total: 3 }])
  assert.deepEqual([99, 100, 129.9, 130].map((t) => barAt(volume, t)), [-1, 0, 2, -1])
})

test('streams of the services, machines and containers of a chart are asked for, under the names that streams have', () => {
  const names = ['service_name', 'host_name', 'odd']
  assert.deepEqual(wantedOf([{ service: 'web', host: 'a' }, { service: 'db', host: 'a' }], names), [{ name: 'service_name', values: ['web', 'db'] }, { name: 'host_name', values: ['a'] }])
  assert.deepEqual(wantedOf([{ service: 'web' }, { core: '1' }], names), [], 'a line of no service is of all of them')
  assert.deepEqual(wantedOf([{ container: 'x' }], names), [], 'no stream has a container')
  assert.deepEqual(wantedOf(Array.from({ length: 11 }, (_, i) => ({ service: String(i) })), names), [])
  assert.deepEqual(wantedOf([], names), [])
  assert.equal(selectorOf([{ name: 'app', values: ['a.b', 'c'] }, { name: 'host', values: [] }]), '{app=~"a\\\\.b|c"}')
  assert.equal(selectorOf([{ name: 'app', values: ['a"b'] }]), '{app="a\\"b"}')
  assert.equal(selectorOf([]), '')
})

test('the field offers labels and values where they can be written, and colours what is there', () => {
  /** @param {string} text with a | where the caret is */
  const at = (text) => { const i = text.indexOf('^'); const c = contextAt(text.replace('^', ''), i); return c && [c.kind, c.label, c.word, c.closed] }
  assert.deepEqual(at('{se^'), ['label', '', 'se', false])
  assert.deepEqual(at('{a="b", ^}'), ['label', '', '', false])
  assert.deepEqual(at('{a="b^"}'), ['value', 'a', 'b', true])
  assert.deepEqual(at('{a=~"b^'), ['value', 'a', 'b', false])
  assert.deepEqual(at('{a=^'), ['value', 'a', '', false])
  for (const text of ['{a="b"}^', '{a="b"} |= "x^"', '{a="b"^}', '^']) assert.equal(at(text), null, text)
  const text = 'sum(rate({a="b{"} |= `x` # why\n | json | n > 5m [5m]))'
  assert.equal(tokens(text).map((t) => t.text).join(''), text)
  assert.deepEqual(tokens(text).filter((t) => t.kind).map((t) => `${t.kind} ${t.text}`), ['function sum', 'function rate', 'label a', 'string "b{"', 'string `x`', 'comment # why', 'keyword json', 'label n', 'number 5m', 'number 5m'])
})

test('the query of a kind finds the lines that its template is of', () => {
  for (const [template, line] of [
    ['connection to <*> refused', 'connection  to 10.0.0.7:80 refused'],
    ['job <*> <*> failed', '{"level":"error","n":7,"msg":"job 7 \\"x\\" failed"}'],
    ['open <*>: permission denied', 'open /var/log/app.log: permission denied'],
    ['<*> [worker-<*>] failed (a+b)', '2026-11-27 [worker-3] failed (a+b) at last'],
    ['<*>', 'anything'],
  ]) assert.match(line, new RegExp(patternOf(template), 's'), template)
  assert.doesNotMatch('connection from a refused', new RegExp(patternOf('connection to <*> refused'), 's'))
  assert.equal(queryOfKind({ level: 'error', template: 'a <*> b' }, '{app="x"}'), '{app="x"} | detected_level="error" |~ "a.*b"')
  assert.equal(queryOfKind({ level: 'fatal', template: '<*>' }, '{}'), '{} | detected_level="fatal"')
})
