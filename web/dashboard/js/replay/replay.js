/**
 * The replay: the moment that is shown, how it moves, and what is asked of the service for it. Loaded when it is first used.
 *
 * The moment is in the address (`at`). It moves at once with the slider; what must be asked follows when it rests, and every second while it plays.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 * @import { Sample } from './rewind.js'
 */
import { errorText, get } from '../api.js'
import { batch, computed, effect, signal, untracked } from '../lib.js'
import { matches, parse } from '../selector.js'
import { awake, visible } from '../stores/awake.js'
import { replayed, serverTime } from '../stores/clock.js'
import { events, eventsSince } from '../stores/events.js'
import { askedMoment, past } from '../stores/past.js'
import { place, setParams } from '../stores/place.js'
import { wantedSelectors } from '../stores/samples.js'
import { adviceAt, alertsAt, boardAt, ciAt, figuresOf, statusAt } from './rewind.js'

/** What is asked when the slider has rested for so long. */
const REST_MS = 150
/** While it plays, so often. */
const PACE_MS = 1000
const FRAME_MS = 100
/** What a reader chooses: seconds that pass in one. */
export const SPEEDS = [60, 300, 1200]
/** Metrics that tell how boards, CI, targets and the service were. */
const KEPT = ['taskmaster_.+', 'github_actions_(success_ratio|(runs|job_seconds|wasted_seconds)_total)', 'probe_(success|duration_seconds|http_status_code|ssl_earliest_cert_expiry)', 'taskpulse_(source_up|health_.+)']
/** What the time line holds about advice is good for so long. */
const ADVICE_MS = 60_000
/** Moves of tasks are read back so many answers. */
const MOST_PAGES = 20

/** Seconds that pass in one; 0 while it stands. */
export const speed = signal(0)
/** Why what was is not known; empty while it is. */
export const trouble = signal('')
/** How far back the slider reaches, seconds. */
export const reach = signal(86_400)
/** Moves of tasks from `movesFrom` on, the newest first. @type {TimelineEvent[]} */
let moves = []
let movesFrom = Infinity

/** Shows a moment. @param {number} at Unix seconds */
export function show(at) {
  const now = serverTime()
  if (at >= now) speed.value = 0
  replayed.value = Math.round(Math.max(0, Math.min(at, now)))
}

/** Back to the present. */
export function leave() {
  speed.value = 0
  setParams({ at: '' })
}

/** Every move of a task since a time, the newest first. @param {number} start */
async function movesSince(start) {
  if (start >= movesFrom) {
    const fresh = await eventsSince(moves[0]?.time ?? start)
    const known = new Set(moves.map((e) => e.id))
    moves = [...fresh.filter((e) => e.source === 'taskmaster' && !known.has(e.id)), ...moves]
    return moves
  }
  /** @type {TimelineEvent[]} */
  const found = []
  let end = serverTime()
  for (let page = 0; page < MOST_PAGES; page += 1) {
    /** @type {TimelineEvent[]} */
    const answer = await get('/api/v1/events', { source: 'taskmaster', start, end })
    const known = new Set(found.map((e) => e.id))
    const fresh = answer.filter((e) => !known.has(e.id))
    found.push(...fresh)
    if (answer.length < 1000 || fresh.length === 0) break
    end = answer[answer.length - 1].time
  }
  moves = found
  movesFrom = start
  return moves
}

/** What was asked of the time line about advice, and when. @type {{ at: number, list: Promise<TimelineEvent[]> }} */
let advice = { at: -Infinity, list: Promise.resolve([]) }

/** All that is kept about advice, the newest first; it is little. @returns {Promise<TimelineEvent[]>} */
function adviceEvents() {
  if (performance.now() - advice.at > ADVICE_MS) {
    advice = { at: performance.now(), list: get('/api/v1/events', { source: 'advice', start: 0, end: serverTime() }) }
    advice.list.catch(() => { advice.at = -Infinity })
  }
  return advice.list
}

/** The figures at a moment: what pages want, and what tells how things were. @param {number} at @returns {Promise<Sample[]>} */
async function figuresAt(at) {
  const names = wantedSelectors().map(parse).filter((s) => s !== null).map((s) => (s.prefix ? `${s.name}.*` : s.name))
  const query = `{__name__=~"${[...KEPT, ...new Set(names)].join('|')}"}`
  const data = await get('/api/v1/query', { query, time: at })
  return data.result.map((/** @type {{ metric: import('../types.js').Metric, value: [number, string] }} */ { metric, value }) => ({ metric, t: value[0], v: Number(value[1]) }))
}

let turn = 0
/** @param {number} at */
async function ask(at) {
  const mine = ++turn
  try {
    const [samples, since, advised] = await Promise.all([figuresAt(at), movesSince(Math.min(at, serverTime() - reach.peek())), adviceEvents()])
    if (mine !== turn) return
    const figures = figuresOf(samples)
    trouble.value = ''
    // Whether an alert went on while the service was off, and what was still advised, nobody knows.
    const watched = samples.length > 0
    past.value = {
      at, board: (board) => boardAt(board, since, figures, at), ci: (ci) => ciAt(ci, figures, at), status: (status) => statusAt(status, events.peek() ?? [], figures, at),
      alerts: (known) => (watched ? alertsAt(known, figures, at) : []), advice: (known) => (watched ? adviceAt(known, advised, at) : []), watched,
      newest: (selector) => samples.filter((s) => !Number.isNaN(s.v) && matches(selector, s.metric)),
    }
  } catch (error) {
    if (mine === turn) trouble.value = errorText(error)
  }
}

/** Which moment is asked for: while the slider is pulled or it plays, one after the other. */
function followMoment() {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let rest
  let askedAt = -Infinity
  effect(() => {
    const at = replayed.value
    clearTimeout(rest)
    if (at === null || at === askedMoment.peek()) return
    const settle = () => {
      askedAt = performance.now()
      batch(() => {
        askedMoment.value = at
        setParams({ at: String(at) }, { replace: true })
      })
    }
    if (performance.now() - askedAt >= PACE_MS) untracked(settle)
    else rest = setTimeout(settle, REST_MS)
  })
  effect(() => {
    const at = askedMoment.value
    if (at !== null) untracked(() => ask(at))
  })
}

/** Follows the address; called once. */
export function followReplay() {
  const named = computed(() => Number(place.value.params.at) || null)
  effect(() => {
    const at = named.value
    untracked(() => {
      if (at !== null && at === askedMoment.peek()) return
      if (at !== null) return show(at)
      turn += 1
      speed.value = 0
      batch(() => {
        replayed.value = null
        askedMoment.value = null
        past.value = null
      })
    })
  })
  followMoment()
  effect(() => {
    const pace = speed.value
    if (pace === 0 || !awake.value) return undefined
    let before = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      if (visible()) show((replayed.peek() ?? serverTime()) + ((now - before) / 1000) * pace)
      before = now
    }, FRAME_MS)
    return () => clearInterval(timer)
  })
}
