/**
 * What time it is: for the service, and for what is shown.
 *
 * Samples carry the service's clock. Where the browser's differs, ages and the right edge of charts would be wrong by that much, so the
 * difference is measured: from the answer that brought the page, then from frames of the live stream.
 *
 * Time moves on with the samples that come, so that a page is drawn once for both; where none come, every few seconds. While nobody looks
 * it stands.
 */
import { computed, effect, signal } from '../lib.js'
import { awake } from './awake.js'

/** Differences below this are the network's delay, not a clock's. */
const TOLERANCE_S = 1.5
/** Time moves on with samples, no more often than this. */
const PACE_S = 4
/** Without samples it moves on so often. */
const ALONE_MS = 6000

let ahead = atLoad()

/** Unix seconds on the service's clock. */
export const serverTime = () => Date.now() / 1000 + ahead

const present = signal(serverTime())
/** The moment that is looked at again, Unix seconds; null for the present. Set by `stores/replay.js`. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const replayed = signal(null)
/** The time of what is shown: the service's, or the moment that is replayed. */
export const now = computed(() => replayed.value ?? present.value)

/** The difference as the answer that brought the page tells it (`Server-Timing`); 0 where it does not, or where the page came from a cache. */
function atLoad() {
  const [load] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'))
  const said = Number(load?.serverTiming?.find(({ name }) => name === 'now')?.description)
  if (!said || load.type === 'back_forward' || load.transferSize === 0) return 0
  const difference = said - (performance.timeOrigin + load.responseStart) / 1000
  return Math.abs(difference) > TOLERANCE_S ? difference : 0
}

/** @param {number} time the service's clock as it sent a frame @param {boolean} samples whether it brought samples: charts are drawn once for both */
export function learn(time, samples) {
  const difference = time - Date.now() / 1000
  const off = Math.abs(difference - ahead) > TOLERANCE_S
  if (off) ahead = difference
  if (awake.peek() && (off || (samples && serverTime() - present.peek() >= PACE_S))) tick()
}

/** @type {ReturnType<typeof setTimeout>|undefined} */
let alone
function tick() {
  present.value = serverTime()
  wait()
}
function wait() {
  clearTimeout(alone)
  if (awake.peek()) alone = setTimeout(tick, ALONE_MS)
}
// Who looks again is shown the new time together with the first frame.
effect(() => {
  awake.value
  wait()
})
