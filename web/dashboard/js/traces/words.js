/**
 * How traces are put into words.
 *
 * Pure.
 *
 * @import { Node } from './tree.js'
 */
import { count, exactTime, span as written } from '../format.js'

/** A length of time that may be negative. @param {number} seconds */
export const length = (seconds) => (seconds < 0 ? `−${written(seconds)}` : written(seconds))
/** A moment of a trace. @param {number} seconds since it began */
export const offset = (seconds) => `+${written(seconds)}`

/** Stands where there is no name. */
const NO_NAME = 'no name'
/** @param {string} name */
export const nameOf = (name) => name || NO_NAME

/** Whether a span is inside its parent, in a sentence; empty where it is. @param {Node} node */
export function outside({ early, late }) {
  const parts = [early > 0 && `begins ${written(early)} before its parent`, late > 0 && `ends ${written(late)} after it`]
  if (early > 0 && late > 0) return `It ${parts.join(' and ')}.`
  return early > 0 ? `It ${parts[0]}: the clocks of the two may differ.` : late > 0 ? `It ends ${written(late)} after its parent.` : ''
}

/** What a row shows without words, for screen readers: where it begins, whether the whole waits for it, what is below. @param {Node} node @param {boolean} critical @param {number} below */
export const unwritten = (node, critical, below) => [`begins at ${offset(node.from)}`, critical && 'on the critical path', below > 0 && `${count(below, 'span')} below`].filter(Boolean).join(', ')

/** A time of day to the millisecond. @param {number} t Unix seconds */
export const exactMoment = (t) => `${exactTime(t)}.${String(Math.floor((t - Math.floor(t)) * 1000)).padStart(3, '0')}`
