/**
 * A list whose rows stay where they are: a new one comes in at the top, unless the reader is in the list; then it waits to be shown.
 *
 * @import { Session } from './words.js'
 */
import { useEffect, useRef, useState } from '../lib.js'
import { held, rowOf, ordered } from './words.js'

/** @param {Session[]} sessions those that the filters leave @param {string} question another one begins in an order of its own */
export function useHeld(sessions, question) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  /** @type {{ current: { question: string, keys: string[]|null, hovers: boolean } }} */
  const state = useRef({ question, keys: null, hovers: false })
  const [, draw] = useState(0)
  if (state.current.question !== question) state.current = { ...state.current, question, keys: null }
  const { keys, hovers } = state.current
  const reads = hovers || (box.current?.contains(document.activeElement) ?? false)
  const known = new Set(keys)
  const all = keys === null ? ordered(sessions) : held(keys, sessions)
  const waits = keys !== null && reads ? all.filter((session) => !known.has(rowOf(session))).length : 0
  const list = waits > 0 ? all.filter((session) => known.has(rowOf(session))) : all
  useEffect(() => { state.current.keys = list.map(rowOf) })
  const again = () => draw((n) => n + 1)
  return {
    list, waits, box,
    /** @param {boolean} to */
    hover: (to) => {
      state.current.hovers = to
      if (!to) again()
    },
    /** All of them, in the order in which a list begins. */
    show: () => {
      state.current.keys = null
      again()
    },
  }
}
