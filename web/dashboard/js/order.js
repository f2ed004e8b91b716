/**
 * The order of names: as people sort them, task 10 after task 9.
 */

/** Made once, at the first use: `localeCompare` with options takes a hundred times as long, and a start must not wait for it. @type {Intl.Collator|undefined} */
let collator

/** What has an order of its own below, as most names do: a collator takes as long to make as a page of them to draw. */
const PLAIN = /^[\x20-\x7e]*$/
/** Parts of a name: numbers, words, and what stands between them. */
const PARTS = /\d+|[a-z]+|[^\da-z]/gi

/** @param {string} a @param {string} b @returns {number} */
export function byName(a, b) {
  if (a === b) return 0
  return PLAIN.test(a) && PLAIN.test(b) ? plainly(a, b) : (collator ??= new Intl.Collator('en', { numeric: true })).compare(a, b)
}

/** Part by part; what differs in nothing but capitals, or in leading zeros, by itself. @param {string} a @param {string} b */
function plainly(a, b) {
  const [first, second] = [a, b].map((name) => name.toLowerCase().match(PARTS) ?? [])
  for (let i = 0; i < Math.min(first.length, second.length); i += 1) {
    const by = rank(first[i]) - rank(second[i]) || (rank(first[i]) === NUMBER ? Number(first[i]) - Number(second[i]) : order(first[i], second[i]))
    if (by !== 0) return by
  }
  return first.length - second.length || order(b, a)
}

const NUMBER = 1
/** Signs come before numbers, and those before words. @param {string} part */
const rank = (part) => (/\d/.test(part) ? NUMBER : /[a-z]/.test(part) ? 2 : 0)
/** @template T @param {T} a @param {T} b */
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0)

/**
 * The same things in an order in which those that were there before keep theirs; what is new follows.
 * @template T @param {string[]} before keys in their order @param {T[]} list @param {(thing: T) => string} keyOf @returns {T[]}
 */
export function inPlace(before, list, keyOf) {
  const held = before.flatMap((key) => list.filter((thing) => keyOf(thing) === key))
  return [...held, ...list.filter((thing) => !before.includes(keyOf(thing)))]
}
