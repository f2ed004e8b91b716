/**
 * Runs by weekday and hour.
 *
 * Pure.
 *
 * @import { Line } from '../points.js'
 * @typedef {{ runs: number, failed: number }} Cell
 */

const FAILED = new Set(['failure', 'timed_out', 'startup_failure'])

/** Counts of runs of each hour as a week of 7 × 24 cells, Monday first. @param {Line[]} lines counts by `conclusion`, each of the hour before its time @param {boolean} utc @returns {Cell[][]} */
export function week(lines, utc) {
  const cells = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => ({ runs: 0, failed: 0 })))
  for (const line of lines) {
    line.t.forEach((t, i) => {
      const count = line.v[i] ?? 0
      const date = new Date((t - 3600) * 1000)
      const day = ((utc ? date.getUTCDay() : date.getDay()) + 6) % 7
      const cell = cells[day][utc ? date.getUTCHours() : date.getHours()]
      cell.runs += count
      if (FAILED.has(line.metric.conclusion ?? '')) cell.failed += count
    })
  }
  return cells
}
