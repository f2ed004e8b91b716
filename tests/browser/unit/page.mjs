/**
 * What stores need of a browser: an address, a clock that the test moves, and a WebSocket that the test speaks through.
 *
 * Imported before the stores, since they look at these when they are loaded.
 */
import { mock } from 'node:test'

/** Unix seconds at which every test begins. */
export const START = 1_800_000_000

mock.timers.enable({ apis: ['setInterval', 'setTimeout', 'Date'], now: START * 1000 })

/** The clock goes on. @param {number} seconds */
export const pass = (seconds) => mock.timers.tick(seconds * 1000)

/** Lets promises run, and what reads the body of an answer, which takes turns of the event loop. */
export async function settle() {
  for (let n = 0; n < 50; n += 1) await new Promise((done) => setImmediate(done))
}

export class Socket extends EventTarget {
  static OPEN = 1
  /** @type {Socket[]} */
  static all = []
  readyState = 0
  /** What the page sent. @type {any[]} */
  sent = []

  /** @param {string|URL} url */
  constructor(url) {
    super()
    this.url = String(url)
    Socket.all.push(this)
  }

  /** The newest one. */
  static last() {
    return Socket.all[Socket.all.length - 1]
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text))
  }

  close() {
    this.readyState = 3
  }

  open() {
    this.readyState = 1
    this.dispatchEvent(new Event('open'))
  }

  /** The connection is lost. @param {number} [code] */
  lose(code = 1006) {
    this.readyState = 3
    this.dispatchEvent(Object.assign(new Event('close'), { code }))
  }

  /** The service says something. @param {unknown} frame */
  hear(frame) {
    this.dispatchEvent(Object.assign(new Event('message'), { data: typeof frame === 'string' ? frame : JSON.stringify(frame) }))
  }

  /** A frame of the subscription of a topic. @param {string} topic @param {'snapshot'|'update'} type @param {unknown[]} data */
  frame(topic, type, data) {
    const asked = this.sent.filter((m) => m.op === 'subscribe' && m.topic === topic).at(-1)
    this.hear({ type, id: asked?.id, seq: 1, time: Date.now() / 1000, data })
  }
}

/** Answers of REST by path; a function throws or gives the data. @type {Record<string, (url: URL) => unknown>} */
export const rest = {}
/** What REST was asked for. @type {string[]} */
export const asked = []

/** Several questions in one request, each answered as if it came alone. @param {URL} url */
rest['/api/v1/buckets/each'] = (url) => Promise.all(url.searchParams.getAll('ask').map(async (ask) => (await fetch(`/api/v1/buckets?${ask}`)).json()))

const page = new EventTarget()
Object.assign(globalThis, {
  WebSocket: Socket,
  location: { hash: '', href: 'http://localhost:8090/', origin: 'http://localhost:8090', pathname: '/', search: '' },
  document: Object.assign(new EventTarget(), { visibilityState: 'visible' }),
  addEventListener: page.addEventListener.bind(page),
  fetch: async (/** @type {string} */ path) => {
    const url = new URL(path, 'http://localhost:8090')
    asked.push(url.pathname)
    const answer = rest[url.pathname]
    if (!answer) throw new TypeError('nobody answers')
    const data = await answer(url)
    return data instanceof Response ? data : Response.json({ status: 'success', data })
  },
})

/** As a browser's: the address changes, and no event tells of it. @param {unknown} _state @param {string} _title @param {string} hash */
const change = (_state, _title, hash) => { location.hash = hash }
Object.assign(globalThis, { history: { pushState: change, replaceState: change } })

/** The reader goes to an address of the page. @param {string} hash */
export function go(hash) {
  location.hash = hash
  page.dispatchEvent(new Event('hashchange'))
}
