/**
 * What the page asks for as long as it is on screen: the lines of the query and the time in the address.
 */
import { effect, untracked, useEffect, useMemo, useRef } from '../lib.js'
import { awake } from '../stores/awake.js'
import { serverTime } from '../stores/clock.js'
import { range } from '../stores/place.js'
import { open } from './asking.js'
import { queryOf } from './query_shown.js'

/** @param {string} text as it is in the address @param {number} bars 0 while it is not known how many find room @param {number} turn rises when the reader asks again */
export function useFound(text, bars, turn) {
  const asking = useMemo(open, [])
  /** A window that is made wider is no reason to ask again. */
  const room = useRef(bars)
  room.current = bars
  useEffect(() => {
    if (bars === 0) return undefined
    let asked = ''
    return effect(() => {
      const { name, seconds, end } = range.value
      // A hidden page asks nothing; a reader who comes back finds what was there.
      if (!awake.value || asked === name) return
      asked = name
      untracked(() => {
        const to = end ?? serverTime()
        asking.show({ query: queryOf(text), start: to - seconds, end: to, bars: room.current })
      })
    })
  }, [text, bars > 0, turn])
  useEffect(() => asking.end, [])
  return asking
}
