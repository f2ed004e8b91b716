/**
 * What is wrong with a query: where, in words, and what would be right.
 *
 * Pure. The service says what is wrong and at which line and column; what would be right is added for the usual slips.
 *
 * @typedef {{ from: number, to: number, words: string, advice: string }} Mistake  `from`–`to`: what is marked; equal where the place is not known
 */
import { AGGREGATIONS, FUNCTIONS } from './functions.js'

const SHAPE = /(?:invalid parameter "?\w+"?: )?(?:(\d+):(\d+): )?(?:parse error: )?(.*)$/s

/** @type {Array<[RegExp, string|((found: RegExpExecArray, query: string) => string)]>} */
const ADVICE = [
  [/unclosed left parenthesis|unclosed left bracket|unclosed left brace/, (found) => `Close it with ${found[0].includes('parenthesis') ? ')' : found[0].includes('bracket') ? ']' : '}'}.`],
  [/unexpected right parenthesis|unexpected "?\)"?/, 'Take the ) away, or open one before it.'],
  [/unknown function with name "([^"]+)"/, (found) => similar(found[1])],
  [/expected type range vector/, 'Give the selector a range, such as [5m].'],
  [/expected type instant vector/, 'Take the range in brackets away, or put the selector into a function such as rate().'],
  [/ranges? only allowed for vector selectors/, 'A range stands directly behind a selector; of an expression take a subquery, such as [5m:1m].'],
  [/invalid expression type "range vector" for range query/, 'Put the selector into a function such as rate() or avg_over_time(), or take the range away.'],
  [/at least one non-empty matcher|at least one matcher/, 'Name a metric, or give a label a value.'],
  [/unterminated quoted string/, 'Close the text with the quote that opens it.'],
  [/bad number or duration|unknown unit|bad duration|not a valid duration/, 'Lengths of time are written 30s, 5m, 1h, 7d.'],
  [/unexpected end of input/, 'The query stops too early: finish what it began.'],
  [/error parsing regexp|invalid regular expression|regexp/, 'Regular expressions are RE2’s; put a \\ before a character that is meant literally.'],
  [/more than (\d+) steps|exceeded maximum resolution/, 'Choose a shorter period.'],
  [/query\.max_samples|too many samples|query\.max_bytes/, 'Ask for less time or fewer series, or sum them up.'],
  [/timed? ?out|query\.timeout/, 'Ask for less time or fewer series, or raise query.timeout.'],
  [/many-to-many matching/, 'Say with on(…) or ignoring(…) which labels tell the series apart, and with group_left or group_right which side has more.'],
]

/** @param {string} error as the service says it @param {string} query @returns {Mistake} */
export function mistakeOf(error, query) {
  const [, line, column, said] = SHAPE.exec(error) ?? ['', undefined, undefined, error]
  const words = said.charAt(0).toUpperCase() + said.slice(1)
  const place = line === undefined ? { from: 0, to: 0 } : stretch(query, Number(line), Number(column))
  return { ...place, words, advice: adviceFor(said, query) }
}

/** @param {string} said @param {string} query */
function adviceFor(said, query) {
  for (const [pattern, advice] of ADVICE) {
    const found = pattern.exec(said)
    if (found) return typeof advice === 'string' ? advice : advice(found, query)
  }
  return ''
}

/** The word at a line and column, or the character; the last one where the query ends before it. @param {string} query @param {number} line @param {number} column */
function stretch(query, line, column) {
  const lines = query.split('\n')
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0)
  const from = Math.max(0, Math.min(query.length - 1, before + inUnits(lines[line - 1] ?? '', column - 1)))
  const word = /^[\w:.]+/.exec(query.slice(from))?.[0].length ?? 1
  return { from, to: Math.min(query.length, from + Math.max(1, word)) }
}

/** The service counts bytes of UTF-8, a text in the browser UTF-16 units. @param {string} line @param {number} bytes */
function inUnits(line, bytes) {
  let left = bytes
  let units = 0
  for (const character of line) {
    if (left <= 0) break
    left -= new TextEncoder().encode(character).length
    units += character.length
  }
  return units
}

/** @param {string} name */
function similar(name) {
  const known = [...FUNCTIONS, ...AGGREGATIONS].map((f) => f.name)
  const near = known.map((k) => ({ k, d: distance(name.toLowerCase(), k) })).filter(({ d }) => d <= 2).sort((a, b) => a.d - b.d || shared(b.k, name) - shared(a.k, name))[0]
  return near ? `Is ${near.k}() meant?` : 'Begin to write a name, and functions are offered.'
}

/** How many letters two words begin alike with. @param {string} a @param {string} b */
function shared(a, b) {
  let n = 0
  while (n < a.length && a[n] === b[n]) n += 1
  return n
}

/** Changes of single letters from one word to another. @param {string} a @param {string} b */
function distance(a, b) {
  if (Math.abs(a.length - b.length) > 2) return 3
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]
}
