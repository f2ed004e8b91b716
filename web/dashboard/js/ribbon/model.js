/**
 * What the ribbon shows, worked out of the stores: changes with the data and with the reader's choice of time, not while the view is moved.
 *
 * @import { Bar, Lane } from './lanes.js'
 */
import { count, DASH, span } from '../format.js'
import { computed, signal } from '../lib.js'
import { agentsNow } from '../stores/agents.js'
import { alerts, endedAlerts } from '../stores/alerts.js'
import { board, boardKey } from '../stores/boards.js'
import { ci } from '../stores/ci.js'
import { now } from '../stores/clock.js'
import { events } from '../stores/events.js'
import { unwatched } from '../stores/past.js'
import { range } from '../stores/place.js'
import { standing } from '../stores/silences.js'
import { status } from '../stores/status.js'
import { lastRun } from './crashes.js'
import { gapBars, gapsOf, throughGaps, withoutGaps } from './gaps.js'
import { takenBy, takenWords } from '../tasks/taken.js'
import { alertLane, assign, probeLane, runLanes, taskBars, taskLanes, wantedTasks, withEnds } from './lanes.js'

/** How many tasks and how many runs at a time find a place: always the same, so that nothing moves. */
export const TASK_LANES = 6
const RUN_LANES = 2
/** The store of events holds no more. */
const MOST_EVENTS = 1000

/** Which task has which lane, of which board. @type {{ board: string, places: Array<string|null> }} */
let held = { board: '', places: [] }

/** From when on all events are known. */
export const knownFrom = computed(() => {
  const list = events.value ?? []
  const start = (range.value.end ?? now.peek()) - range.value.seconds
  return list.length >= MOST_EVENTS ? Math.max(start, list[list.length - 1].time) : start
})

const tasks = computed(() => {
  const shown = board.value
  if (!shown) return { lanes: taskLanes(Array(TASK_LANES).fill(null), /** @type {any} */ ({ items: [] }), new Map()), left: 0 }
  const bars = taskBars(events.value ?? [], shown, knownFrom.value)
  const wanted = wantedTasks(shown, bars)
  const before = held.board === boardKey(shown) ? held.places : Array(TASK_LANES).fill(null)
  const places = assign(before, wanted, TASK_LANES)
  held = { board: boardKey(shown), places }
  return { lanes: taskLanes(places, shown, bars), left: [...bars.keys()].filter((id) => !places.includes(id)).length }
})
const runs = computed(() => runLanes(ci.value.runs?.repositories ?? [], RUN_LANES))
const gaps = computed(() => gapsOf(events.value ?? [], lastRun.value))
/** @param {Lane} lane @param {boolean} watched whether the lane is about anything at all */
const whileOn = (lane, watched) => withEnds({ ...lane, bars: [...withoutGaps(lane.bars, gaps.value), ...(watched ? gapBars(gaps.value) : [])] })
const probes = computed(() => whileOn(probeLane(events.value ?? [], status.value?.targets ?? [], knownFrom.value), (status.value?.targets.length ?? 0) > 0))
/** Agents that were there: where the service was not running, nobody knows. */
const agents = computed(() => whileOn({ key: 'agents', group: 'agent', name: 'agents', title: 'Sessions of coding agents', usual: null, bars: agentsNow.value.bars, ends: new Float64Array() }, agentsNow.value.bars.length > 0))
const fired = computed(() => whileOn(alertLane([...(alerts.value ?? []), ...endedAlerts.value]), true))

/** All lanes, from above. @type {import('../../vendor/signals-core.js').ReadonlySignal<Lane[]>} */
export const lanes = computed(() => [...tasks.value.lanes.map((lane) => withEnds({ ...lane, bars: throughGaps(lane.bars, gaps.value) })), agents.value, ...runs.value, probes.value, fired.value])
/** Tasks that were worked on in the period and found no place. */
export const tasksLeft = computed(() => tasks.value.left)
/** Whether enough is known to draw. */
export const known = computed(() => events.value !== null && status.value !== null)

/** From when on anything is known of the period: the first mark in it whose start was seen. */
export const firstMark = computed(() => {
  const start = (range.value.end ?? now.peek()) - range.value.seconds
  let first = Infinity
  for (const lane of lanes.value) for (const bar of lane.bars) if (bar.seen && bar.start < first && (bar.end ?? Infinity) >= start) first = bar.start
  return first
})

/** What the reader points at. @type {import('../../vendor/signals-core.js').Signal<import('./walk.js').Marked|null>} */
export const marked = signal(null)

/** How a mark is named in the address. @param {Lane} lane @param {Bar} bar */
export const markKey = ({ group }, bar) => (group === 'task' ? `task ${bar.item}` : `${group} ${bar.start}`)

/** The mark of a name; null where it is not held. @param {string} key @param {Lane[]} list @returns {{ lane: Lane, bar: Bar }|null} */
export function markOf(key, list) {
  for (const lane of list) {
    const bar = lane.bars.findLast((b) => markKey(lane, b) === key && !(lane.group === 'task' && b.state === 'unknown'))
    if (bar) return { lane, bar }
  }
  return null
}

/** Where there is little room. @param {import('../tasks/taken.js').Taken} taken */
const short = ({ seconds, least }) => (least ? '≥ ' : '') + span(seconds)

/** What stands beside a lane: figures of the period. @param {Lane} lane @param {number} start @param {number} now @returns {{ words: string, title: string }} */
export function figureOf(lane, start, now) {
  if (lane.key.startsWith('place')) {
    const last = lane.bars.findLast(({ state }) => state !== 'unknown')
    if (lane.name === '' || !last) return { words: '', title: '' }
    const item = board.value?.items.find((i) => i.id === lane.name)
    const open = last.end === null && item ? takenBy(item, now) : null
    if (open) return { words: short(open), title: `in progress for ${takenWords(open)}` }
    const whole = last.end !== null && last.state === 'done' ? board.value?.items.find((i) => i.id === lane.name)?.execution_seconds ?? null : null
    const taken = { seconds: Math.max(60, Math.round((whole ?? (last.end ?? now) - last.start) / 60) * 60), least: whole === null && !last.seen, from: null }
    const title = last.end === null ? `in progress for ${takenWords(taken)}` : whole !== null ? `done in ${takenWords(taken)}` : `the last time, ${takenWords(taken)}: ${last.words}`
    return { words: short(taken), title }
  }
  if (lane.group === 'agent') return agentsNow.value.figure
  if (lane.key === 'ci 0') {
    const all = runs.value.flatMap((l) => l.bars).filter((b) => (b.end ?? now) >= start)
    const failed = all.filter((b) => b.state === 'failed').length
    if (ci.value.runs?.repositories.length === 0) return { words: 'none', title: 'No repository is watched' }
    const words = ci.value.runs === null ? DASH : failed > 0 ? `${failed} of ${count(all.length, 'run')} failed` : count(all.length, 'run')
    return { words, title: 'Runs in the period, of the newest 100 of each repository' }
  }
  if (lane.group === 'probe') {
    const targets = status.value?.targets ?? []
    const down = targets.filter((t) => t.up === false).length
    return targets.length === 0 ? { words: 'none', title: 'No target is probed' } : { words: down > 0 ? `${down} of ${targets.length} down` : targets.every((t) => t.up) ? 'all up' : 'not all known', title: 'Now' }
  }
  if (lane.group === 'alert') {
    if (unwatched.value) return { words: DASH, title: unwatched.value }
    const { firing, acknowledged } = standing.value
    return { words: alerts.value === null ? DASH : firing.length > 0 ? `${firing.length} firing` : acknowledged.length > 0 ? `${acknowledged.length} noted` : 'none fires', title: 'Now, by cause' }
  }
  return { words: '', title: '' }
}
