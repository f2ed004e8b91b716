/**
 * What is typed into the search: whether it is a question, and where it stands among what was found.
 *
 * Pure.
 */

/** Words that questions begin with. */
const BEGINNINGS = /^(what|when|where|which|who|whose|why|how|is|are|was|were|did|does|do|has|have|will|can|could|should)\b/i
/** A name or two are searched for; more words than that may be a question. */
const MANY_WORDS = 3

/** Whether it is a question whatever else it finds. @param {string} text */
export const isQuestion = (text) => /\?\s*$/.test(text) && text.trim().length > 1

/** Whether it may be one. @param {string} text */
export const mayBeQuestion = (text) => isQuestion(text) || (BEGINNINGS.test(text.trim()) && /\s\S/.test(text.trim())) || text.trim().split(/\s+/).length >= MANY_WORDS

/**
 * What was found, with what asks: before the rest where it is a question or nothing else fits, after it where it may be one.
 * @template T @param {T[]} found @param {string} text @param {T} ask @returns {T[]}
 */
export function withQuestion(found, text, ask) {
  if (text.trim() === '') return found
  if (isQuestion(text) || found.length === 0) return [ask, ...found]
  return mayBeQuestion(text) ? [...found, ask] : found
}
