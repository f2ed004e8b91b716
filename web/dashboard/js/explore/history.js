/**
 * Queries of before, kept in the browser: the newest first, each once, and not without bound.
 */
import { signal } from '../lib.js'

const KEY = 'taskpulse.queries'
const MOST = 50
/** A longer query is not kept. */
const LONGEST = 5000

/** @returns {string[]} */
function read() {
  try {
    const held = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(held) ? held.filter((q) => typeof q === 'string').slice(0, MOST) : []
  } catch {
    return []
  }
}

export const history = signal(read())

/** @param {string[]} next */
function write(next) {
  history.value = next
  try {
    localStorage.setItem(KEY, JSON.stringify(next))
  } catch {
    // Then it is known until the page is closed.
  }
}

/** @param {string} query */
export function remember(query) {
  const text = query.trim()
  if (text !== '' && text.length <= LONGEST && text !== history.peek()[0]) write([text, ...history.peek().filter((q) => q !== text)].slice(0, MOST))
}

/** @param {string} query */
export const forget = (query) => write(history.peek().filter((q) => q !== query))
export const forgetAll = () => write([])
