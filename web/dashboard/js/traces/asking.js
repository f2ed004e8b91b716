/**
 * What an address answers, for as long as it is on screen: asked when what is asked changes or the reader says so, given up when it is no longer wanted.
 */
import { ApiError, ask, errorText } from '../api.js'
import { useEffect, useState } from '../lib.js'
import { serverTime } from '../stores/clock.js'

/**
 * @typedef {{ data: any, error: string, status: number, at: number, busy: boolean }} Asked
 *   `data`: the newest answer, null before the first; `at`: when that came, Unix seconds; `error`, `status`: of the newest question, if it failed
 */

/**
 * @param {string} path @param {Record<string, string|number>} params @param {unknown} [turn] asks again when it changes
 * @param {string} [question] what a reader would call the same question, at whatever time it is asked: its answer stays in view while it cannot be asked again
 * @returns {Asked}
 */
export function useAsked(path, params, turn, question = path + JSON.stringify(params)) {
  const key = path + JSON.stringify(params)
  const [held, hold] = useState({ data: /** @type {any} */ (null), error: '', status: 0, at: 0, question: '', asked: '' })
  useEffect(() => {
    const stop = new AbortController()
    hold((before) => ({ ...before, asked: '' }))
    ask(path, params, stop.signal).then(
      ({ data }) => hold({ data, error: '', status: 200, at: serverTime(), question, asked: key }),
      (error) => {
        if (stop.signal.aborted) return
        const failed = { error: errorText(error), status: error instanceof ApiError ? error.status : 0, asked: key }
        hold((before) => ({ ...before, ...failed, question, data: before.question === question ? before.data : null }))
      },
    )
    return () => stop.abort()
  }, [key, turn])
  const { data, at, asked } = held
  // What is wrong with one question says nothing about the next.
  const { error, status } = held.question === question ? held : { error: '', status: 0 }
  return { data, error, status, at, busy: asked !== key }
}
