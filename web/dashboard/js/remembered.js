/**
 * Answers that several parts of a page ask for: names of labels, their values. Asked once and kept for a minute.
 */
import { get } from './api.js'

/** How long an answer is good. */
export const FRESH_MS = 60_000
/** Answers kept at the most. */
const MOST_KEPT = 100

/** @type {Map<string, { at: number, answer: Promise<any> }>} */
const kept = new Map()

/** @param {string} path @param {Record<string, string|number>} params @param {string} [key] what it is kept by, where some parameters change with the time @returns {Promise<any>} */
export function remembered(path, params, key = `${path} ${JSON.stringify(params)}`) {
  const held = kept.get(key)
  if (held && performance.now() - held.at < FRESH_MS) return held.answer
  const answer = get(path, params)
  answer.catch(() => kept.delete(key))
  kept.delete(key)
  kept.set(key, { at: performance.now(), answer })
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value ?? '')
  return answer
}
