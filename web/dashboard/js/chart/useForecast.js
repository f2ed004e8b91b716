/**
 * The forecast that the reader asked a chart for: which chart it is stands in the address, `forecast=ID`, and the key `o` chooses it.
 *
 * @import { ChartLine } from './model.js'
 * @import { ChartSpec } from './specs.js'
 * @import { SeriesForecasts } from '../types.js'
 */
import { get } from '../api.js'
import { bind } from '../keys.js'
import { computed, useEffect, useMemo, useState } from '../lib.js'
import { axis } from '../stores/buckets.js'
import { now } from '../stores/clock.js'
import { param, range } from '../stores/place.js'
import { drawnOf, horizonOf, mayForecast, turnOf, wordsOf } from './forecast.js'

/** By the means of the key. */
const ASKED = 'forecast'
/** How far ahead is asked: changes with the length of the axis, not while it moves. */
const reach = computed(() => horizonOf(Math.round(axis.value.end - axis.value.start)))
/** Bound once for all charts: the one that has the focus answers. */
const bindKey = (() => {
  let bound = false
  return () => {
    if (bound) return
    bound = true
    bind([{ keys: 'o', words: 'Forecast of the chart in focus', group: 'Charts', run: () => document.activeElement?.closest('.chart-holder')?.dispatchEvent(new Event(ASKED)) }])
  }
})()

/** @typedef {{ on: boolean, toggle: () => void, spec: ChartSpec, words: Map<string, string>, said: string }} Forecast  `spec`: the chart with what is drawn of it; `words`: below each line, by its key; `said`: what is under way or went wrong */

/** @param {ChartSpec} spec @param {string[]} queries as they are asked, windows filled in @param {ChartLine[]} lines those that are drawn @param {{ current: HTMLElement|null }} holder @returns {Forecast} */
export function useForecast(spec, queries, lines, holder) {
  const asked = param('forecast')
  const may = mayForecast(spec)
  const on = may && asked.value === spec.id
  const toggle = () => { if (may) asked.value = asked.value === spec.id ? '' : spec.id }
  const [held, hold] = useState(/** @type {{ key: string, answers: SeriesForecasts[], error: string }} */ ({ key: '', answers: [], error: '' }))
  const { end } = range.value
  const horizon = reach.value
  const turn = useMemo(() => computed(() => turnOf(now.value, horizon)), [horizon])
  const key = on && queries.length > 0 ? JSON.stringify([queries, horizon, end]) : ''
  const live = on && end === null ? turn.value : 0
  useEffect(() => {
    if (key === '') return undefined
    let wanted = true
    /** @type {Record<string, number>} */
    const time = end === null ? {} : { time: end }
    Promise.all(queries.map((query) => get('/api/v1/forecast', { query, horizon, ...time }))).then(
      (answers) => { if (wanted) hold({ key, answers, error: '' }) },
      (error) => { if (wanted) hold({ key, answers: [], error: error.message }) },
    )
    return () => { wanted = false }
  }, [key, live])
  useEffect(bindKey, [])
  useEffect(() => {
    holder.current?.addEventListener(ASKED, toggle)
    return () => holder.current?.removeEventListener(ASKED, toggle)
  })
  const known = on && held.key === key
  const drawn = useMemo(() => {
    if (!on) return spec
    const { bands, means } = drawnOf(known ? held.answers : [], lines, spec)
    return { ...spec, ahead: horizon, means, bands: () => [...(spec.bands?.() ?? []), ...bands] }
  }, [on, known, held, lines, spec, horizon])
  const words = useMemo(() => (known && held.error === '' ? wordsOf(held.answers, lines, spec, now.peek()) : new Map()), [known, held, lines, spec])
  return { on, toggle, spec: drawn, words, said: !on ? '' : !known ? 'forecast is being made' : held.error && `no forecast: ${held.error}` }
}
