/**
 * Runs by weekday and hour, and where their time goes.
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

/** @typedef {{ from: string, to: string, seconds: number }} Stream */

/** Seconds of runs from workflow to outcome, the largest first. @param {Line[]} lines one value each, by `workflow` and `conclusion` @returns {Stream[]} */
export function streams(lines) {
  return lines.map(({ metric, v }) => ({ from: metric.workflow ?? '', to: metric.conclusion ?? '', seconds: v[v.length - 1] ?? 0 }))
    .filter((s) => s.seconds > 0).sort((a, b) => b.seconds - a.seconds)
}

/**
 * Where the bands of streams lie between two columns: stacked by size, each end as high as its share.
 * @param {Stream[]} list @param {number} height @param {number} gap
 */
export function flow(list, height, gap) {
  const total = list.reduce((sum, s) => sum + s.seconds, 0)
  const column = (/** @type {'from'|'to'} */ side) => {
    /** @type {Map<string, number>} */
    const sums = new Map()
    for (const s of list) sums.set(s[side], (sums.get(s[side]) ?? 0) + s.seconds)
    const names = [...sums].sort(([, a], [, b]) => b - a)
    const room = Math.max(0, height - gap * (names.length - 1))
    let y = 0
    return new Map(names.map(([name, seconds]) => {
      const box = { name, seconds, y, height: total > 0 ? (seconds / total) * room : 0, used: 0 }
      y += box.height + gap
      return [name, box]
    }))
  }
  const left = column('from')
  const right = column('to')
  const bands = list.map((s) => {
    const from = left.get(s.from)
    const to = right.get(s.to)
    if (!from || !to) return null
    const thickFrom = (s.seconds / from.seconds) * from.height
    const thickTo = (s.seconds / to.seconds) * to.height
    const band = { ...s, y1: from.y + from.used, h1: thickFrom, y2: to.y + to.used, h2: thickTo }
    from.used += thickFrom
    to.used += thickTo
    return band
  }).filter((band) => band !== null)
  return { left: [...left.values()], right: [...right.values()], bands }
}
