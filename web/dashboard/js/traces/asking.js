/**
 * What an address answers, for as long as it is on screen: asked when what is asked changes or the reader says so, given up when it is no longer wanted.
 */
import { ApiError, ask } from '../api.js'
import { useEffect, useState } from '../lib.js'
import { serverTime } from '../stores/clock.js'

/**
 * @typedef {{ data: any, error: string, status: number, at: number, busy: boolean, key: string }} Asked
 *   `data`: the newest answer, null before the first; `error`, `status`: of the newest question, if it failed; `at`: when it was answered, Unix seconds;
 *   `key`: of the question that `data` answers
 */

/** @param {string} path @param {Record<string, string|number>|null} params null: nothing is asked @param {unknown} [turn] asks again when it changes @returns {Asked} */
export function useAsked(path, params, turn) {
  const key = params && path + JSON.stringify(params)
  const [held, hold] = useState(/** @type {Asked & { asked: string|null }} */ ({ data: null, error: '', status: 0, at: 0, busy: true, key: '', asked: '' }))
  useEffect(() => {
    if (key === null || params === null) return undefined
    const stop = new AbortController()
    hold((before) => ({ ...before, busy: true }))
    ask(path, params, stop.signal).then(
      ({ data }) => hold({ data, error: '', status: 200, at: serverTime(), busy: false, key, asked: key }),
      (error) => {
        if (stop.signal.aborted) return
        hold((before) => ({ ...before, error: error instanceof Error ? error.message : String(error), status: error instanceof ApiError ? error.status : 0, at: serverTime(), busy: false, asked: key }))
      },
    )
    return () => stop.abort()
  }, [key, turn])
  return { ...held, busy: key !== null && (held.busy || held.asked !== key) }
}
