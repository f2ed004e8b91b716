/**
 * What the ribbon shows, as lanes of bars on one time axis: tasks, agents, CI runs, probes, alerts.
 *
 * Pure, and independent of the period in view: a pan needs nothing from here but `visible`. Bars are sorted by their start.
 *
 * @import { Alert, Board, CiRepository, Target, Task, Event as TimelineEvent } from '../types.js'
 *
 * @typedef {'unknown'|'progress'|'review'|'done'|'stopped'|'ok'|'failed'|'neutral'|'waiting'|'down'|'warning'|'error'|'critical'} State
 * @typedef {{ start: number, end: number|null, state: State, title: string, words: string, page: string, item: string, seen: boolean, url?: string }} Bar
 *   `end` null: goes on; `words`: what became of it; `item`: what of the page it is about; `seen`: false where it began before `start`, nobody knows when
 * @typedef {{ key: string, group: 'task'|'agent'|'ci'|'probe'|'alert', name: string, title: string, bars: Bar[], ends: Float64Array, usual: number|null }} Lane
 *   `ends`: for each bar the latest end of it and of all before it, for `visible`; `usual`: how long such a thing takes, in seconds
 */
import { quoted } from '../format.js'
import { byName } from '../order.js'
import { runMark, runWord, statusWord } from '../statuses.js'
import { runName, taskName } from '../timeline.js'

/** Statuses in which a task is worked on. @type {Record<string, State>} */
const WORKED = { 'in-progress': 'progress', review: 'review' }

/** @param {Omit<Lane, 'ends'>} lane @returns {Lane} */
export function withEnds(lane) {
  lane.bars.sort((a, b) => a.start - b.start)
  const ends = new Float64Array(lane.bars.length)
  let latest = -Infinity
  lane.bars.forEach((bar, i) => { ends[i] = latest = Math.max(latest, bar.end ?? Infinity) })
  return { ...lane, ends }
}

/** Index of the first bar that may be in view from a time on: those before it have all ended. @param {Lane} lane @param {number} start */
export function visible({ ends }, start) {
  let low = 0
  let high = ends.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ends[middle] < start) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The bars of each task that was worked on, by its id.
 * @param {TimelineEvent[]} events in any order @param {Board} board @param {number} knownFrom from when on all events are there @returns {Map<string, Bar[]>}
 */
export function taskBars(events, board, knownFrom) {
  const titles = new Map(board.items.map((i) => [i.id, i.title]))
  const rising = events.filter((e) => e.kind === 'task_status' && e.data?.project === board.project && e.data?.tag === board.tag).sort((a, b) => a.time - b.time)
  /** @type {Map<string, Bar[]>} */
  const tasks = new Map()
  /** @param {string} id */
  const barsOf = (id) => {
    const held = tasks.get(id)
    if (held) return held
    /** @type {Bar[]} */
    const made = []
    tasks.set(id, made)
    return made
  }
  /** @param {string} id @param {unknown} title @param {number} start @param {number|null} end @param {State} state @param {string} words @param {boolean} seen @returns {Bar} */
  const bar = (id, title, start, end, state, words, seen) => ({ start, end, state, title: taskName(id, titles.get(id) ?? title), words, page: 'tasks', item: id, seen })
  for (const { time, subject, data } of rising) {
    const to = String(data.to)
    const ended = to === 'done' ? 'done' : to in WORKED ? null : 'stopped'
    const bars = barsOf(subject)
    const open = bars[bars.length - 1]
    if (open && open.end === null) {
      open.end = time
      open.words = `${open.words}, then ${statusWord(to)}`
      if (ended) open.state = ended
    } else if (String(data.from) in WORKED && bars.length === 0) {
      // It began before what is known, and nothing happened to it since.
      bars.push(bar(subject, data.title, Math.min(knownFrom, time), time, ended ?? WORKED[String(data.from)], `until ${statusWord(to)}`, false))
    }
    if (to in WORKED) bars.push(bar(subject, data.title, time, null, WORKED[to], statusWord(to), true))
  }
  for (const item of board.items) {
    const bars = item.status in WORKED ? barsOf(item.id) : tasks.get(item.id)
    const last = bars?.[bars.length - 1]
    if (!bars || (item.status in WORKED) === (last?.end === null)) continue
    const since = item.in_progress_since ?? item.cost?.since
    // The board is newer than the events: what it does not show any more has ended, nobody saw when.
    if (last?.end === null) bars.pop()
    else if (since !== undefined) bars.push(bar(item.id, item.title, Math.max(since, last?.end ?? since), null, WORKED[item.status], statusWord(item.status), item.in_progress_since !== null))
  }
  return tasks
}

/**
 * Which tasks have a lane: those in progress, then those worked on last. A task that keeps its lane keeps its place; one that
 * comes takes the place of one that goes.
 * @param {Array<string|null>} before the lanes so far @param {string[]} wanted the most wanted first @param {number} places @returns {Array<string|null>}
 */
export function assign(before, wanted, places) {
  const chosen = wanted.slice(0, places)
  if (before.every((id) => id === null)) {
    const sorted = [...chosen].sort(byName)
    return Array.from({ length: places }, (_, i) => sorted[i] ?? null)
  }
  const out = Array.from({ length: places }, (_, i) => (before[i] && chosen.includes(before[i]) ? before[i] : null))
  for (const id of chosen) if (!out.includes(id)) out[out.indexOf(null)] = id
  return out
}

/** Tasks by how much a reader wants to see them. @param {Board} board @param {Map<string, Bar[]>} bars */
export function wantedTasks(board, bars) {
  /** @param {Task} item */
  const newest = (item) => {
    const own = bars.get(item.id)
    return own?.[own.length - 1]?.end ?? item.updated_at ?? -Infinity
  }
  /** @param {Task} item */
  const rank = (item) => (item.status in WORKED ? 0 : bars.has(item.id) ? 1 : item.status === 'done' ? 2 : 3)
  return board.items.map((item) => ({ id: item.id, rank: rank(item), newest: newest(item) })).filter((t) => t.rank < 3)
    .sort((a, b) => a.rank - b.rank || b.newest - a.newest || byName(a.id, b.id))
    .map((t) => t.id)
}

/** The median time in which tasks of the board were done; null below three. @param {Board} board */
export function usualTime(board) {
  const times = board.items.flatMap((i) => (i.execution_seconds === null ? [] : [i.execution_seconds])).sort((a, b) => a - b)
  return times.length < 3 ? null : times[times.length >> 1]
}

/** A lane for each place; one without a task is empty. @param {Array<string|null>} places @param {Board} board @param {Map<string, Bar[]>} bars @returns {Lane[]} */
export function taskLanes(places, board, bars) {
  const titles = new Map(board.items.map((i) => [i.id, i.title]))
  const usual = usualTime(board)
  return places.map((id, i) => withEnds(id === null
    ? { key: `place ${i}`, group: 'task', name: '', title: '', usual: null, bars: [] }
    : { key: `place ${i}`, group: 'task', name: id, title: titles.get(id) ?? '', usual, bars: bars.get(id) ?? [] }))
}

/** @param {import('../types.js').CiRun} run @returns {State} */
function runState({ conclusion, status }) {
  const mark = runMark(conclusion)
  if (conclusion === null) return status === 'in_progress' ? 'progress' : 'waiting'
  return mark === 'ok' ? 'ok' : mark === 'error' ? 'failed' : 'neutral'
}

/**
 * The runs of all repositories on a fixed number of lanes: each on the first lane that is free, so that runs at the same time stand below each other.
 * @param {CiRepository[]} repositories @param {number} places @returns {Lane[]}
 */
export function runLanes(repositories, places) {
  const many = repositories.length > 1
  const runs = repositories.flatMap(({ repo, runs: own }) => own.map((run) => ({ run, repo }))).sort((a, b) => a.run.started - b.run.started)
  /** @type {Bar[][]} */
  const rows = Array.from({ length: places }, () => [])
  /** When each lane is free again. */
  const free = rows.map(() => -Infinity)
  for (const { run, repo } of runs) {
    const open = free.findIndex((t) => t <= run.started)
    const row = open >= 0 ? open : free.indexOf(Math.min(...free))
    free[row] = Math.max(free[row], run.ended ?? Infinity)
    rows[row].push({
      start: run.started, end: run.ended, state: runState(run), title: `${runName(run)}${many ? ` in ${quoted(repo)}` : ''}`, words: runWord(run), page: 'ci', item: '', seen: true, url: run.url,
    })
  }
  return rows.map((bars, i) => withEnds({ key: `ci ${i}`, group: 'ci', name: i === 0 ? 'CI' : '', title: 'Runs of CI', usual: null, bars }))
}

/** One lane: when probed targets were down. @param {TimelineEvent[]} events @param {Target[]} targets @param {number} knownFrom from when on all events are there @returns {Lane} */
export function probeLane(events, targets, knownFrom) {
  /** @type {Map<string, TimelineEvent[]>} */
  const moves = new Map()
  for (const e of events) if (e.source === 'probe' && /^probe_(up|down)$/.test(e.kind)) moves.set(e.subject, [...(moves.get(e.subject) ?? []), e])
  /** @type {Bar[]} */
  const bars = []
  for (const { target, up, since, reason } of targets) {
    /** @type {Bar|null} */
    let open = null
    /** @param {number} start @param {string} words @param {boolean} seen @returns {Bar} */
    const down = (start, words, seen) => ({ start, end: null, state: 'down', title: `${quoted(target)} down`, words, page: 'application', item: target, seen })
    const rising = (moves.get(target) ?? []).sort((a, b) => a.time - b.time)
    for (const event of rising) {
      if (event.kind === 'probe_down') open ??= down(event.time, quoted(event.title, 200), true)
      else {
        if (open) bars.push({ ...open, end: event.time })
        else if (event === rising[0]) bars.push({ ...down(Math.min(knownFrom, event.time), 'It went down before', false), end: event.time })
        open = null
      }
    }
    if (up === false && (open || since !== null)) bars.push(open ?? down(/** @type {number} */ (since), quoted(reason ?? 'No reason is known', 200), true))
  }
  return withEnds({ key: 'probes', group: 'probe', name: 'probes', title: 'When probed targets were down', usual: null, bars })
}

/** @type {Record<string, State>} */
const SEVERITIES = { critical: 'critical', error: 'error', warning: 'warning' }

/** One lane: when alerts fired. @param {Alert[]} alerts those that fire and those that have ended @returns {Lane} */
export function alertLane(alerts) {
  /** @type {Bar[]} */
  const bars = alerts.filter((a) => a.firing_since !== null).map((a) => ({
    start: /** @type {number} */ (a.firing_since), end: a.resolved_at ?? (a.state === 'unknown' ? a.last_sample : null), state: SEVERITIES[a.severity] ?? 'neutral', title: quoted(a.summary, 200),
    words: a.resolved_at !== null ? a.severity : a.state === 'unknown' ? `${a.severity}, not known: its samples stopped` : `${a.severity}, fires`, page: 'alerts', item: a.id, seen: true,
  }))
  return withEnds({ key: 'alerts', group: 'alert', name: 'alerts', title: 'When alerts fired', usual: null, bars })
}

/**
 * The bar at a time, the shortest where several overlap, so that each can be met.
 * @param {Lane} lane @param {number} time @param {number} room seconds around short bars @param {number} now
 */
export function barAt(lane, time, room, now) {
  /** @type {Bar|null} */
  let found = null
  let length = Infinity
  for (let i = visible(lane, time - room); i < lane.bars.length; i += 1) {
    const bar = lane.bars[i]
    if (bar.start - room > time) break
    const end = bar.end ?? now
    if (end + room < time || end - bar.start >= length) continue
    found = bar
    length = end - bar.start
  }
  return found
}
