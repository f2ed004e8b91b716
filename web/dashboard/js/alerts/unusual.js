/**
 * What was unusual, one row a series.
 *
 * Pure.
 *
 * @import { Anomaly, Metric, WatchedSeries } from '../types.js'
 * @typedef {{ key: string, metric: Metric, newest: Anomaly, list: Anomaly[], spans: import('./outcome.js').Span[] }} Unusual  `list`: the newest first
 */
import { count } from '../format.js'
import { print } from '../selector.js'

/** An anomaly is about so many seconds before its time. */
const WINDOW_S = 300

/** The series whose anomaly is the newest come first. @param {Anomaly[]} anomalies the newest first @returns {Unusual[]} */
export function unusualOf(anomalies) {
  /** @type {Map<string, Unusual>} */
  const rows = new Map()
  for (const anomaly of anomalies) {
    const key = print(anomaly.metric)
    const row = rows.get(key) ?? { key, metric: anomaly.metric, newest: anomaly, list: [], spans: [] }
    row.list.push(anomaly)
    row.spans.push({ from: anomaly.time - WINDOW_S, to: anomaly.time })
    rows.set(key, row)
  }
  return [...rows.values()]
}

/** What can be said where nothing was reported: nobody knows it while what is usual is still learned. @param {WatchedSeries[]} watched */
export function nothingWords(watched) {
  if (watched.every((w) => w.learning)) return 'Whether anything was unusual is not known yet: nothing is judged before 128 windows of five minutes, about eleven hours of samples.'
  return watched.some((w) => w.learning) ? 'Nothing was unusual for itself in this time, as far as what is usual is learned.' : 'Nothing was unusual for itself in this time.'
}

/** `12 series are watched, 3 of them are still learned`. @param {WatchedSeries[]} watched */
export function watchedWords(watched) {
  const learning = watched.filter((w) => w.learning).length
  const many = `${count(watched.length, 'series', 'series')} ${watched.length === 1 ? 'is' : 'are'} watched`
  return learning === 0 ? many : `${many}, ${learning === watched.length ? 'what is usual is still learned' : `of ${learning} of them what is usual is still learned`}`
}
