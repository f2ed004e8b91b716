/**
 * The sessions of coding agents as they are now: asked every few seconds while a page that shows them is in view, more rarely on other pages;
 * and what the first page and desktop notifications say of them.
 *
 * A hidden page asks only where the reader wants to be notified. Where no agent was ever seen it asks once a minute.
 *
 * @import { Session } from './words.js'
 * @import { AgentsNow } from '../stores/agents.js'
 */
import { errorText, get } from '../api.js'
import { effect, signal, untracked } from '../lib.js'
import { agentsNow, NO_AGENTS } from '../stores/agents.js'
import { visible } from '../stores/awake.js'
import { serverTime } from '../stores/clock.js'
import { epoch, ready, socketState } from '../stores/connection.js'
import { inView, notify, raise } from '../stores/notify.js'
import { minute } from '../stores/pace.js'
import { past } from '../stores/past.js'
import { address, go, pageName } from '../stores/place.js'
import { agentBars } from './lane.js'
import { isLive, keyOf, needsPerson, rowOf, sessionName, stateWhy, stateWords, totals, waiting } from './words.js'

/** @typedef {{ sessions: Session[]|null, missing: string, error: string, failedAt: number }} Agents  `sessions`: newest activity first, null until they are known; `missing`: why there are none */

/** @type {import('../../vendor/signals-core.js').Signal<Agents>} */
export const agents = signal({ sessions: null, missing: '', error: '', failedAt: 0 })
/** Rises with each answer: what is asked of one session is asked again with it. */
export const beat = signal(0)

/** The pages that show them. */
const PAGES = ['now', 'agents']
const PACE_MS = 5000
const ELSEWHERE_MS = 15_000
const NOBODY_MS = 60_000

/** How long until they are asked for again; null while nobody would see it. @param {Agents} known @param {string} page @param {boolean} seen whether the page is in view @param {boolean} notifies */
export function pace({ sessions }, page, seen, notifies) {
  if (!seen && !notifies) return null
  if (page === 'agents' && seen) return PACE_MS
  if (sessions?.length === 0) return NOBODY_MS
  return seen && PAGES.includes(page) ? PACE_MS : ELSEWHERE_MS
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let next
let turn = 0

/** Asks now. */
export async function refreshAgents() {
  const mine = ++turn
  clearTimeout(next)
  /** @type {Agents} */
  let told
  try {
    const { sessions, missing } = await get('/api/v1/agents')
    told = { sessions, missing: missing ?? '', error: '', failedAt: 0 }
  } catch (error) {
    // What was known stays in view.
    told = { ...agents.peek(), error: errorText(error), failedAt: agents.peek().failedAt || serverTime() }
  }
  // An older answer must not replace a newer one.
  if (mine !== turn) return
  agents.value = told
  beat.value += 1
  wait()
}

function wait() {
  clearTimeout(next)
  const ms = pace(agents.peek(), pageName.peek(), visible(), notify.peek() === 'on')
  if (ms !== null) next = setTimeout(() => { if (ready.peek() || (!visible() && socketState.peek() === 'open')) refreshAgents() }, ms)
}

/** What the first page says. @param {Session[]} sessions @param {number} now the minute that it is @returns {AgentsNow} */
export function said(sessions, now) {
  const waits = waiting(sessions, now)
  const live = sessions.filter(isLive)
  const working = live.filter((s) => s.state === 'working').length
  const title = totals(sessions)
  const fact = waits ? { words: waits.many === 1 ? '1 agent waits for you' : `${waits.many} agents wait for you`, title, waits: waits.words } : working > 0 ? { words: `${working} ${working === 1 ? 'agent' : 'agents'} at work`, title, waits: '' } : null
  return {
    bars: agentBars(sessions),
    figure: { words: waits ? `${waits.many} ${waits.many === 1 ? 'waits' : 'wait'}` : working > 0 ? `${working} working` : live.length > 0 ? `${live.length} idle` : 'none', title: title || 'No session goes on' },
    fact,
    needs: sessions.filter(needsPerson).map((session) => ({
      key: `agent ${rowOf(session)}`, mark: 'warning', word: 'waits for you', title: `${sessionName(session)} ${stateWords(session)}`, detail: stateWhy(session), since: session.since, page: 'agents', item: '',
      params: { session: keyOf(session) },
    })),
    live: live.map((session) => ({ key: keyOf(session), words: `${sessionName(session)} ${stateWords(session)}` })),
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
      shown.set(key, raise(`${sessionName(session)} ${stateWords(session)}`, { tag: `taskpulse agent ${keyOf(session)}`, body: 'It goes on as soon as you answer.' }, () => go(address('agents', '', { session: keyOf(session) }))))
    }
    for (const [key, notification] of shown) {
      if (now.has(key)) continue
      notification.close()
      shown.delete(key)
    }
    known = new Set(now.keys())
  })
}

let begun = false

/** Starts asking; the first call counts. */
export function follow() {
  if (begun) return
  begun = true
  // After each reconnect, and when the reader comes to another page.
  effect(() => {
    epoch.value
    const shows = PAGES.includes(pageName.value)
    if (!ready.value) return
    untracked(() => { if (agents.peek().sessions === null || shows) refreshAgents(); else wait() })
  })
  document.addEventListener('visibilitychange', () => { if (visible() && ready.peek()) refreshAgents(); else wait() })
  effect(() => {
    const { sessions } = agents.value
    // Their states of a past time are not kept.
    agentsNow.value = sessions && past.value === null ? said(sessions, minute.value) : NO_AGENTS
  })
  followWaiting()
}
