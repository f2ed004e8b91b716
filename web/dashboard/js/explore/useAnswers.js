/**
 * The answers of several queries; one that stays is not asked anew when another changes.
 */
import { useEffect, useRef } from '../lib.js'
import { open } from './asking.js'

/** @param {string[]} queries @param {import('./wanted.js').View} view */
export function useAnswers(queries, view) {
  const held = useRef(/** @type {Map<string, ReturnType<typeof open>>} */ (new Map()))
  const keys = queries.map((query) => `${view} ${query}`)
  keys.forEach((key, i) => { if (!held.current.has(key)) held.current.set(key, open(queries[i], view)) })
  useEffect(() => {
    for (const [key, handle] of held.current) {
      if (keys.includes(key)) continue
      handle.end()
      held.current.delete(key)
    }
  }, [keys.join('\n')])
  useEffect(() => () => {
    for (const handle of held.current.values()) handle.end()
    held.current.clear()
  }, [])
  return keys.map((key) => /** @type {ReturnType<typeof open>} */ (held.current.get(key)))
}
