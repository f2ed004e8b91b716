/**
 * When the service was last known to run before a start that no stop came before: after a crash or a power cut nobody noted the end.
 *
 * The newest sample of its own that was kept before the start tells it. Asked once for each such start.
 */
import { get } from '../api.js'
import { effect, signal, untracked } from '../lib.js'
import { own } from '../own.js'
import { events } from '../stores/events.js'
import { startsUnannounced } from './gaps.js'

/** The service measures itself every 10 s. */
const OWN = own('taskpulse_process_start_time_seconds')
/** A sample counts for five minutes: at one instant of each four it is found wherever it lies. */
const STEP_S = 240
/** As many instants as the service works out at once. */
const LONGEST_S = 30 * 86_400
/** A service that is started again and again is not asked about for each time. */
const MOST = 20

/** When the service last ran before a start, by the time of the start; null where nothing is kept of before. @type {import('../../vendor/signals-core.js').Signal<ReadonlyMap<number, number|null>>} */
export const lastRun = signal(new Map())
/** @type {Set<number>} */
const asked = new Set()

/** @param {number} start @param {number|null} from when the service had started before, where that is known */
async function ask(start, from) {
  const length = Math.ceil(Math.min(LONGEST_S, from === null ? LONGEST_S : start - from + STEP_S))
  // The newest of all lies after the last whole step.
  const query = `max(label_replace(max_over_time(timestamp(${OWN})[${length}s:${STEP_S}s] @ ${start}), "of", "before", "", "") or timestamp(${OWN} @ ${start}))`
  const { result } = await get('/api/v1/query', { query })
  const at = Math.max(from ?? -Infinity, result.length > 0 ? Number(result[0].value[1]) : -Infinity)
  lastRun.value = new Map(lastRun.peek()).set(start, at > -Infinity && at < start ? at : null)
}

/** Begins to ask; returns what ends it. */
export function followCrashes() {
  return effect(() => {
    const starts = startsUnannounced(events.value ?? []).slice(-MOST)
    untracked(() => {
      for (const { start, from } of starts) {
        if (asked.has(start)) continue
        asked.add(start)
        ask(start, from).catch(() => asked.delete(start))
      }
    })
  })
}
