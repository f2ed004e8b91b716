/**
 * What sessions did in the period in view, for the ribbon: asked when the period changes, and soon after a session changes its state.
 *
 * @import { Stay } from './stays.js'
 */
import { get } from '../api.js'
import { effect, signal, untracked } from '../lib.js'
import { serverTime } from '../stores/clock.js'
import { epoch, ready } from '../stores/connection.js'
import { pageName, range } from '../stores/place.js'

/** Null until they are known. @type {import('../../vendor/signals-core.js').Signal<Stay[]|null>} */
export const stays = signal(null)

/** Changes that come together are asked for once, and no more often than this: what sessions do now is known without. */
const PACE_MS = 5000

/** Starts; called once. @param {import('../../vendor/signals-core.js').ReadonlySignal<string>} changed another text when a session changed its state */
export function followHistory(changed) {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let soon
  let [turn, askedAt, of] = [0, -Infinity, '']
  const ask = async () => {
    const mine = ++turn
    askedAt = performance.now()
    const { end, seconds } = range.peek()
    const to = end ?? serverTime()
    try {
      const told = await get('/api/v1/agents/states', { start: to - seconds, ...(end === null ? {} : { end }) })
      if (mine === turn) stays.value = told
    } catch {
      // What was known stays in view; it is asked again with the next change.
    }
  }
  effect(() => {
    const { name } = range.value
    epoch.value
    changed.value
    if (!ready.value || pageName.value !== 'now') return
    untracked(() => {
      clearTimeout(soon)
      const left = name === of ? Math.max(0, askedAt + PACE_MS - performance.now()) : 0
      of = name
      soon = setTimeout(ask, left)
    })
  })
}
