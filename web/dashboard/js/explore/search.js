/**
 * Which metrics some words mean: those with every word in name or description, names first.
 */
import { useMemo } from '../lib.js'
import { describe } from './knowledge.js'

/** @param {string[]} names @param {Record<string, import('../types.js').MetricMetadata[]>} meta @param {string} text @returns {string[]} */
export function found(names, meta, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return names
  /** @type {[string[], string[]]} */
  const ranks = [[], []]
  for (const name of names) {
    const lower = name.toLowerCase()
    if (words.every((word) => lower.includes(word))) ranks[0].push(name)
    else {
      const help = (describe(meta, name)?.help ?? '').toLowerCase()
      if (words.every((word) => lower.includes(word) || help.includes(word))) ranks[1].push(name)
    }
  }
  return ranks.flat()
}

/** @param {string[]} names @param {Record<string, import('../types.js').MetricMetadata[]>} meta @param {string} text */
export const useSearch = (names, meta, text) => useMemo(() => found(names, meta, text), [names, meta, text])
