/**
 * Asks the service whether a query is right while the reader writes it, once they pause.
 *
 * @import { Mistake } from './mistakes.js'
 */
import { ApiError, ask } from '../api.js'
import { useEffect, useState } from '../lib.js'
import { mistakeOf } from './mistakes.js'

const PAUSE_MS = 400

/** Null while the query is right, empty, or still written. @param {string} text @param {boolean} asked it runs already: its answer says whether it is right @returns {Mistake|null} */
export function useCheck(text, asked) {
  const [found, set] = useState(/** @type {{ text: string, mistake: Mistake|null }} */ ({ text: '', mistake: null }))
  useEffect(() => {
    if (asked || text.trim() === '') return undefined
    const stop = new AbortController()
    const timer = setTimeout(() => {
      ask('/api/v1/parse_query', { query: text }, stop.signal).then(
        () => set({ text, mistake: null }),
        (error) => {
          // Only the service itself knows; where it does not answer, nothing is wrong with the query.
          if (error instanceof ApiError && error.status === 400) set({ text, mistake: mistakeOf(error.message, text) })
        },
      )
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [text, asked])
  return found.text === text ? found.mistake : null
}
