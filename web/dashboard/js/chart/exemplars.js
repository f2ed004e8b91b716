/**
 * Exemplars of a chart: single measurements, each a mark at its time and value that opens its trace.
 *
 * Pure. A value is put on the axis only where the chart shows values of its kind: the rate of a histogram counts requests, its exemplars are
 * durations. Those stand at the foot of the plot, at their time alone. What is off the axis stands at its edge.
 *
 * @import { SeriesExemplars } from '../types.js'
 * @import { Unit } from '../format.js'
 * @typedef {{ key: string, time: number, value: number, trace: string, unit: Unit, labels: Record<string, string> }} Mark  `trace`: its id; empty for none
 * @typedef {{ start: number, end: number, low: number, high: number, width: number, height: number }} Plane  what a plot shows, and how large it is
 * @typedef {Mark & { x: number, y: number, place: 'value'|'above'|'below'|'time' }} Dot  `place`: whether it stands at its value
 */
import { unitOf } from '../format.js'
import { floatOf } from './series.js'
import { figure } from './words.js'

/** Marks of a chart at the most. */
const MOST_DOTS = 100
/** Of marks that are closer than this, the highest is drawn. */
const CELL_PX = 10
/** How far from an edge marks stand that are not at their value. */
const EDGE_PX = 6
/** Labels that hold the id of a trace. */
const TRACES = ['trace_id', 'traceID', 'TraceID', 'traceId']
/** Labels that a mark names. */
const MOST_LABELS = 6

/** One of each measurement, by time. @param {SeriesExemplars[]} list @returns {Mark[]} */
export function marksOf(list) {
  /** @type {Map<string, Mark>} */
  const marks = new Map()
  for (const { seriesLabels, exemplars } of list) {
    const unit = unitOf((seriesLabels.__name__ ?? '').replace(/_(bucket|sum)$/, ''))
    for (const { labels, value, timestamp } of exemplars) {
      const trace = TRACES.map((name) => labels[name]).find(Boolean) ?? ''
      const key = `${timestamp} ${value} ${trace || JSON.stringify(labels)}`
      if (!marks.has(key)) marks.set(key, { key, time: timestamp, value: floatOf(value), trace, unit, labels })
    }
  }
  return [...marks.values()].sort((a, b) => a.time - b.time)
}

/** Whether a chart shows values of the kind that its exemplars have. @param {string[]} queries */
export const onAxis = (queries) => queries.every((query) => /\bhistogram_quantiles?\s*\(/.test(query) || (/^\s*[a-zA-Z_:][\w:]*\s*(\{[^]*\})?\s*$/.test(query) && !/^\s*[\w:]*_(bucket|count|sum|total)\b/.test(query)))

/** The values of those within a time that the axis needs room for; none where they do not belong on it. @param {Mark[]} marks @param {boolean} valued @param {[number, number]} span @returns {[number, number]|undefined} */
export function reachOf(marks, valued, [start, end]) {
  const values = valued ? marks.filter(({ time, value }) => time >= start && time <= end && Number.isFinite(value)).map(({ value }) => value) : []
  return values.length > 0 ? [Math.min(...values), Math.max(...values)] : undefined
}

/** All queries of a chart as one, whose selectors are those of all; empty for none. What is a number alone has none. @param {string[]} queries */
export function oneQuery(queries) {
  const vectors = queries.length > 1 ? queries.filter((query) => !/^\s*(scalar|time|pi)\s*\(|^[\d.eE\s+*/()%^-]+$/.test(query)) : queries
  return vectors.length > 1 ? vectors.map((query) => `(${query})`).join(' or ') : vectors[0] ?? ''
}

/** Where marks are drawn. @param {Mark[]} marks @param {Plane} plane @param {boolean} valued whether values belong on the axis @returns {Dot[]} by time */
export function dotsOf(marks, plane, valued) {
  /** @type {Map<string, Dot>} */
  const cells = new Map()
  for (const mark of marks) {
    if (mark.time < plane.start || mark.time > plane.end) continue
    const dot = placed(mark, plane, valued)
    const cell = `${Math.floor(dot.x / CELL_PX)} ${Math.floor(dot.y / CELL_PX)}`
    const held = cells.get(cell)
    if (!held || dot.value > held.value) cells.set(cell, dot)
  }
  const dots = [...cells.values()]
  const kept = dots.length > MOST_DOTS ? dots.sort((a, b) => b.value - a.value).slice(0, MOST_DOTS) : dots
  return kept.sort((a, b) => a.time - b.time)
}

/** @param {Mark} mark @param {Plane} plane @param {boolean} valued @returns {Dot} */
function placed(mark, { start, end, low, high, width, height }, valued) {
  const x = ((mark.time - start) / (end - start)) * width
  if (!valued) return { ...mark, x, y: height - EDGE_PX, place: 'time' }
  if (mark.value > high) return { ...mark, x, y: EDGE_PX, place: 'above' }
  if (mark.value < low) return { ...mark, x, y: height - EDGE_PX, place: 'below' }
  return { ...mark, x, y: height - ((mark.value - low) / (high - low)) * height, place: 'value' }
}

/** A mark in words. @param {Mark} mark @param {string} at its time, as text */
export function saidOf({ value, unit, trace, labels }, at) {
  const others = Object.entries(labels).filter(([, text]) => text !== trace).slice(0, MOST_LABELS).map(([name, text]) => `${name} ${text}`)
  return [`${figure(value, unit)} at ${at}`, trace ? `trace ${trace}` : 'no trace', ...others].join(', ')
}
