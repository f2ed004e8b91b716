/**
 * The live stream: one WebSocket, its subscriptions, and coming back after a loss.
 *
 * It knows topics and frames, not what is in them. Whoever subscribes gets the snapshot again after each
 * reconnect; what was missed in between is for them to ask REST for (`epoch` rises with each connection).
 *
 * @import { Frame } from '../types.js'
 */
import { askForLogin, get } from '../api.js'
import { effect, signal } from '../lib.js'
import { learn } from './clock.js'
import { loginEnded } from './login.js'

/** @typedef {{ topic: string, match?: string[], onFrame: (frame: Frame) => void }} Subscription */

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000
const PING_MS = 10_000
/** A connection that says nothing for this long is given up: a browser does not notice a lost peer by itself. */
const SILENCE_MS = 25_000
/** The service closes a connection with it when the login has ended. */
const LOGIN_ENDED = 4401

/** @type {import('../../vendor/signals-core.js').Signal<'connecting'|'open'|'lost'>} */
export const socketState = signal('connecting')
/** Rises with each connection, and when updates were left out because the page was too slow: time to ask REST what was missed. */
export const epoch = signal(0)
/** The service's last refusal of a subscription, in its words. @type {import('../../vendor/signals-core.js').Signal<string|null>} */
export const refusal = signal(null)

/** @type {Map<number, Subscription>} */
const subscriptions = new Map()
/** Subscriptions that had their first snapshot on this connection. @type {Set<number>} */
const begun = new Set()
/** @type {WebSocket|null} */
let socket = null
let nextId = 1
let attempts = 0
let heardAt = 0
/** @type {ReturnType<typeof setTimeout>|undefined} */
let retry

/** @param {Subscription} subscription @returns {() => void} ends it */
export function subscribe(subscription) {
  const id = nextId++
  subscriptions.set(id, subscription)
  announce(id, subscription)
  return () => {
    subscriptions.delete(id)
    say({ op: 'unsubscribe', id })
  }
}

/** Opens the stream; called once. */
export function connect() {
  clearTimeout(retry)
  const url = new URL('/ws', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const opened = new WebSocket(url)
  socket = opened
  opened.addEventListener('open', () => {
    attempts = 0
    heardAt = Date.now()
    begun.clear()
    for (const [id, subscription] of subscriptions) announce(id, subscription)
    socketState.value = 'open'
    epoch.value += 1
  })
  opened.addEventListener('message', (message) => { if (socket === opened) hear(message.data) })
  opened.addEventListener('close', (event) => {
    if (event.code === LOGIN_ENDED) loginEnded.value = true
    if (socket === opened) lost()
  })
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
    if (typeof frame.time === 'number') learn(frame.time)
    const missed = frame.type === 'snapshot' && begun.has(frame.id)
    begun.add(frame.id)
    // Before the frame is passed on: whoever asks REST starts from the points held so far.
    if (missed) epoch.value += 1
    subscriptions.get(frame.id)?.onFrame(frame)
  } else if (frame?.type === 'error') {
    refusal.value = String(frame.error)
  }
}

function lost() {
  socket = null
  socketState.value = 'lost'
  attempts += 1
  if (loginEnded.peek()) {
    // The stream may end later than somebody logged in again.
    if (document.visibilityState === 'visible') askForLogin()
    return
  }
  // A handshake that was refused for a missing login looks like any other failure here; a REST request shows the difference.
  if (attempts === 2) get('/api/v1/status').catch(() => undefined)
  const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1))
  retry = setTimeout(connect, longest * (0.5 + Math.random() / 2))
}

/** @param {number} id @param {Subscription} subscription */
function announce(id, { topic, match }) {
  say(match ? { op: 'subscribe', id, topic, match } : { op: 'subscribe', id, topic })
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

setInterval(() => {
  if (!socket || socket.readyState !== WebSocket.OPEN) return
  if (Date.now() - heardAt > SILENCE_MS) giveUp()
  else say({ op: 'ping' })
}, PING_MS)

/** Someone is looking again or the network is back: the next try need not wait. */
function hurry() {
  if (document.visibilityState !== 'visible') return
  if (loginEnded.peek()) askForLogin()
  else if (!socket) connect()
}

/** No try succeeds before the next login; after it the page reconnects. */
let refused = false
effect(() => {
  if (loginEnded.value) clearTimeout(retry)
  else if (refused && !socket) connect()
  refused = loginEnded.value
})
addEventListener('online', hurry)
document.addEventListener('visibilitychange', hurry)
