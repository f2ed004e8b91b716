/**
 * Queries of before, kept in the browser: the newest first, each once, and not without bound.
 */
import { signal } from '../lib.js'

const MOST = 50
/** A longer query is not kept. */
const LONGEST = 5000

/** @param {string} key where the browser keeps them @returns {string[]} */
function read(key) {
  try {
    const held = JSON.parse(localStorage.getItem(key) ?? '[]')
    return Array.isArray(held) ? held.filter((q) => typeof q === 'string').slice(0, MOST) : []
  } catch {
    return []
  }
}

/** Those of one language. @param {string} key */
export function queriesOfBefore(key) {
  const history = signal(read(key))
  /** @param {string[]} next */
  const write = (next) => {
    history.value = next
    try {
      localStorage.setItem(key, JSON.stringify(next))
    } catch {
      // Then it is known until the page is closed.
    }
  }
  return {
    history,
    /** @param {string} query */
    remember: (query) => {
      const text = query.trim()
      if (text !== '' && text.length <= LONGEST && text !== history.peek()[0]) write([text, ...history.peek().filter((q) => q !== text)].slice(0, MOST))
    },
    /** @param {string} query */
    forget: (query) => write(history.peek().filter((q) => q !== query)),
    forgetAll: () => write([]),
  }
}

export const { history, remember, forget, forgetAll } = queriesOfBefore('taskpulse.queries')
