/**
 * The sessions of coding agents as they are now: all of them are asked for when a page that shows them comes into view, then the live stream
 * brings those that change; and what the first page and desktop notifications say of them.
 *
 * While nobody looks the stream goes on only where the reader wants to be notified. Where it cannot be opened they are asked for now and then.
 *
 * @import { Frame } from '../types.js'
 * @import { Session } from './words.js'
 * @import { Stay } from './stays.js'
 * @import { AgentsNow } from '../stores/agents.js'
 */
import { errorText, get } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { agentsNow, NO_AGENTS } from '../stores/agents.js'
import { visible } from '../stores/awake.js'
import { serverTime } from '../stores/clock.js'
import { epoch, ready, socketState, subscribe } from '../stores/connection.js'
import { inView, notify, raise } from '../stores/notify.js'
import { minute } from '../stores/pace.js'
import { past } from '../stores/past.js'
import { address, go, pageName } from '../stores/place.js'
import { followHistory, stays } from './history.js'
import { agentBars } from './lane.js'
import { sessionsAt, until, withNow } from './stays.js'
import { agentName, isLive, keyOf, needsPerson, paramsOf, rowOf, sessionName, shortId, stateWhy, stateWords, totals, waiting } from './words.js'

/** @typedef {{ sessions: Session[]|null, missing: string, error: string, failedAt: number }} Agents  `sessions`: newest activity first, null until they are known; `missing`: why there are none */

/** @type {import('../../vendor/signals-core.js').Signal<Agents>} */
export const agents = signal({ sessions: null, missing: '', error: '', failedAt: 0 })

/** The pages that show them. */
const PAGES = ['now', 'agents']
const PACE_MS = 5000
const ELSEWHERE_MS = 15_000
const NOBODY_MS = 60_000

/** How long until all are asked for again where no stream brings changes; null while nobody would see it, or where one does. @param {Agents} known @param {string} page @param {boolean} seen whether the page is in view @param {boolean} notifies @param {boolean} [streams] */
export function pace({ sessions }, page, seen, notifies, streams = false) {
  if ((!seen && !notifies) || streams) return null
  if (page === 'agents' && seen) return PACE_MS
  if (sessions?.length === 0) return NOBODY_MS
  return seen && PAGES.includes(page) ? PACE_MS : ELSEWHERE_MS
}

/** Sessions with those that changed: each in its place, new ones first. @param {Session[]} list @param {Iterable<Session>} changed @returns {Session[]} */
export function merged(list, changed) {
  const fresh = new Map([...changed].map((session) => [rowOf(session), session]))
  const there = new Set(list.map(rowOf))
  return [...[...fresh.values()].filter((s) => !there.has(rowOf(s))), ...list.map((s) => fresh.get(rowOf(s)) ?? s)]
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let next
let turn = 0
/** What the stream brought while an answer was awaited: that is newer. @type {Map<string, Session>} */
const heard = new Map()

/** Asks for all of them now. */
export async function refreshAgents() {
  const mine = ++turn
  clearTimeout(next)
  heard.clear()
  /** @type {Agents} */
  let told
  try {
    const { sessions, missing } = await get('/api/v1/agents')
    told = { sessions: merged(sessions, heard.values()), missing: missing ?? '', error: '', failedAt: 0 }
  } catch (error) {
    // What was known stays in view.
    told = { ...agents.peek(), error: errorText(error), failedAt: agents.peek().failedAt || serverTime() }
  }
  // An older answer must not replace a newer one.
  if (mine !== turn) return
  agents.value = told
  wait()
}

/** @param {Frame} frame */
function take({ data }) {
  const changed = /** @type {Session[]} */ (data)
  for (const session of changed) heard.set(rowOf(session), session)
  const { sessions } = agents.peek()
  // Those that ended long ago are not in the stream: all of them come with the first answer.
  if (sessions && changed.length > 0) agents.value = { sessions: merged(sessions, changed), missing: '', error: '', failedAt: 0 }
}

function wait() {
  clearTimeout(next)
  const ms = pace(agents.peek(), pageName.peek(), visible(), notify.peek() === 'on', socketState.peek() === 'open')
  if (ms !== null) next = setTimeout(() => { if (ready.peek()) refreshAgents(); else wait() }, ms)
}

/** What sessions did until now, or until the moment that is replayed, with how they are called. @param {Session[]} sessions @param {Stay[]} list @returns {import('../ribbon/lanes.js').Bar[]} */
export function barsOf(sessions, list) {
  const names = new Map(sessions.map((session) => [keyOf(session), sessionName(session)]))
  return agentBars(list, (stay) => names.get(keyOf(stay)) ?? `${agentName(stay.agent)} ${shortId(stay.id)}`)
}

/** What the first page says. @param {Session[]} sessions @param {number} now the minute that it is @param {import('../ribbon/lanes.js').Bar[]} [bars] @returns {AgentsNow} */
export function said(sessions, now, bars = []) {
  const waits = waiting(sessions, now)
  const live = sessions.filter(isLive)
  const working = live.filter((s) => s.state === 'working').length
  const title = totals(sessions)
  const fact = waits ? { words: waits.many === 1 ? '1 agent waits for you' : `${waits.many} agents wait for you`, title, waits: waits.words } : working > 0 ? { words: `${working} ${working === 1 ? 'agent' : 'agents'} at work`, title, waits: '' } : null
  return {
    bars,
    figure: { words: waits ? `${waits.many} ${waits.many === 1 ? 'waits' : 'wait'}` : working > 0 ? `${working} working` : live.length > 0 ? `${live.length} idle` : 'none', title: title || 'No session goes on' },
    fact,
    needs: sessions.filter(needsPerson).map((session) => ({
      key: `agent ${rowOf(session)}`, mark: 'warning', word: 'waits for you', title: `${sessionName(session)} ${stateWords(session)}`, detail: stateWhy(session), since: session.since, page: 'agents', item: '',
      params: paramsOf(session, sessions),
    })),
    findings: live.flatMap((session) => session.findings.map((f) => ({ agent: session.agent, kind: f.kind, title: `${sessionName(session)}: ${f.title}`, detail: f.advice, params: paramsOf(session, sessions) }))),
    live: live.map((session) => ({ key: rowOf(session), params: paramsOf(session, sessions), words: `${sessionName(session)} ${stateWords(session)}` })),
  }
}

/** One notification for each session that begins to wait while the page is not in view, gone when it goes on. */
function followWaiting() {
  /** Those that were known to wait. @type {Set<string>|null} */
  let known = null
  /** @type {Map<string, Notification>} */
  const shown = new Map()
  effect(() => {
    const { sessions } = agents.value
    if (!sessions) return
    const now = new Map(sessions.filter(needsPerson).map((session) => [`${rowOf(session)} ${session.since}`, session]))
    for (const [key, session] of now) {
      // Who waited already when the page was opened is on the page.
      if (!known || known.has(key) || notify.peek() !== 'on' || inView()) continue
      shown.set(key, raise(`${sessionName(session)} ${stateWords(session)}`, { tag: `taskpulse agent ${keyOf(session)}`, body: 'It goes on as soon as you answer.' }, () => go(address('agents', '', paramsOf(session, sessions)))))
    }
    for (const [key, notification] of shown) {
      if (now.has(key)) continue
      notification.close()
      shown.delete(key)
    }
    known = new Set(now.keys())
  })
}

/** The states of all sessions, as a text that changes when one of them does. */
const doings = computed(() => (agents.value.sessions ?? []).map((s) => `${rowOf(s)} ${s.state} ${s.since} ${s.waits_for} ${s.tool}`).join('\n'))
/** How sessions are called, likewise. */
const callings = computed(() => (agents.value.sessions ?? []).map((s) => `${rowOf(s)} ${sessionName(s)}`).join('\n'))
/** Made anew only when something of it changed: figures of sessions do each second. */
const bars = computed(() => {
  doings.value
  callings.value
  const sessions = untracked(() => agents.value.sessions) ?? []
  return barsOf(sessions, past.value ? until(stays.value ?? [], past.value.at) : withNow(stays.value ?? [], sessions))
})

/** Subscribes; while nobody looks only where the reader wants to be notified. */
function followStream() {
  let end = () => {}
  effect(() => {
    const always = notify.value === 'on'
    end()
    end = subscribe({ topic: 'agents', always, onFrame: take })
  })
  effect(() => {
    socketState.value
    untracked(wait)
  })
}

let begun = false

/** Starts asking; the first call counts. */
export function follow() {
  if (begun) return
  begun = true
  followStream()
  followHistory(doings)
  // After each reconnect, and when the reader comes to another page.
  effect(() => {
    epoch.value
    const shows = PAGES.includes(pageName.value)
    if (!ready.value) return
    untracked(() => { if (agents.peek().sessions === null || shows) refreshAgents(); else wait() })
  })
  document.addEventListener('visibilitychange', wait)
  effect(() => {
    const { sessions } = agents.value
    agentsNow.value = !sessions ? NO_AGENTS : past.value ? said(sessionsAt(sessions, until(stays.value ?? [], past.value.at)), minute.value, bars.value) : said(sessions, minute.value, bars.value)
  })
  followWaiting()
}
