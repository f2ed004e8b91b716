/**
 * The search over everything stays quick and short, however much there is; and lists keep their order.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rank } from '../../../web/dashboard/js/frame/rank.js'
import { inPlace } from '../../../web/dashboard/js/order.js'

const many = () => [
  ...Array.from({ length: 8000 }, (_, i) => ({ words: `${i} Write the ${i % 13 ? 'parser' : 'lexer'} of part ${i}` })),
  ...Array.from({ length: 2000 }, (_, i) => ({ words: `service_${i % 97}_requests_${i}_total` })),
]

test('the few best are those that putting all in order would give', () => {
  const entries = many()
  for (const words of ['parser', '77', 'requests 9', 'lexer of', 'x']) assert.deepEqual(rank(entries, words, 12), rank(entries, words).slice(0, 12), words)
  assert.equal(rank(entries, '', 12).length, 12)
})

test('among 2,000 metrics and 8,000 tasks a key is answered in a few milliseconds', () => {
  const entries = many()
  rank(entries, 'p', 12)
  const times = ['p', 'pa', 'par', 'pars', 'parser 7', 'requests total 12'].map((words) => {
    const begun = process.cpuUsage()
    rank(entries, words, 12)
    return process.cpuUsage(begun).user / 1e3
  })
  assert.ok(times.sort((a, b) => a - b)[3] < 50, String(times))
})

test('of a name as long as a page only the beginning is searched', () => {
  assert.deepEqual(rank([{ words: `task ${'x'.repeat(10_000)} end` }], 'end', 12), [])
})

test('what is in view keeps its place while others come and go', () => {
  /** @type {Array<[string[], string[], string[]]>} */
  const cases = [
    [[], ['b', 'a'], ['b', 'a']],
    [['a'], ['b', 'a'], ['a', 'b']],
    [['a', 'b', 'c'], ['d', 'a', 'c'], ['a', 'c', 'd']],
    [['a', 'b'], [], []],
  ]
  for (const [before, list, expected] of cases) assert.deepEqual(inPlace(before, list, (key) => key), expected)
})
