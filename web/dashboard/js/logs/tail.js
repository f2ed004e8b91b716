/**
 * Lines as they come in: over a WebSocket that is opened again when it was lost, and given up while nobody looks.
 *
 * @import { LogLine } from '../types.js'
 */
import { effect, signal } from '../lib.js'
import { awake } from '../stores/awake.js'
import { loginEnded } from '../stores/login.js'
import { droppedOf, keyOf, ofMessage } from './lines.js'

const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 30_000
/** After a reconnect at most so many missed lines are asked for. */
const MISSED = 1000
/** Lines may arrive a little after their time. */
const BACK_NS = 5_000_000_000n
/** So many are remembered, so that none is shown twice. */
const REMEMBERED = 4000

/** @typedef {{ state: 'opening'|'open'|'lost', dropped: number, gap: boolean }} Link  `dropped`: lines that the service left out; `gap`: some of the time without a connection may be missing */

/** @type {Link} */
export const OPENING = { state: 'opening', dropped: 0, gap: false }

/**
 * Follows the lines of a query.
 * @param {string} query @param {string} from nanoseconds: lines since then come first @param {ReadonlySet<string>} streamLabels @param {(lines: LogLine[]) => void} onLines the oldest first
 * @param {Iterable<LogLine>} shown lines that are there already
 */
export function follow(query, from, streamLabels, onLines, shown) {
  const link = signal(OPENING)
  const seen = new Set([...shown].map(keyOf))
  let newest = BigInt(from)
  /** @type {WebSocket|null} */
  let socket = null
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let retry
  let tries = 0

  /** @param {MessageEvent} event */
  const receive = ({ data }) => {
    /** @type {any} */
    let message
    try {
      message = JSON.parse(String(data))
    } catch {
      return
    }
    const all = ofMessage(message, streamLabels)
    const lines = all.filter((line) => !seen.has(keyOf(line)))
    for (const line of lines) {
      seen.add(keyOf(line))
      if (BigInt(line.ns) > newest) newest = BigInt(line.ns)
    }
    for (const key of seen) {
      if (seen.size <= REMEMBERED) break
      seen.delete(key)
    }
    const dropped = droppedOf(message)
    // As many as were asked for: there may have been more.
    const gap = all.length >= MISSED
    if (dropped > 0 || gap) link.value = { ...link.peek(), dropped: link.peek().dropped + dropped, gap: link.peek().gap || gap }
    if (lines.length > 0) onLines(lines)
  }
  const open = () => {
    clearTimeout(retry)
    const start = tries === 0 && newest === BigInt(from) ? newest : newest - BACK_NS
    const params = new URLSearchParams({ query, limit: String(MISSED), start: String(start) })
    const opened = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/loki/api/v1/tail?${params}`)
    socket = opened
    opened.addEventListener('open', () => {
      if (socket !== opened) return
      tries = 0
      link.value = { ...link.peek(), state: 'open' }
    })
    opened.addEventListener('message', (event) => { if (socket === opened) receive(event) })
    opened.addEventListener('close', (event) => {
      if (socket !== opened) return
      socket = null
      if (event.code === 4401) loginEnded.value = true
      link.value = { ...link.peek(), state: 'lost' }
      tries += 1
      retry = setTimeout(open, Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (tries - 1)))
    })
  }
  const close = () => {
    clearTimeout(retry)
    const held = socket
    socket = null
    held?.close()
  }
  const stop = effect(() => {
    if (awake.value && !loginEnded.value) open()
    else close()
  })
  return {
    link,
    end: () => {
      stop()
      close()
    },
  }
}
