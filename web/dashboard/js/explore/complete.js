/**
 * What the editor offers at the caret, the best first, and what taking an offer writes.
 *
 * Pure. Names, labels and values come from the store `knowledge.js`.
 *
 * @import { Context } from './language.js'
 */
import { AGGREGATIONS, DURATIONS, FUNCTIONS, OPERATORS } from './functions.js'

/**
 * @typedef {{ text: string, kind: string, detail: string, insert: string, caret: number }} Offer
 *   `detail`: one line about it; `caret`: where the caret stands afterwards, from the beginning of `insert`
 * @typedef {{ names: string[], help: (name: string) => string, labels: string[], values: string[] }} Known
 */

/** Most offers in the list. */
export const MOST = 50

/** @param {Context} context @param {Known} known @returns {Offer[]} */
export function offers(context, known) {
  switch (context.kind) {
    case 'label': return best(known.labels, context.word, (name) => plain(name, 'label', '', context.closed || context.metric === '' ? '' : '=""', -1))
    case 'value': return best(known.values, unescaped(context.word), (value) => ofValue(value, context))
    case 'duration': return best(DURATIONS, context.word, (length) => plain(length, 'length', '', context.closed ? '' : ']', 0))
    case 'operator': return best(OPERATORS, context.word, (word) => plain(word.name, 'word', word.help, ' ', 0))
    default: return names(context, known)
  }
}

/** @param {Context} context @param {Known} known */
function names(context, known) {
  const call = (/** @type {import('./functions.js').Known} */ f, /** @type {string} */ kind) => plain(f.name, kind, f.help, context.closed ? '' : '()', -1)
  const functions = [...FUNCTIONS.map((f) => ({ name: f.name, offer: () => call(f, 'function') })), ...AGGREGATIONS.map((f) => ({ name: f.name, offer: () => call(f, 'aggregation') }))]
  const metrics = known.names.map((name) => ({ name, offer: () => plain(name, 'metric', known.help(name), '', 0) }))
  return best([...functions, ...metrics], context.word, (one) => one.offer())
}

/** @param {string} text @param {string} kind @param {string} detail @param {string} after what is written behind it @param {number} back where the caret stands, from the end @returns {Offer} */
const plain = (text, kind, detail, after, back) => ({ text, kind, detail, insert: text + after, caret: text.length + after.length + (after ? back : 0) })

/** @param {string} value @param {Context} context @returns {Offer} */
function ofValue(value, context) {
  const insert = (context.quoted ? '' : '"') + value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n') + (context.closed ? '' : '"')
  return { text: value === '' ? '(empty)' : value, kind: 'value', detail: '', insert, caret: insert.length + (context.closed ? 1 : 0) }
}

/** @param {string} text */
const unescaped = (text) => text.replace(/\\(.)/gs, (_, c) => (c === 'n' ? '\n' : c))

/**
 * Those that hold the word: at their beginning first, then at the beginning of a part, then anywhere; as they stand within each of these.
 * @template {string|{ name: string }} T @param {T[]} all @param {string} word @param {(one: T) => Offer} offer
 */
function best(all, word, offer) {
  const wanted = word.toLowerCase()
  /** @type {[T[], T[], T[]]} */
  const found = [[], [], []]
  for (const one of all) {
    const name = (typeof one === 'string' ? one : one.name).toLowerCase()
    const at = name.indexOf(wanted)
    if (at < 0) continue
    const rank = at === 0 ? 0 : /[^a-z0-9]/.test(name[at - 1]) ? 1 : 2
    if (found[rank].length < MOST) found[rank].push(one)
  }
  return found.flat().slice(0, MOST).map(offer)
}

/** Whether the list comes up by itself while the reader types. @param {Context|null} context @param {Offer[]} found */
export function opensByItself(context, found) {
  if (!context || found.length === 0) return false
  if (context.kind === 'name' || context.kind === 'operator') {
    // One that stands there already has nothing to offer.
    return context.word !== '' && !(found.length === 1 && found[0].text === context.word)
  }
  return !(found.length === 1 && found[0].text === context.word)
}
