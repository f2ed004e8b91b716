/**
 * Which entries are meant by some words, the best first.
 *
 * Pure. Every word must occur; at the beginning of a part it counts more than within one, and short names more than long ones. Of
 * thousands of entries only the best few are put in order.
 *
 * @typedef {{ words: string, lower?: string }} Ranked  `lower`: what is searched, kept after the first search
 */

/** More of a name than this is not searched: a title may be a page long. */
const LONGEST = 300

/** @template {Ranked} T @param {T[]} entries @param {string} words @param {number} [most] @returns {T[]} */
export function rank(entries, words, most = Infinity) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) return entries.slice(0, most)
  /** @type {Array<{ entry: T, score: number }>} the best so far, in order */
  const best = []
  for (const entry of entries) {
    entry.lower ??= entry.words.slice(0, LONGEST).toLowerCase()
    const found = score(entry.lower, wanted)
    if (found === 0 || (best.length >= most && found <= best[best.length - 1].score)) continue
    let at = best.length
    while (at > 0 && best[at - 1].score < found) at -= 1
    best.splice(at, 0, { entry, score: found })
    if (best.length > most) best.pop()
  }
  return best.map(({ entry }) => entry)
}

/** 0 where a word does not occur. @param {string} text @param {string[]} wanted */
function score(text, wanted) {
  let sum = 0
  for (const word of wanted) {
    const at = text.indexOf(word)
    if (at < 0) return 0
    const begins = at === 0 || /[^a-z0-9]/.test(text[at - 1])
    sum += text === word ? 8 : at === 0 ? 4 : begins ? 2 : 1
  }
  return sum + 1 / (1 + text.length)
}
