/**
 * The histogram of log lines: one bar for each part of the time, its levels one upon the other, the worst at the bottom, where they are compared with ease.
 *
 * Pure.
 *
 * @import { LogVolume } from '../types.js'
 * @typedef {{ level: string, from: number, to: number }} Slice  counts, added up
 */
import { LEVELS } from './query.js'

/** Marks of levels; others have none. Colours of bars are in the style sheet. @type {Record<string, import('../statuses.js').Mark>} */
const MARKS = { fatal: 'critical', error: 'error', warn: 'warning', info: 'info' }
/** @type {Record<string, string>} */
const WORDS = { warn: 'warning', unknown: 'no level' }
/** @param {string} level */
export const levelWord = (level) => WORDS[level] ?? level
/** @param {string} level */
export const markOf = (level) => MARKS[level] ?? 'none'

/** The levels that there are lines of, the worst first, each with its sum. @param {LogVolume} volume */
export const totals = (volume) => LEVELS.flatMap((level) => {
  const found = volume.levels.find((l) => l.level === level)
  return found && found.total > 0 ? [{ level, total: found.total }] : []
})

/** The counts of some levels; null for all. @param {LogVolume} volume @param {ReadonlySet<string>|null} levels @returns {LogVolume} */
export const ofLevels = (volume, levels) => (levels ? { ...volume, levels: volume.levels.filter(({ level }) => levels.has(level)) } : volume)

/** How many lines there are in all. @param {LogVolume} volume */
export const totalOf = (volume) => volume.levels.reduce((sum, { total }) => sum + total, 0)

/** The slices of each bar. @param {LogVolume} volume @returns {Slice[][]} */
export function bars(volume) {
  const counts = LEVELS.map((level) => ({ level, counts: volume.levels.find((l) => l.level === level)?.counts ?? [] }))
  return Array.from({ length: volume.buckets }, (_, i) => {
    let from = 0
    return counts.flatMap(({ level, counts: of }) => {
      const n = of[i] ?? 0
      if (n === 0) return []
      from += n
      return [{ level, from: from - n, to: from }]
    })
  })
}

/** The highest bar. @param {Slice[][]} all */
export const highest = (all) => Math.max(0, ...all.map((bar) => bar.at(-1)?.to ?? 0))

/** The bar that holds a time; -1 where none does. @param {LogVolume} volume @param {number} time */
export function barAt({ start, step, buckets }, time) {
  const at = Math.floor((time - start) / step)
  return at >= 0 && at < buckets ? at : -1
}

/** How many bars stand in so many pixels. @param {number} width */
export const barsFor = (width) => Math.max(12, Math.min(120, Math.floor(width / 10)))
