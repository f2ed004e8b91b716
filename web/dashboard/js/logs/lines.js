/**
 * Lists of lines: pages of older lines, and lines that come in at the top while they are followed.
 *
 * Pure. Lists are kept in parts of some lines, and a part that does not change stays the same object: what is drawn of it need not be drawn anew.
 *
 * @import { LogLine } from '../types.js'
 * @typedef {{ parts: LogLine[][], count: number, left: number }} Tail  the newest part first; `left`: older lines that were dropped since it began
 */

import { day, exactTime } from '../format.js'

/** Lines of a part. */
export const PART = 50

/** What a line is known by. The same line of the same stream is kept once. @param {LogLine} line */
export const keyOf = ({ ns, labels, body }) => `${ns} ${JSON.stringify(labels)} ${body}`

/** Some lines in parts. @param {LogLine[]} lines @returns {LogLine[][]} */
export function inParts(lines) {
  const parts = []
  for (let at = 0; at < lines.length; at += PART) parts.push(lines.slice(at, at + PART))
  return parts
}

/** The lines of an older page that are not in the list yet: the page begins again with the oldest time of the list. @param {LogLine[][]} parts @param {LogLine[]} page */
export function fresh(parts, page) {
  const last = parts.at(-1)?.at(-1)?.ns
  const seen = new Set(atEnd(parts, last).map(keyOf))
  return page.filter((line) => line.ns !== last || !seen.has(keyOf(line)))
}

/** The lines of the oldest time of a list. @param {LogLine[][]} parts @param {string|undefined} [last] */
export function atEnd(parts, last = parts.at(-1)?.at(-1)?.ns) {
  const found = []
  for (let i = parts.length - 1; i >= 0; i -= 1) {
    const same = parts[i].filter((line) => line.ns === last)
    found.push(...same)
    if (same.length < parts[i].length) break
  }
  return found
}

/** @type {Tail} */
export const NO_TAIL = { parts: [], count: 0, left: 0 }

/** With lines that came in, the oldest of them first. Beyond `most` the oldest go, a part at a time. @param {Tail} tail @param {LogLine[]} lines @param {number} most @returns {Tail} */
export function pushed(tail, lines, most) {
  if (lines.length === 0) return tail
  const parts = [...tail.parts]
  for (const line of lines) {
    if (parts.length === 0 || parts[0].length >= PART) parts.unshift([])
    // Only the part that grows is a new object.
    parts[0] = [line, ...parts[0]]
  }
  let count = tail.count + lines.length
  let { left } = tail
  while (count > most && parts.length > 1) {
    const gone = parts.pop()?.length ?? 0
    count -= gone
    left += gone
  }
  return { parts, count, left }
}

/** The lines of a message of the tail, the oldest first. `streamLabels`: labels that streams have; all others are attributes. @param {any} message @param {ReadonlySet<string>} streamLabels @returns {LogLine[]} */
export function ofMessage(message, streamLabels) {
  /** @type {LogLine[]} */
  const lines = []
  for (const { stream, values } of message?.streams ?? []) {
    const { detected_level: severity = 'unknown', trace_id, span_id } = stream
    const pairs = Object.entries(stream)
    const labels = Object.fromEntries(pairs.filter(([name]) => streamLabels.has(name)))
    const attributes = Object.fromEntries(pairs.filter(([name]) => !streamLabels.has(name) && name !== 'trace_id' && name !== 'span_id'))
    for (const [ns, body] of values ?? []) lines.push({ ns, time: '', body, labels, severity, attributes, parsed: {}, replaced: false, trace_id, span_id })
  }
  return lines.sort((a, b) => (BigInt(a.ns) < BigInt(b.ns) ? -1 : 1))
}

/** How many lines were left out of a message. @param {any} message */
export const droppedOf = (message) => (message?.dropped_entries ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ entry) => sum + (Number(entry?.labels?.dropped) || 1), 0)

/** Seconds of a time in nanoseconds. @param {string} ns */
export const secondsOf = (ns) => Number(BigInt(ns) / 1_000_000n) / 1000

/** Nanoseconds of a time in seconds, as the service reads them. @param {number} seconds */
export const nsOf = (seconds) => String(BigInt(Math.round(seconds * 1000)) * 1_000_000n)

/** @type {WeakMap<LogLine, string>} */
const ids = new WeakMap()

/** What a line is called within the page: short, and the same each time it is asked for. @param {LogLine} line */
export function idOf(line) {
  const held = ids.get(line)
  if (held !== undefined) return held
  let [a, b] = [0x811c9dc5, 5381]
  const key = keyOf(line)
  for (let i = 0; i < key.length; i += 1) {
    const code = key.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = (Math.imul(b, 33) + code) | 0
  }
  const id = `${line.ns}-${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`
  ids.set(line, id)
  return id
}

/** `14:02:31.123`, with the day where it is another one. @param {string} ns @param {number} today Unix seconds */
export function timeOf(ns, today) {
  const t = secondsOf(ns)
  const clock = `${exactTime(Math.floor(t))}.${ns.slice(-9, -6).padStart(3, '0')}`
  return day(t) === day(today) ? clock : `${day(t)}\u00a0${clock}`
}
