/**
 * An answer of the REST interface that follows what happens: asked once the stream is open, after each reconnect, and soon after a change.
 *
 * What was known stays while the service cannot be asked. An answer that takes long is asked for more rarely, so that a large one costs a
 * small part of the time however often it changes. While nobody looks nothing is asked.
 */
import { errorText, get } from '../api.js'
import { effect, signal } from '../lib.js'
import { epoch, ready } from './connection.js'

/** Changes that come together are asked for once. */
const SOON_MS = 250
/** Asking, reading and drawing may take this part of the time. */
const SHARE = 0.1
/** However long it took, it is asked again after this. */
const LONGEST_MS = 10_000

/** How long to wait before the next question. @param {number} took how long the last one took until it was drawn, ms @param {number} ago since it was drawn, ms */
export const pause = (took, ago) => Math.max(SOON_MS, Math.min(LONGEST_MS, took / SHARE) - ago)

/**
 * @template T
 * @typedef {{ told: import('../../vendor/signals-core.js').Signal<{ data: T|null, error: string|null }>, refresh: () => void, follow: (onAsk?: () => void) => void }} Refreshed
 *   `told`: what the service said last; `refresh`: something may have changed; `follow`: starts asking, called once
 */

/**
 * @template T
 * @param {string} path @param {(before: T|null, fresh: T) => T} [share] takes over what has not changed, so that it is not drawn anew
 * @returns {Refreshed<T>}
 */
export function refreshed(path, share = (_, fresh) => fresh) {
  /** @type {import('../../vendor/signals-core.js').Signal<{ data: T|null, error: string|null }>} */
  const told = signal({ data: null, error: null })
  const asked = signal(0)
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let soon
  let took = 0
  let drawnAt = -Infinity

  const ask = async () => {
    const began = performance.now()
    const { data } = told.peek()
    try {
      told.value = { data: share(data, await get(path)), error: null }
    } catch (error) {
      told.value = { data, error: errorText(error) }
    }
    // Components draw in a turn of their own.
    setTimeout(() => {
      drawnAt = performance.now()
      took = drawnAt - began
    })
  }
  return {
    told,
    refresh: () => { asked.value += 1 },
    follow: (onAsk = () => {}) => { effect(() => {
      asked.value
      epoch.value
      if (!ready.value) return
      onAsk()
      clearTimeout(soon)
      soon = setTimeout(ask, told.peek().data ? pause(took, performance.now() - drawnAt) : 0)
    }) },
  }
}
