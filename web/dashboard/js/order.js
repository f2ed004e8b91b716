/**
 * The order of names: as people sort them, task 10 after task 9.
 */

/** Made once, at the first use: `localeCompare` with options takes a hundred times as long, and a start must not wait for it. @type {Intl.Collator|undefined} */
let collator

/** @param {string} a @param {string} b */
export const byName = (a, b) => (collator ??= new Intl.Collator('en', { numeric: true })).compare(a, b)

/**
 * The same things in an order in which those that were there before keep theirs; what is new follows.
 * @template T @param {string[]} before keys in their order @param {T[]} list @param {(thing: T) => string} keyOf @returns {T[]}
 */
export function inPlace(before, list, keyOf) {
  const held = before.flatMap((key) => list.filter((thing) => keyOf(thing) === key))
  return [...held, ...list.filter((thing) => !before.includes(keyOf(thing)))]
}
