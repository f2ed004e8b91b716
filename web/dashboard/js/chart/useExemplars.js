/**
 * The exemplars of a chart: asked for once for each period that the reader looks at, and now and then while it goes with the time; never where the
 * service has none at all.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { Mark } from './exemplars.js'
 */
import { get } from '../api.js'
import { computed, useEffect, useMemo, useState } from '../lib.js'
import { now } from '../stores/clock.js'
import { range } from '../stores/place.js'
import { status } from '../stores/status.js'
import { marksOf, onAxis, oneQuery } from './exemplars.js'

/** So many are asked for: more than find room, so that closer ones are there once the reader zooms. */
const LIMIT = 300
/** A live chart asks again after a part of what it shows, within these bounds. */
const PART = 120
const PACE_S = [15, 300]
const any = computed(() => (status.value?.store.exemplars ?? 0) > 0)

/** @typedef {{ marks: Mark[], valued: boolean }} Exemplars  `valued`: their values belong on the axis */

/** @param {ChartSpec} spec @param {string[]} queries as they are asked, windows filled in @param {boolean} shown @returns {Exemplars|null} */
export function useExemplars(spec, queries, shown) {
  const [held, hold] = useState(/** @type {{ key: string, marks: Mark[] }} */ ({ key: '', marks: [] }))
  const on = !!spec.exemplars && shown && any.value
  const query = on ? oneQuery(queries) : ''
  const { end, seconds } = range.value
  const key = query && JSON.stringify([query, end, seconds])
  const turn = useMemo(() => computed(() => Math.floor(now.value / Math.min(PACE_S[1], Math.max(PACE_S[0], seconds / PART)))), [seconds])
  const live = key && end === null ? turn.value : 0
  useEffect(() => {
    if (!key) return undefined
    let wanted = true
    const to = end ?? now.peek()
    get('/api/v1/query_exemplars', { query, start: to - seconds, end: to, limit: LIMIT }).then(
      (list) => { if (wanted) hold({ key, marks: marksOf(list) }) },
      // The chart itself says what is wrong.
      () => {},
    )
    return () => { wanted = false }
  }, [key, live])
  return useMemo(() => (key && held.key === key && held.marks.length > 0 ? { marks: held.marks, valued: onAxis(queries) } : null), [key, held])
}
