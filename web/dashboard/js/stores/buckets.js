/**
 * What charts draw: the buckets of a query over the period in view, loaded once and carried on.
 *
 * A plain selector is carried on by live samples. Any other expression, and what ends before now, is asked for its newest buckets as
 * time moves on. A question rests while nobody looks: its buckets are kept for a while, and what was missed is loaded on the next look.
 *
 * @import { Series } from '../chart/series.js'
 * @import { LiveSeries } from './samples.js'
 * @typedef {{ query: string, pixels: number, offset?: number }} Question  `pixels`: the width of the plot; `offset`: seconds by which the time asked for is earlier
 * @typedef {{
 *   query: string, lines: Map<string, Series>, step: number, state: 'loading'|'ready'|'error', error: string, failedAt: number, retry: () => void,
 *   expanded: string, total: number, sampling: number, changes: Changes,
 *   version: import('../../vendor/signals-core.js').Signal<number>, shape: import('../../vendor/signals-core.js').Signal<number>
 * }} Buckets  `version` rises with every change, `shape` when series come or go or the state changes; `expanded`: the query as it was asked; `sampling`: seconds between samples of most series; `changes`: which buckets changed, for pictures
 */
import { errorText, get } from '../api.js'
import { Changes } from '../chart/changes.js'
import { LOADED, MOST_READ, narrowed, topQuery } from '../chart/narrow.js'
import { addSample, bucketAt, emptySeries, firstOf, fromRow, replaceTail, samplingOf, trimSeries } from '../chart/series.js'
import { batch, computed, effect, signal, untracked } from '../lib.js'
import { SHORTEST_S, stepFor } from '../period.js'
import * as selectors from '../selector.js'
import { visible } from './awake.js'
import { serverTime } from './clock.js'
import { epoch } from './connection.js'
import { dataStart, period, range } from './place.js'
import { lastSampleAt, onSamples, want } from './samples.js'
import { bucketsOf } from './together.js'

const RETRY_MS = 5000
/** Samples that come at nearly one time are asked for together; longer after each time, where samples come so often that some are always in doubt. */
const SETTLED_MS = 1000
const LONGEST_SETTLED_MS = 30_000
/** An expression is asked anew no more often than this. */
const LEAST_PACE_S = 5
/** So many questions are kept that nobody looks at. */
const MOST_RESTING = 40
/** The service works an expression out at so many instants: a window that is shorter than what lies between them would leave samples out. */
const INSTANTS = 11_000
/** Data that begins within this part of the period leaves the axis as it is. */
const LATE = 0.1
/** The factor by which a shorter axis grows at a time. */
const GROWTH = 1.08

/** @type {Map<string, { buckets: Buckets, uses: number, first: () => number, wake: () => void, rest: () => void }>} */
const open = new Map()

effect(() => {
  range.value.name
  dataStart.value = null
})

/** The time axis of charts: the period in view, but a live one begins with the data, or a little before: it grows in steps, since each draws all charts anew. */
export const axis = computed(() => {
  const { start, end, live } = period.value
  const first = dataStart.value
  const young = live && first !== null && first - start > (end - start) * LATE
  if (!young) return { start, end, young }
  const length = GROWTH ** Math.ceil(Math.log(Math.max(SHORTEST_S, end - first)) / Math.log(GROWTH))
  return { start: Math.max(start, end - Math.round(length)), end, young }
})

/** Where the data of a live axis begins that is shorter than the period; null where it is as long. Changes rarely, whatever the clock does. */
export const youngSince = computed(() => (axis.value.young ? dataStart.value : null))

function learnStart() {
  const first = Math.min(...[...open.values()].filter((e) => e.uses > 0).map((e) => e.first()))
  dataStart.value = Number.isFinite(first) ? first : null
}

/** @param {Question} question */
const keyOf = ({ query, pixels, offset = 0 }) => `${pixels} ${offset} ${query}`

/** @param {Question} question @returns {Buckets} to be given back with `leave` */
export function watch(question) {
  const key = keyOf(question)
  const held = open.get(key) ?? create(question)
  // The newest last, so that those of longest ago are forgotten first.
  open.delete(key)
  open.set(key, held)
  held.uses += 1
  if (held.uses === 1) held.wake()
  return held.buckets
}

/** @param {Question} question */
export function leave(question) {
  const held = open.get(keyOf(question))
  if (!held) return
  held.uses -= 1
  if (held.uses > 0) return
  held.rest()
  const resting = [...open].filter(([, entry]) => entry.uses === 0)
  for (const [key] of resting.slice(0, Math.max(0, resting.length - MOST_RESTING))) open.delete(key)
}

/** A query as it is asked: `$20s` is a window of 20 s at least, longer for long periods. @param {string} query @param {number} length seconds of the period */
export const expand = (query, length) => query.replace(/\$(\d+)s\b/g, (_, least) => `${Math.max(Number(least), Math.floor(length / INSTANTS) + 1)}s`)

/** @param {Question} question */
function create({ query, pixels, offset = 0 }) {
  const plain = offset === 0 ? selectors.parse(query) : null
  /** @type {Buckets} */
  const buckets = { query, lines: new Map(), step: 0, state: 'loading', error: '', failedAt: 0, expanded: query, total: 0, sampling: 0, changes: new Changes(), version: signal(0), shape: signal(0), retry: () => load(true) }
  let turn = 0
  /** Which period was loaded whole, so that it is known where its data begins. */
  let loaded = ''
  let grid = ''
  /** Up to here the answers have every sample; later ones come live. */
  let known = -Infinity
  /** Samples that came while an answer was awaited. @type {Array<[import('../types.js').Metric, number, number]>} */
  let early = []
  let awaiting = false
  /** The oldest sample of which it is not known whether the answers had it. */
  let doubtful = Infinity
  let settling = SETTLED_MS
  /** Which of many series are asked for. @type {import('../chart/narrow.js').Narrowed|null} */
  let narrow = null
  const sampling = signal(0)
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let again
  /** @type {Array<() => void>} */
  let ends = []

  /** @param {boolean} shape @param {number} from the end of the first bucket that changed */
  const changed = (shape, from) => batch(() => {
    buckets.changes.note(from)
    buckets.version.value += 1
    if (shape) buckets.shape.value += 1
  })
  /** @param {import('../types.js').Metric} metric @param {number} t @param {number} v @returns {[boolean, boolean]} whether anything changed, and whether the series is new */
  const take = (metric, t, v) => {
    const key = selectors.print(metric)
    let series = buckets.lines.get(key)
    const fresh = !series
    if (!series) {
      if (buckets.lines.size >= MOST_READ) {
        buckets.total = Math.max(buckets.total, MOST_READ + 1)
        return [false, false]
      }
      series = emptySeries(metric)
    }
    const moved = addSample(series, t, v, buckets.step)
    if (fresh && moved) buckets.lines.set(key, series)
    return [moved, fresh && moved]
  }
  /** @param {LiveSeries[]} list */
  const live = (list) => {
    if (!plain || !range.peek().live) return
    let [fresh, first] = [false, Infinity]
    for (const { metric, values } of list) {
      if (!selectors.matches(plain, metric) || (narrow && !narrow.keeps(metric))) continue
      for (const [t, text] of values) {
        const v = Number(text)
        if (awaiting) early.push([metric, t, v])
        else if (doubted(metric, t)) late(metric, t, v)
        else {
          const [did, came] = take(metric, t, v)
          if (did) first = Math.min(first, Math.ceil(t / buckets.step) * buckets.step)
          fresh ||= came
        }
      }
    }
    if (first < Infinity) changed(fresh, first)
  }
  /** Whether the newest sample of its bucket says the same: then an answer had it already. @param {import('../types.js').Metric} metric @param {number} t @param {number} v */
  const had = (metric, t, v) => {
    const series = buckets.lines.get(selectors.print(metric))
    const at = series ? bucketAt(series, t, buckets.step, 0) : -1
    return series !== undefined && at >= 0 && series.last[at] === v
  }
  /** Whether the answer may have had it: both came at nearly one time, and it is no later than what the answer had of its series. @param {import('../types.js').Metric} metric @param {number} t */
  const doubted = (metric, t) => t <= known && t <= (buckets.lines.get(selectors.print(metric))?.t.at(-1) ?? -Infinity)
  /** Its bucket is asked anew. @param {import('../types.js').Metric} metric @param {number} t @param {number} v */
  const late = (metric, t, v) => {
    if (Number.isNaN(v) || had(metric, t, v) || t < axis.peek().start) return
    doubtful = Math.min(doubtful, t)
    clearTimeout(again)
    again = setTimeout(() => load(false), settling)
  }

  const step = () => {
    const { start, end } = loaded === range.value.name ? axis.value : period.value
    return stepFor(end - start, pixels, sampling.value)
  }

  /** @param {boolean} whole false: only what came after the newest bucket */
  async function load(whole) {
    const mine = ++turn
    clearTimeout(again)
    const { name } = range.peek()
    const { start, end, live: follows } = period.peek()
    const width = untracked(step)
    const first = loaded !== name
    const all = whole || first || width !== buckets.step
    const newest = Math.max(-Infinity, ...[...buckets.lines.values()].map((s) => s.t[s.t.length - 1]))
    const from = all || newest === -Infinity ? Math.floor((first ? start : axis.peek().start) / width) * width : Math.min(newest, Math.ceil(Math.min(known, doubtful) / width) * width)
    const cut = follows ? Math.max(serverTime(), lastSampleAt.peek() ?? 0) : end
    const asked = expand(query, end - start)
    awaiting = true
    early = []
    settling = all || doubtful === Infinity ? SETTLED_MS : Math.min(LONGEST_SETTLED_MS, settling * 2)
    doubtful = Infinity
    try {
      const to = Math.ceil(cut / width) * width
      const times = { start: from - offset, end: to - offset, step: width }
      if (all) narrow = null
      const wanted = () => mine === turn
      let data = await bucketsOf({ query: narrow?.query ?? asked, ...times, limit: narrow ? LOADED : MOST_READ }, wanted)
      if (mine !== turn) return
      if (all && data.total > MOST_READ) {
        const { total } = data
        const top = await get('/api/v1/query', { query: topQuery(asked, plain !== null, Math.ceil(to - from), width), time: to - offset })
        narrow = narrowed(asked, plain, top.result.map((/** @type {{ metric: import('../types.js').Metric }} */ { metric }) => metric), { seconds: Math.ceil(to - from), width, time: to - offset })
        data = { ...await bucketsOf({ query: narrow.query, ...times, limit: LOADED }, wanted), total }
        if (mine !== turn) return
      }
      if (narrow) data.result = data.result.filter((/** @type {{ metric: import('../types.js').Metric }} */ { metric }) => narrow?.keeps(metric))
      const rows = new Map(/** @type {import('../chart/series.js').BucketRow[]} */ (data.result).map((row) => [selectors.print(row.metric), fromRow(row, offset)]))
      const shape = all || [...rows.keys()].some((key) => !buckets.lines.has(key)) || buckets.state !== 'ready'
      if (all) buckets.lines = rows
      else {
        for (const [key, series] of buckets.lines) replaceTail(series, rows.get(key), from)
        for (const [key, series] of rows) if (!buckets.lines.has(key)) buckets.lines.set(key, series)
      }
      Object.assign(buckets, { step: width, state: 'ready', expanded: asked, total: narrow && !all ? buckets.total : data.total ?? rows.size })
      known = cut
      awaiting = false
      follow()
      for (const [metric, t, v] of early) {
        if (doubted(metric, t)) late(metric, t, v)
        else if (!had(metric, t, v)) take(metric, t, v)
      }
      forget(buckets, Math.min(start, axis.peek().start))
      batch(() => {
        loaded = name
        if (all) learnStart()
        if (all) buckets.sampling = usual([...rows.values()], width)
        if (all && plain) sampling.value = buckets.sampling
        changed(shape, all ? -Infinity : from)
        grid = JSON.stringify([name, width])
      })
      // What was learned may ask for other buckets.
      if (untracked(step) !== width) renew()
    } catch (error) {
      if (mine !== turn) return
      awaiting = false
      // What is held stays in view; the head of the page says that it is old.
      if (buckets.lines.size === 0) {
        Object.assign(buckets, { state: 'error', error: errorText(error), failedAt: serverTime() })
        changed(true, -Infinity)
      }
      again = setTimeout(() => load(false), RETRY_MS)
    }
  }

  let renewing = false
  /** Asks for the buckets that are wanted now, where they are others: once all answers that came together were read, since each may move the axis. */
  const renew = () => {
    if (renewing) return
    renewing = true
    queueMicrotask(() => {
      renewing = false
      const wanted = JSON.stringify([range.peek().name, untracked(step)])
      if (resting || wanted === grid) return
      grid = wanted
      load(true)
    })
  }

  let resting = true
  let followed = ''
  let unfollow = () => {}
  /** Live samples of those series that an answer had, and of no more. The snapshot that comes first has what came after the answer. */
  const follow = () => {
    const selector = narrow?.query ?? query
    if (!plain || resting || followed === selector) return
    followed = selector
    unfollow()
    unfollow = want([selector])
  }
  const wake = () => {
    resting = false
    // Time goes on without another grid.
    const grids = computed(() => JSON.stringify([range.value.name, step()]))
    let connected = -1
    if (buckets.state === 'ready') follow()
    ends = [
      plain ? onSamples(live, plain.name, plain.prefix) : () => {},
      effect(() => {
        const wanted = grids.value
        const connections = epoch.value
        untracked(() => {
          const other = wanted !== grid
          const missed = connections !== connected
          if (!visible()) return
          connected = connections
          // The first connection usually opens while the first load is under way: that load covers it.
          if (!other && (!missed || (awaiting && connections <= 1))) return
          if (other && !missed && loaded === range.peek().name) return renew()
          grid = wanted
          return load(other)
        })
      }),
      effect(() => {
        const { end, live: follows } = period.value
        if (plain && follows) return
        untracked(() => { if (visible() && !awaiting && buckets.state === 'ready' && end - known >= Math.max(buckets.step, LEAST_PACE_S)) load(false) })
      }),
    ]
  }
  const rest = () => {
    resting = true
    unfollow()
    followed = ''
    turn += 1
    awaiting = false
    clearTimeout(again)
    for (const end of ends) end()
    ends = []
  }
  return { buckets, uses: 0, first: () => (offset === 0 ? firstOf([...buckets.lines.values()]) - buckets.step : Infinity), wake, rest }
}

/** How often the series are sampled, in whole seconds as collectors have it; those that come and go seem rarer than they are. @param {Series[]} list @param {number} step */
function usual(list, step) {
  const found = list.map((s) => Math.round(samplingOf(s, step))).filter((s) => s > 0).sort((a, b) => a - b)
  return found[found.length >> 2] ?? 0
}

/** @param {Buckets} buckets @param {number} start */
function forget(buckets, start) {
  for (const [key, series] of buckets.lines) {
    trimSeries(series, start)
    if (series.t.length === 0 || series.t[series.t.length - 1] < start) buckets.lines.delete(key)
  }
}
