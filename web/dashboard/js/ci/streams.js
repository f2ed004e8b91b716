/**
 * Where the time of jobs goes, as a picture of columns and bands: from workflow to job to outcome.
 *
 * Pure. Every second is drawn once in each column, so that the columns are equally high and come to the total of the service.
 *
 * @import { CiJob } from '../types.js'
 * @typedef {{ workflow: string, job: string, outcome: string, seconds: number }} Stream
 * @typedef {{ key: string, name: string, seconds: number, y: number, height: number, used: { in: number, out: number } }} Box
 * @typedef {{ from: Box, to: Box, outcome: string, seconds: number, column: number, y1: number, h1: number, y2: number, h2: number }} Band
 */

/** Names for what is not told apart. */
export const REST = 'other jobs'
export const REST_WORKFLOW = 'other workflows'
export const UNKNOWN = 'not known'

/** The rows of the service as streams, with the smallest workflows and jobs put together, so that names find room. @param {CiJob[]} rows @param {number} mostWorkflows @param {number} mostJobs @returns {Stream[]} */
export function streams(rows, mostWorkflows, mostJobs) {
  const workflows = largest(rows, (r) => r.workflow, mostWorkflows)
  const named = rows.map((r) => ({
    workflow: workflows.has(r.workflow) ? r.workflow : REST_WORKFLOW, job: workflows.has(r.workflow) ? r.job ?? REST : REST, outcome: r.conclusion ?? UNKNOWN, seconds: r.seconds,
  }))
  const jobs = largest(named.filter((s) => s.job !== REST), (s) => `${s.workflow}\n${s.job}`, mostJobs)
  /** @type {Map<string, Stream>} */
  const summed = new Map()
  for (const s of named) {
    if (!(s.seconds > 0)) continue
    const job = jobs.has(`${s.workflow}\n${s.job}`) ? s.job : REST
    const key = `${s.workflow}\n${job}\n${s.outcome}`
    const held = summed.get(key)
    if (held) held.seconds += s.seconds
    else summed.set(key, { ...s, job })
  }
  return [...summed.values()].sort((a, b) => b.seconds - a.seconds)
}

/** @template R @param {Array<R & { seconds: number }>} rows @param {(row: R) => string} by @param {number} most */
function largest(rows, by, most) {
  /** @type {Map<string, number>} */
  const sums = new Map()
  for (const row of rows) sums.set(by(row), (sums.get(by(row)) ?? 0) + row.seconds)
  return new Set([...sums].sort(([, a], [, b]) => b - a).slice(0, most).map(([name]) => name))
}

/** @param {Stream[]} list @param {number} height @param {number} gap @returns {{ columns: Box[][], bands: Band[], total: number }} */
export function flow(list, height, gap) {
  const total = list.reduce((sum, s) => sum + s.seconds, 0)
  const keys = [(/** @type {Stream} */ s) => s.workflow, (/** @type {Stream} */ s) => `${s.workflow}\n${s.job}`, (/** @type {Stream} */ s) => s.outcome]
  const names = [(/** @type {Stream} */ s) => s.workflow, (/** @type {Stream} */ s) => s.job, (/** @type {Stream} */ s) => s.outcome]
  /** @type {Array<Map<string, Box>>} */
  const columns = []
  keys.forEach((key, c) => {
    /** @type {Map<string, Box>} */
    const boxes = new Map()
    for (const s of list) {
      const held = boxes.get(key(s))
      if (held) held.seconds += s.seconds
      else boxes.set(key(s), { key: key(s), name: names[c](s), seconds: s.seconds, y: 0, height: 0, used: { in: 0, out: 0 } })
    }
    // Jobs stand in the order of their workflows, so that bands between them do not cross.
    const place = c === 1 ? [...columns[0].keys()] : []
    const sorted = [...boxes.values()].sort((a, b) => place.indexOf(a.key.split('\n')[0]) - place.indexOf(b.key.split('\n')[0]) || b.seconds - a.seconds)
    const room = Math.max(0, height - gap * (sorted.length - 1))
    let y = 0
    for (const box of sorted) {
      box.y = y
      box.height = total > 0 ? (box.seconds / total) * room : 0
      y += box.height + gap
    }
    columns.push(new Map(sorted.map((box) => [box.key, box])))
  })
  return { columns: columns.map((c) => [...c.values()]), bands: [0, 1].flatMap((c) => bandsOf(list, columns[c], columns[c + 1], keys[c], keys[c + 1], c)), total }
}

/** @param {Stream[]} list @param {Map<string, Box>} left @param {Map<string, Box>} right @param {(s: Stream) => string} from @param {(s: Stream) => string} to @param {number} column @returns {Band[]} */
function bandsOf(list, left, right, from, to, column) {
  const order = (/** @type {Map<string, Box>} */ boxes) => new Map([...boxes.keys()].map((key, i) => [key, i]))
  const [rows, ends] = [order(left), order(right)]
  const sorted = [...list].sort((a, b) => (rows.get(from(a)) ?? 0) - (rows.get(from(b)) ?? 0) || (ends.get(to(a)) ?? 0) - (ends.get(to(b)) ?? 0) || a.outcome.localeCompare(b.outcome))
  /** @type {Band[]} */
  const bands = []
  for (const s of sorted) {
    const [a, b] = [left.get(from(s)), right.get(to(s))]
    if (!a || !b) continue
    const [h1, h2] = [(s.seconds / a.seconds) * a.height, (s.seconds / b.seconds) * b.height]
    bands.push({ from: a, to: b, outcome: s.outcome, seconds: s.seconds, column, y1: a.y + a.used.out, h1, y2: b.y + b.used.in, h2 })
    a.used.out += h1
    b.used.in += h2
  }
  return bands
}
