/**
 * The service about itself: health, actors, sources, pipeline, store.
 *
 * @import { Source, Status } from '../types.js'
 */
import { batch, effect, signal } from '../lib.js'
import { awake } from './awake.js'
import { serverTime } from './clock.js'
import { subscribe } from './connection.js'
import { onEvents } from './events.js'
import { past } from './past.js'

/** What the service said last. @type {import('../../vendor/signals-core.js').Signal<Status|null>} */
const told = signal(null)
/** What is shown: that, or what was at the moment that is replayed. @type {import('../../vendor/signals-core.js').Signal<Status|null>} */
export const status = signal(null)
effect(() => { status.value = told.value && past.value ? past.value.status(told.value) : told.value })
/** When it came last, on the service's clock. */
export const statusAt = signal(-Infinity)

/** Sources whose name begins with one of these. @param {string[]} prefixes @returns {Source[]} */
export function sourcesOf(...prefixes) {
  return status.value?.sources.filter((s) => prefixes.some((p) => s.source.startsWith(p))) ?? []
}

/** @param {import('../types.js').Frame} frame */
function take(frame) {
  if (!frame.data[0]) return
  batch(() => {
    told.value = frame.data[0]
    statusAt.value = serverTime()
  })
}

/** Starts listening; called once. */
export function followStatus() {
  subscribe({ topic: 'status', onFrame: take })
  // The tab of a page that nobody looks at shows the state too: asked for once when something happened.
  let end = () => {}
  onEvents(() => {
    if (awake.peek()) return
    end()
    end = subscribe({ topic: 'status', always: true, onFrame: (frame) => { take(frame); end() } })
  })
}
