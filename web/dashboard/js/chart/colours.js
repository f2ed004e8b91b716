/**
 * Which of the eight colours a series has: the same for the same labels, in every chart and after every load.
 *
 * Pure. Where two series of one chart would share a colour, the one that comes later by name takes the next that is free.
 */

export const COLOURS = 8

/** FNV-1a. @param {string} text */
export function hash(text) {
  let sum = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0
  return sum
}

/** A custom property for each key. @param {string[]} keys @param {(key: string) => string} [labelsOf] what the colour follows from @returns {Map<string, string>} */
export function coloursOf(keys, labelsOf = (key) => key) {
  if (keys.length === 1) return new Map([[keys[0], '--data']])
  const uses = Array(COLOURS).fill(0)
  const found = new Map()
  for (const key of [...keys].sort()) {
    let place = hash(labelsOf(key)) % COLOURS
    const least = Math.min(...uses)
    while (uses[place] > least) place = (place + 1) % COLOURS
    uses[place] += 1
    found.set(key, `--series-${place + 1}`)
  }
  return found
}
