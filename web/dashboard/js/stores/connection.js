/**
 * The live stream: one WebSocket, its subscriptions, and coming back after a loss.
 *
 * It knows topics and frames, not what is in them. Whoever subscribes gets the snapshot again after each
 * reconnect; what was missed in between is for them to ask REST for (`epoch` rises with each connection).
 * While nobody looks, only topics that speak when something happens go on.
 *
 * @import { Frame } from '../types.js'
 */
import { askForLogin, get } from '../api.js'
import { batch, computed, effect, signal, untracked } from '../lib.js'
import { awake, visible } from './awake.js'
import { learn, serverTime } from './clock.js'
import { loginEnded } from './login.js'

/** @typedef {{ topic: string, match?: string[], always?: boolean, onFrame: (frame: Frame) => void }} Subscription  `always`: also while nobody looks */

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** Nobody waits for it. */
const HIDDEN_RETRY_MS = 300_000
const PING_MS = 10_000
/** A connection that says nothing for this long is given up: a browser does not notice a lost peer by itself. */
const SILENCE_MS = 25_000
/** What is asked when somebody looks again is answered sooner than this. */
const ANSWER_MS = 5000
/** The service closes a connection with it when the login has ended. */
const LOGIN_ENDED = 4401
/** Frames of these are steps: where some were left out, the snapshot does not tell what they said. */
const STEPS = new Set(['samples', 'events'])

/** @type {import('../../vendor/signals-core.js').Signal<'connecting'|'open'|'lost'>} */
export const socketState = signal('connecting')
/** Since when there is no connection, on the service's clock; null while there is one. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const lostSince = signal(null)
/** Rises with each connection, when updates were left out, and when somebody looks again after a while: time to ask REST what was missed. */
export const epoch = signal(0)
/** True where a store may ask: the stream is open, so that nothing is missed between an answer and the first frame; or it cannot be opened. */
export const ready = computed(() => awake.value && (epoch.value > 0 || socketState.value === 'lost'))
/** The service's last refusal of a subscription, in its words. @type {import('../../vendor/signals-core.js').Signal<string|null>} */
export const refusal = signal(null)

/** What `boot.js` began before this script ran. @type {{ socket: WebSocket, wants: Array<{ topic: string, match?: string[] }|null>, heard: string[] }|undefined} */
let early = Reflect.get(globalThis, 'taskpulseEarly')
/** The samples that it subscribed to. */
export const earlyMatch = early?.wants.find((want) => want?.match)?.match ?? []

/** @type {Map<number, Subscription>} */
const subscriptions = new Map()
/** Subscriptions that the service knows on this connection. @type {Set<number>} */
const announced = new Set(early?.wants.keys())
/** Those that had their first snapshot on this connection. @type {Set<number>} */
const begun = new Set()
/** @type {WebSocket|null} */
let socket = null
let nextId = early?.wants.length ?? 1
let attempts = 0
let heardAt = 0
/** @type {ReturnType<typeof setTimeout>|undefined} */
let retry
/** @type {ReturnType<typeof setInterval>|undefined} */
let pings

/** @param {Subscription} subscription @returns {() => void} ends it */
export function subscribe(subscription) {
  const begunEarly = early?.wants.findIndex((want) => want?.topic === subscription.topic && want.match === subscription.match) ?? -1
  const id = begunEarly > 0 && !subscriptions.has(begunEarly) ? begunEarly : nextId++
  subscriptions.set(id, subscription)
  announce(id, subscription)
  return () => {
    subscriptions.delete(id)
    withdraw(id)
  }
}

/** Opens the stream, or goes on with the one that `boot.js` opened. */
export function connect() {
  clearTimeout(retry)
  const begunEarly = early
  early = undefined
  const opened = begunEarly?.socket ?? new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`)
  socket = opened
  if (!begunEarly) announced.clear()
  const start = () => {
    attempts = 0
    begun.clear()
    heardAt = Date.now()
    for (const [id, subscription] of subscriptions) announce(id, subscription)
    batch(() => {
      socketState.value = 'open'
      lostSince.value = null
      epoch.value += 1
    })
  }
  opened.addEventListener('message', (message) => { if (socket === opened) hear(message.data) })
  opened.addEventListener('close', (event) => {
    if (event.code === LOGIN_ENDED) loginEnded.value = true
    if (socket === opened) lost()
  })
  if (opened.readyState === WebSocket.OPEN) start()
  else if (opened.readyState < WebSocket.OPEN) opened.addEventListener('open', start)
  else lost()
  opened.onmessage = null
  opened.onclose = null
  for (const text of begunEarly?.heard ?? []) hear(text)
}

/** @param {unknown} text */
function hear(text) {
  heardAt = Date.now()
  /** @type {any} */
  let frame
  try {
    frame = JSON.parse(String(text))
  } catch {
    return
  }
  if (frame?.type === 'snapshot' || frame?.type === 'update') {
    // None: it was ended a moment ago.
    const subscription = announced.has(frame.id) ? subscriptions.get(frame.id) : undefined
    batch(() => {
      const missed = frame.type === 'snapshot' && begun.has(frame.id) && STEPS.has(subscription?.topic ?? '')
      begun.add(frame.id)
      // Before the frame is passed on: whoever asks REST starts from the points held so far.
      if (missed) epoch.value += 1
      subscription?.onFrame(frame)
      if (typeof frame.time === 'number') learn(frame.time, subscription?.topic === 'samples')
    })
  } else if (frame?.type === 'error') {
    refusal.value = String(frame.error)
  }
}

function lost() {
  socket = null
  attempts += 1
  batch(() => {
    socketState.value = 'lost'
    lostSince.value ??= serverTime()
  })
  if (loginEnded.peek()) {
    // The stream may end later than somebody logged in again.
    if (visible()) askForLogin()
    return
  }
  // A handshake that was refused for a missing login looks like any other failure here; a REST request shows the difference.
  if (attempts % 4 === 2) get('/api/v1/status').catch(() => undefined)
  const longest = awake.peek() ? Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1)) : HIDDEN_RETRY_MS
  retry = setTimeout(connect, longest * (0.5 + Math.random() / 2))
}

/** @param {number} id @param {Subscription} subscription */
function announce(id, { topic, match, always }) {
  if (announced.has(id) || socket?.readyState !== WebSocket.OPEN || !(always || awake.peek())) return
  announced.add(id)
  say(match ? { op: 'subscribe', id, topic, match } : { op: 'subscribe', id, topic })
}

/** @param {number} id */
function withdraw(id) {
  if (!announced.delete(id)) return
  begun.delete(id)
  say({ op: 'unsubscribe', id })
}

/** @param {object} frame */
function say(frame) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame))
}

/** Closes without waiting for a peer that may be gone, and starts anew. */
function giveUp() {
  const silent = socket
  lost()
  silent?.close()
}

function ping() {
  if (socket?.readyState !== WebSocket.OPEN) return
  if (Date.now() - heardAt > SILENCE_MS) giveUp()
  else say({ op: 'ping' })
}

/** The next try is made now. */
export function reconnect() {
  if (!socket && !loginEnded.peek()) connect()
}

/** Somebody looks again, or the network is back: the next try need not wait. */
function hurry() {
  if (!visible()) return
  if (loginEnded.peek()) askForLogin()
  else reconnect()
}

// The service's own pings keep a connection that rests; a browser answers them without this script.
effect(() => {
  const looking = awake.value
  clearInterval(pings)
  if (looking) pings = setInterval(ping, PING_MS)
  untracked(() => {
    if (!looking) for (const [id, { always }] of subscriptions) { if (!always) withdraw(id) }
    else if (socket?.readyState === WebSocket.OPEN && [...subscriptions.keys()].some((id) => !announced.has(id))) {
      for (const [id, subscription] of subscriptions) announce(id, subscription)
      epoch.value += 1
      // It may have been lost unnoticed.
      const [asked, at] = [Date.now(), socket]
      setTimeout(() => { if (socket === at && heardAt < asked) giveUp() }, ANSWER_MS)
    }
  })
})

/** No try succeeds before the next login; after it the page reconnects. */
let refused = false
effect(() => {
  if (loginEnded.value) clearTimeout(retry)
  else if (refused && !socket) connect()
  refused = loginEnded.value
})
addEventListener('online', hurry)
document.addEventListener('visibilitychange', hurry)
