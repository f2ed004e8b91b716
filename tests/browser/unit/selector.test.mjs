/**
 * Selectors: reading them, writing them, matching.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caption, matches, parse, print } from '../../../web/dashboard/js/selector.js'
import { pick, random } from './random.mjs'

/** Whether a selector matches labels; null where it is none. @param {string} selector @param {Record<string, string>} metric */
function answer(selector, metric) {
  const parsed = parse(selector)
  return parsed && matches(parsed, metric)
}

test('a selector matches as docs/API.md says', () => {
  /** @type {Array<[string, Record<string, string>, boolean|null]>} */
  const cases = [
    ['up', { __name__: 'up' }, true], ['up', { __name__: 'upper' }, false], ['system_*', { __name__: 'system_cpu' }, true], ['system_*', { __name__: 'sys' }, false],
    [' up ', { __name__: 'up' }, true], ['up{}', { __name__: 'up', a: 'b' }, true], ['up', {}, false],
    ['m{a="b"}', { __name__: 'm', a: 'b' }, true], ['m{a="b",c!="d"}', { __name__: 'm', a: 'b', c: 'd' }, false], ['m{a="b",}', { __name__: 'm', a: 'b' }, true],
    ['m{a=""}', { __name__: 'm' }, true], ['m{a!=""}', { __name__: 'm' }, false],
    ['m{a=~"x|y"}', { __name__: 'm', a: 'y' }, true], ['m{a!~"x.*"}', { __name__: 'm', a: 'xx' }, false], ['m{a=~"x"}', { __name__: 'm', a: 'xx' }, false],
    ['m{a=~"x.y"}', { __name__: 'm', a: 'x\ny' }, true], ['m{a="q\\"uote, {brace}"}', { __name__: 'm', a: 'q"uote, {brace}' }, true],
    ['m{', {}, null], ['sum(m)', {}, null], ['m{a="b" c="d"}', {}, null], ['m{a=~"("}', {}, null], ['', {}, null], ['m{a=b}', {}, null], ['m[5m]', {}, null],
  ]
  for (const [selector, metric, expected] of cases) assert.equal(answer(selector, metric), expected, `${selector} on ${JSON.stringify(metric)}`)
})

test('a series is named in one way, whatever the order of its labels', () => {
  assert.equal(print({ __name__: 'm', b: '1', a: 'q"\\' }), 'm{a="q\\"\\\\",b="1"}')
  assert.equal(print({ b: '1', a: '2', __name__: 'm' }), print({ __name__: 'm', a: '2', b: '1' }))
  assert.equal(print({}), '')
})

test('what is printed is read back, matches its series and no other', () => {
  const next = random(7)
  const pieces = ['a', '"', '\\', '\n', ',', '}', '{', '=', ' ', 'ß', '\u{1f600}', '\t', '\\n', '']
  for (let n = 0; n < 1000; n += 1) {
    /** @type {Record<string, string>} */
    const metric = { __name__: pick(next, ['m', 'a:b', '_x1']) }
    for (const label of ['a', 'b', 'job'].filter(() => next() < 0.7)) metric[label] = Array.from({ length: Math.floor(next() * 6) }, () => pick(next, pieces)).join('')
    const text = print(metric)
    assert.equal(answer(text, metric), true, text)
    for (const label of Object.keys(metric)) assert.equal(answer(text, { ...metric, [label]: `${metric[label]}x` }), false, `${text}, another ${label}`)
  }
})

test('a caption has the values of the labels, or the name where there are none', () => {
  assert.equal(caption({ __name__: 'm', device: 'sda1', direction: 'read' }), 'sda1 · read')
  assert.equal(caption({ __name__: 'm' }), 'm')
  assert.equal(caption({}), '')
})
