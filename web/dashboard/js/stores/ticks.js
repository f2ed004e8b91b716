/**
 * What stands as ticks below charts: the time line, and moments that are no events of it: changes that somebody marked, and changes that
 * advice is about.
 *
 * @import { Event as TimelineEvent, Experiment } from '../types.js'
 */
import { isMoment } from '../advice/life.js'
import { quoted } from '../format.js'
import { computed } from '../lib.js'
import { allAdvice } from './advice.js'
import { replayed } from './clock.js'
import { events, onEvents } from './events.js'
import { refreshed } from './refreshed.js'

const { told, refresh, follow } = refreshed('/api/v1/experiments')

onEvents((fresh) => {
  if (fresh.some((event) => event.kind.startsWith('experiment_'))) refresh()
})

/** A change was marked or removed here. */
export const refreshTicks = refresh

let begun = false
/** Asks for changes that were marked, from the first chart on that is drawn. */
export function followTicks() {
  if (begun) return
  begun = true
  follow()
}

/** Where each change that was marked begins. @param {Experiment[]} experiments @returns {TimelineEvent[]} */
export const beginnings = (experiments) => experiments.map(({ id, title, expr, at }) => ({
  id: `experiment ${id}`, time: at, source: 'advice', kind: 'experiment_begins', severity: 'info', subject: id, title: `Change: ${quoted(title || expr, 120)}`, data: null,
}))

/** The moments that advice says something changed at. @param {import('../advice/life.js').Piece[]} advice @returns {TimelineEvent[]} */
export const changePoints = (advice) => advice.flatMap(({ id, title, severity, query, evidence }) => evidence.filter(isMoment).map(({ value }) => ({
  id: `change ${id}`, time: /** @type {number} */ (value), source: 'advice', kind: 'advice_change', severity, subject: id, title, data: { query },
})))

const moments = computed(() => [...beginnings(/** @type {Experiment[]} */ (told.value.data ?? [])), ...changePoints(allAdvice.value ?? [])])

/** Newest first; null until something is known. */
export const ticks = computed(() => {
  const at = replayed.value
  const more = at === null ? moments.value : moments.value.filter(({ time }) => time <= at)
  const known = events.value
  return known === null || more.length === 0 ? known : [...known, ...more].sort((a, b) => b.time - a.time)
})

/** The first word of the first metric of a query: `probe_`, `github_`. @param {string} query */
const familyOf = (query) => `${/[A-Za-z_:][\w:]*/.exec(query)?.[0].split('_')[0] ?? ''}_`

/**
 * The ticks of one chart: a change point of latency is none of the chart of CI, and the other way round. What else happened stands below all charts.
 * Gives the same list for the same events. @param {string[]} shown queries and selectors of the chart @returns {(events: TimelineEvent[]) => TimelineEvent[]}
 */
export function ticksOfChart(shown) {
  /** @type {TimelineEvent[]} */
  let of = []
  let kept = of
  const isForeign = (/** @type {TimelineEvent} */ { kind, data }) => kind === 'advice_change' && !shown.some((text) => text.includes(familyOf(/** @type {{ query: string }} */ (data).query)))
  return (events) => {
    if (events !== of) [of, kept] = [events, events.some(isForeign) ? events.filter((event) => !isForeign(event)) : events]
    return kept
  }
}
