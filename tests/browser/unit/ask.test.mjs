/**
 * Questions in the search: what counts as one, where it stands among what was found, and what is shown of an answer.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isQuestion, mayBeQuestion, withQuestion } from '../../../web/dashboard/js/ask/question.js'
import { readAnswer, sent } from '../../../web/dashboard/js/ask/reading.js'
import { utc } from '../../../web/dashboard/js/zone.js'

utc.value = true
/** @param {string} text */
const plain = (text) => text.replaceAll('\u00a0', ' ')

test('a question ends with its mark, or begins as questions do', () => {
  /** @type {Array<[string, boolean, boolean]>} */
  const cases = [
    ['is CI slower?', true, true], ['slow? ', true, true], ['?', false, false], ['', false, false], ['alerts', false, false], ['why', false, false], ['why is CI slow', false, true], ['What did task 7 cost', false, true],
    ['slowest workflows last week', false, true], ['memory pressure', false, false], ['whatever', false, false], ['system_cpu_utilization_ratio', false, false],
  ]
  assert.deepEqual(cases.map(([text]) => [text, isQuestion(text), mayBeQuestion(text)]), cases)
})

test('what asks stands first for a question and where nothing else fits, last where it may be one', () => {
  const of = (/** @type {string[]} */ found, /** @type {string} */ text) => withQuestion(found, text, 'ask').join(' ')
  assert.deepEqual([of(['a', 'b'], ''), of(['a', 'b'], 'cpu'), of([], 'cpu'), of(['a'], 'cpu high?'), of(['a'], 'why is cpu high')], ['a b', 'a b', 'ask', 'ask a', 'a ask'])
})

test('an answer is its sentence, the columns that are filled, and what else is said', () => {
  const now = Date.UTC(2026, 10, 27, 12) / 1000
  const read = readAnswer({
    understood: true, understood_as: 'How busy is the CPU?', sentence: 'CPU: 42 %', notes: ['“cpuu” was read as “cpu”'], missing: null, query: 'cpu', charts: [{ query: 'cpu', start: 1, end: 2, step: 1 }],
    rows: [{ name: 'cpu', text: '42 %', value: 0.42, compared: 0.2, unit: 'ratio', time: now }, { name: 'b', text: '', value: 0.1, compared: null, unit: 'ratio', time: null }], nearest: [], page: 'system',
  }, now)
  assert.deepEqual(read.columns, ['What', 'Answer', 'Before', 'When'])
  assert.deepEqual(read.rows.map((row) => row.map(plain)), [['cpu', '42 %', '20 %', '12:00'], ['b', '10 %', '–', '']])
  assert.deepEqual([read.as, read.notes], ['How busy is the CPU?', ['“cpuu” was read as “cpu”']])
  const refused = readAnswer({ understood: false, sentence: 'No CI source is configured', missing: 'no CI source is configured', nearest: ['Is the build green?'] }, now)
  assert.deepEqual([refused.understood, refused.sentence, refused.notes, refused.nearest, refused.rows, refused.charts], [false, 'No CI source is configured', [], ['Is the build green?'], [], []])
  assert.equal(readAnswer({ rows: Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, text: 'x' })) }, now).more, 8)
  assert.equal(sent('x'.repeat(10_000)).length, 2000, 'what is far too long is refused all the same')
})
