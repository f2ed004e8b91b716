/**
 * Where the reader is: the page, what of it is in view, the period, and what pages keep in the address.
 *
 * The address bar is the truth: what changes here is written there, so that a link leads back to the same view.
 *
 * @import { Address } from '../address.js'
 * @import { Choice } from '../period.js'
 */
import { parse, print } from '../address.js'
import { batch, computed, effect, signal } from '../lib.js'
import { choiceOf, DEFAULT, LONGEST_S, paramsOf, resolve, SHORTEST_S, stepFor } from '../period.js'
import { historyQuery } from '../selector.js'
import { utc } from '../zone.js'
import { now, replayed } from './clock.js'
import { askedMoment } from './past.js'

/** @type {import('../../vendor/signals-core.js').Signal<Address>} */
export const place = signal(parse(location.hash))
/** Which page is in view. */
export const pageName = computed(() => place.value.page)

/** What every link takes along: the period, the time zone, the moment that is replayed, and the board and workflow that the reader chose. */
const CARRIED = ['range', 'from', 'to', 'zone', 'compare', 'at', 'board', 'workflow']

/** The address of a page in the period in view. @param {string} page @param {string} [item] @param {Record<string, string>} [params] */
export function address(page, item = '', params = {}) {
  const carried = Object.fromEntries(CARRIED.map((name) => [name, place.value.params[name] ?? '']))
  return print({ page, item, params: { ...carried, ...params } })
}

/** The history of a series in Explore. @param {string} query */
export const historyOf = (query) => address('explore', '', { query: historyQuery(query) })

/** A trace, opened. @param {string} traceId */
export const traceAddress = (traceId) => address('logs', '', { tab: 'traces', trace: traceId })
/** The log lines that a query finds, in the period in view or in the one that is named. @param {string} query LogQL @param {Record<string, string>} [params] */
export const logsAddress = (query, params = {}) => address('logs', '', { query, ...params })
/** So long before and after a moment its log lines are shown. */
const AROUND_S = 300
/** The lines around a moment, or around a stretch of time. @param {string} query LogQL @param {number} from Unix seconds @param {number} [to] */
export const logsAround = (query, from, to = from) => logsAddress(query, { range: '', at: '', from: String(Math.floor(from) - AROUND_S), to: String(Math.ceil(to) + AROUND_S) })
/** The same for a moment of a chart, of what the chart shows. Loaded from here: the script that pages share, as charts are in, loads no other. @param {number} time Unix seconds @param {Array<Record<string, string|undefined>>} metrics @returns {Promise<string>} */
export const logsAt = (time, metrics) => import('../logs/moment.js').then((m) => m.logsAt(time, metrics))

/** Goes to an address; `replace` where going back should not lead here again. @param {string} hash @param {{ replace?: boolean }} [how] */
export function go(hash, { replace = false } = {}) {
  if (hash === location.hash) return
  if (replace) history.replaceState(null, '', hash)
  else history.pushState(null, '', hash)
  place.value = parse(hash)
}

/** Changes parameters of the page in view; an empty text takes one away. @param {Record<string, string>} params @param {{ replace?: boolean }} [how] */
export function setParams(params, how) {
  const { page, item, params: held } = place.peek()
  go(print({ page, item, params: { ...held, ...params } }), how)
}

/** One parameter, and how to change it without a step in the browser's history. @param {string} name @param {string} [initial] */
export function param(name, initial = '') {
  return {
    get value() { return place.value.params[name] ?? initial },
    set value(text) { setParams({ [name]: text === initial ? '' : text }, { replace: true }) },
  }
}

export { utc } from '../zone.js'
effect(() => { utc.value = place.value.params.zone === 'utc' })
/** What the period in view may be compared with, as the address has it: how many seconds earlier it lies, and how it is called. @type {Record<string, { seconds: number, words: string }>} */
export const COMPARED = { day: { seconds: 86_400, words: 'day before' }, week: { seconds: 604_800, words: 'week before' } }
const compared = computed(() => COMPARED[place.value.params.compare] ?? { seconds: 0, words: '' })
/** How many seconds earlier the period lies that is drawn beside the one in view; 0 for none. */
export const compare = computed(() => compared.value.seconds)
/** `day before`; empty for none. */
export const compareWords = computed(() => compared.value.words)

/** @type {import('../../vendor/signals-core.js').ReadonlySignal<Choice>} */
export const choice = computed(() => choiceOf(place.value.params))
/** When the data of the charts in view begins, once it is known; null while the period is not younger than its data. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const dataStart = signal(null)
/** Charts are about this wide: a live period moves on by a pixel of what they show at a time. */
const PIXELS = 800
/** However long the period, its end is no older than this: the newest samples are in view. */
const LONGEST_MOVE_S = 60
/** Seconds of a pixel: of the time that has data, where that is shorter than the period. */
export const pixelTime = computed(() => {
  const { start, end } = resolve(choice.value, now.peek(), utc.value)
  return Math.min(LONGEST_MOVE_S, Math.max(1, (end - Math.max(start, dataStart.value ?? start)) / PIXELS))
})
const moved = computed(() => Math.floor(now.value / pixelTime.value) * pixelTime.value)
/** Where a gesture has moved the view to, until the address follows. @type {import('../../vendor/signals-core.js').Signal<[number, number]|null>} */
const moving = signal(null)
/** The period in view. A live one changes when it has moved by a pixel. */
export const period = computed(() => {
  const settled = resolve(choice.value, moved.value, utc.value)
  const [start, end] = moving.value ?? [settled.start, settled.end]
  return moving.value || replayed.value !== null ? { ...settled, start, end, live: false } : settled
})
/** Whether the view goes with the time. */
export const follows = computed(() => period.value.live)
/** Up to here every sample has its own point. */
const EVERY_S = 3600
/** Longer periods have at most so many points a line. */
const POINTS = 360

/**
 * The period as charts load it: how long, how far apart its points are (0: every sample), and where it ends unless it is live.
 * Changes with the reader's choice only, not while time goes on.
 */
export const range = computed(() => {
  const { from, to } = choice.value
  const at = askedMoment.value
  const { start, end, live: moves, words } = resolve(choice.value, at ?? now.peek(), utc.value)
  const seconds = end - start
  const live = moves && at === null
  return { name: `${from}|${to}|${at ?? ''}`, seconds, step: seconds <= EVERY_S ? 0 : stepFor(seconds, POINTS), words, live, end: live ? null : end }
})

/** @param {Choice} chosen */
export const choose = (chosen) => setParams(paramsOf(chosen))

/** What was in view before the reader zoomed, the newest last. @type {Choice[]} */
const before = []
const MOST_STEPS_BACK = 50

/** Shows exactly this time. @param {number} start @param {number} end Unix seconds */
export function zoom(start, end) {
  const middle = (start + end) / 2
  const half = Math.min(LONGEST_S, Math.max(SHORTEST_S, end - start)) / 2
  before.push(choice.peek())
  if (before.length > MOST_STEPS_BACK) before.shift()
  choose({ from: String(Math.round(middle - half)), to: String(Math.round(middle + half)) })
}

/** The live period that was in view last. @type {Choice} */
let followed = DEFAULT
effect(() => { if (choice.value.to === 'now') followed = choice.value })

/** The view goes with the time again, as long as it was before the reader held it; a replay ends. */
export function follow() {
  setParams({ ...paramsOf(followed), at: '' })
}

/** Back to what was in view before; to the live hour where nothing was. */
export function back() {
  choose(before.pop() ?? DEFAULT)
}

/** Moves the view while a gesture lasts. @param {number} start @param {number} end */
export function move(start, end) {
  if (end - start >= SHORTEST_S && end - start <= LONGEST_S) moving.value = [start, end]
}

/** The gesture is over: the address follows. One that ends at now is live again. */
export function commit() {
  const to = moving.peek()
  if (!to) return
  batch(() => {
    moving.value = null
    if (to[1] >= now.peek() - (to[1] - to[0]) / PIXELS) choose({ from: `now-${Math.round(to[1] - to[0])}s`, to: 'now' })
    else zoom(to[0], to[1])
  })
}

addEventListener('popstate', () => { place.value = parse(location.hash) })
addEventListener('hashchange', () => { place.value = parse(location.hash) })
