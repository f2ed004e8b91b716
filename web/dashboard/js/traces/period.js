/**
 * The period in view as it is asked for.
 */
import { useMemo } from '../lib.js'
import { now } from '../stores/clock.js'
import { range } from '../stores/place.js'

/** The period in view, as it stands when it is asked for: the list does not move by itself. @param {unknown} turn asks anew, up to the present */
export function usePeriod(turn) {
  const { name, seconds, end } = range.value
  return useMemo(() => {
    const to = Math.ceil(end ?? now.peek())
    return { start: Math.floor(to - seconds), end: to }
  }, [name, seconds, end, turn])
}
