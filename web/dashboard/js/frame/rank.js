/**
 * Which entries are meant by some words, the best first.
 *
 * Pure. Every word must occur; at the beginning of a part it counts more than within one, and short names more than long ones.
 */

/** @template {{ words: string }} T @param {T[]} entries @param {string} words @returns {T[]} */
export function rank(entries, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) return entries
  return entries
    .map((entry, at) => ({ entry, at, score: score(entry.words.toLowerCase(), wanted) }))
    .filter(({ score: found }) => found > 0)
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .map(({ entry }) => entry)
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
