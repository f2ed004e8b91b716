/**
 * What the ribbon shows, as lanes of bars on one time axis: tasks, CI runs, probes, alerts.
 *
 * Pure. A lane keeps its place as long as the same things are in view; bars are sorted by their start.
 *
 * @import { Alert, Board, CiRepository, Target, Event as TimelineEvent } from '../types.js'
 *
 * @typedef {'progress'|'review'|'done'|'stopped'|'ok'|'failed'|'neutral'|'waiting'|'down'|'warning'|'error'|'critical'} State
 * @typedef {{ start: number, end: number|null, state: State, title: string, words: string, page: string, item: string, url?: string }} Bar
 *   `end` null: goes on; `words`: what a reader is told of it
 * @typedef {{ key: string, group: 'task'|'ci'|'probe'|'alert', name: string, title: string, bars: Bar[], usual: number|null }} Lane
 *   `usual`: how long such a thing takes, in seconds
 */
import { statusWord } from '../statuses.js'

/** Statuses in which a task is worked on. */
const WORKED = { 'in-progress': 'progress', review: 'review' }

/**
 * A lane for each task that was worked on in the period, those in progress first, then the one worked on last.
 * @param {TimelineEvent[]} events in any order @param {Board|null} board @param {number} start @param {number} end @param {number} most
 * @returns {{ lanes: Lane[], left: number }} `left`: lanes that found no place
 */
export function taskLanes(events, board, start, end, most) {
  if (!board) return { lanes: [], left: 0 }
  const moves = events.filter((e) => e.kind === 'task_status' && e.data?.project === board.project && e.data?.tag === board.tag)
    .sort((a, b) => a.time - b.time)
  /** @type {Map<string, Lane>} */
  const lanes = new Map()
  /** @param {string} id @param {string} title */
  const lane = (id, title) => {
    const held = lanes.get(id) ?? { key: `task ${id}`, group: 'task', name: id, title, bars: [], usual: usual(board) }
    lanes.set(id, held)
    return /** @type {Lane} */ (held)
  }
  for (const { time, subject, data } of moves) {
    const to = String(data.to)
    const known = lanes.get(subject)
    const open = known?.bars.find((bar) => bar.end === null)
    if (open) {
      open.end = time
      open.words = `${open.words}, then ${statusWord(to)}`
      if (to === 'done') open.state = 'done'
      else if (!(to in WORKED)) open.state = 'stopped'
    } else if (String(data.from) in WORKED && !known) {
      // It began before what is known: from the left edge on.
      lane(subject, titleOf(board, subject, data.title)).bars.push(bar(board, subject, data.title, start, time, to === 'done' ? 'done' : to in WORKED ? 'progress' : 'stopped', `until ${statusWord(to)}`))
    }
    if (to in WORKED) {
      const state = /** @type {State} */ (WORKED[/** @type {keyof WORKED} */ (to)])
      lane(subject, titleOf(board, subject, data.title)).bars.push(bar(board, subject, data.title, time, null, state, statusWord(to)))
    }
  }
  for (const item of board.items) {
    if (!(item.status in WORKED) || lanes.get(item.id)?.bars.some((b) => b.end === null)) continue
    const state = /** @type {State} */ (WORKED[/** @type {keyof WORKED} */ (item.status)])
    const { bars } = lane(item.id, item.title)
    // What was seen to end cannot have gone on before that.
    const since = Math.max(item.in_progress_since ?? item.cost?.since ?? start, bars[bars.length - 1]?.end ?? -Infinity)
    bars.push(bar(board, item.id, item.title, since, null, state, statusWord(item.status)))
  }
  const inView = [...lanes.values()].map((l) => ({ ...l, bars: l.bars.filter((b) => (b.end ?? end) >= start && b.start <= end) })).filter((l) => l.bars.length > 0)
  inView.sort((a, b) => rank(a) - rank(b) || newest(b, end) - newest(a, end) || a.name.localeCompare(b.name, 'en', { numeric: true }))
  // Chosen by what is newest, shown by number: a task that moves on keeps its place.
  const shown = inView.slice(0, most).sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
  return { lanes: shown, left: inView.length - shown.length }
}

/** @param {Lane} lane */
const rank = (lane) => (lane.bars.some((b) => b.end === null) ? 0 : 1)
/** @param {Lane} lane @param {number} end */
const newest = (lane, end) => Math.max(...lane.bars.map((b) => b.end ?? end))
/** @param {Board} board @param {string} id @param {unknown} [title] */
const titleOf = (board, id, title) => board.items.find((i) => i.id === id)?.title ?? (typeof title === 'string' ? title : '')

/** @param {Board} board @param {string} id @param {unknown} title @param {number} start @param {number|null} end @param {State} state @param {string} words @returns {Bar} */
const bar = (board, id, title, start, end, state, words) => ({ start, end, state, title: `Task ${id} ${titleOf(board, id, title)}`, words, page: 'tasks', item: id })

/** The median time in which tasks of the board were done. @param {Board} board */
function usual(board) {
  const times = board.items.flatMap((i) => (i.execution_seconds === null ? [] : [i.execution_seconds])).sort((a, b) => a - b)
  return times.length < 3 ? null : times[times.length >> 1]
}

const RUN_STATES = /** @type {Record<string, State>} */ ({ success: 'ok', failure: 'failed', timed_out: 'failed', startup_failure: 'failed' })

/** A lane for each repository: its runs by their start. @param {CiRepository[]} repositories @param {number} start @param {number} end @returns {Lane[]} */
export function runLanes(repositories, start, end) {
  return repositories.map((repository) => ({
    key: `ci ${repository.repo}`,
    group: /** @type {'ci'} */ ('ci'),
    name: repository.repo,
    title: `Runs of ${repository.repo}`,
    usual: null,
    bars: repository.runs.map((run) => ({
      start: run.started,
      end: run.ended,
      state: run.conclusion ? RUN_STATES[run.conclusion] ?? 'neutral' : run.status === 'in_progress' ? 'progress' : 'waiting',
      title: `${run.workflow} #${run.number}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''} on ${run.branch}`,
      words: run.conclusion ?? run.status,
      page: 'ci',
      item: '',
      url: run.url,
    })).filter((b) => (b.end ?? end) >= start && b.start <= end).sort((a, b) => a.start - b.start),
  }))
}

/** One lane: when probed targets were down. @param {TimelineEvent[]} events @param {Target[]} targets @param {number} start @param {number} end @returns {Lane[]} */
export function probeLanes(events, targets, start, end) {
  if (targets.length === 0) return []
  /** @type {Bar[]} */
  const bars = []
  for (const { target, up, since, reason } of targets) {
    const moves = events.filter((e) => e.source === 'probe' && e.subject === target && /^probe_(up|down)$/.test(e.kind)).sort((a, b) => a.time - b.time)
    /** @type {Bar|null} */
    let open = null
    /** @param {number} from @param {string} words @returns {Bar} */
    const down = (from, words) => ({ start: from, end: null, state: 'down', title: `${target} down`, words, page: 'application', item: target })
    for (const [i, event] of moves.entries()) {
      if (event.kind === 'probe_down') open ??= down(event.time, event.title)
      else if (open || i === 0) {
        bars.push({ ...(open ?? down(start, '')), end: event.time, words: event.title })
        open = null
      }
    }
    if (up === false) bars.push(open ?? down(since ?? start, reason ?? 'no reason is known'))
  }
  const inView = bars.filter((b) => (b.end ?? end) >= start && b.start <= end).sort((a, b) => a.start - b.start)
  return [{ key: 'probes', group: 'probe', name: 'probes', title: 'When probed targets were down', usual: null, bars: inView }]
}

/** One lane: when alerts fired. @param {Alert[]} alerts those that fire and those that have ended @param {number} start @param {number} end @returns {Lane[]} */
export function alertLanes(alerts, start, end) {
  const bars = alerts.filter((a) => a.firing_since !== null).map((a) => ({
    start: /** @type {number} */ (a.firing_since),
    end: a.resolved_at,
    state: /** @type {State} */ (a.severity === 'critical' || a.severity === 'error' ? a.severity : a.severity === 'warning' ? 'warning' : 'neutral'),
    title: a.summary,
    words: a.resolved_at === null ? 'fires' : 'fired',
    page: 'alerts',
    item: a.id,
  })).filter((b) => (b.end ?? end) >= start && b.start <= end).sort((a, b) => a.start - b.start)
  return [{ key: 'alerts', group: 'alert', name: 'alerts', title: 'When alerts fired', usual: null, bars }]
}

/** The bar at a time, the shortest where several overlap, so that each can be met; with room for a pointer around short ones. @param {Lane} lane @param {number} time @param {number} room seconds @param {number} end */
export function barAt(lane, time, room, end) {
  const near = lane.bars.filter((b) => b.start - room <= time && (b.end ?? end) + room >= time)
  return near.sort((a, b) => ((a.end ?? end) - a.start) - ((b.end ?? end) - b.start))[0] ?? null
}
