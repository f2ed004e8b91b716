/**
 * The service about itself: health, actors, sources, pipeline, store.
 *
 * @import { Source, Status } from '../types.js'
 */
import { batch, signal } from '../lib.js'
import { serverTime } from './clock.js'
import { subscribe } from './connection.js'

/** @type {import('../../vendor/signals-core.js').Signal<Status|null>} */
export const status = signal(null)
/** When it came last, on the service's clock. */
export const statusAt = signal(-Infinity)

/** Sources whose name begins with one of these. @param {string[]} prefixes @returns {Source[]} */
export function sourcesOf(...prefixes) {
  return status.value?.sources.filter((s) => prefixes.some((p) => s.source.startsWith(p))) ?? []
}

/** Starts listening; called once. */
export function followStatus() {
  subscribe({
    topic: 'status',
    onFrame: (frame) => {
      if (!frame.data[0]) return
      batch(() => {
        status.value = frame.data[0]
        statusAt.value = serverTime()
      })
    },
  })
}
