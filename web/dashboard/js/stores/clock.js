/**
 * What time it is for the service, ticking once a second.
 *
 * Samples carry the service's clock. Where the browser's differs, ages and the right edge of charts would be
 * wrong by that much, so the difference is measured from frames of the live stream.
 */
import { signal } from '../lib.js'

/** Differences below this are the network's delay, not a clock's. */
const TOLERANCE_S = 1.5
let ahead = 0

/** Unix seconds on the service's clock. */
export const serverTime = () => Date.now() / 1000 + ahead

/** The same, as a signal that changes every second. */
export const now = signal(serverTime())

/** @param {number} time the service's clock as it sent a frame */
export function learn(time) {
  const difference = time - Date.now() / 1000
  if (Math.abs(difference - ahead) > TOLERANCE_S) ahead = difference
}

setInterval(() => { now.value = serverTime() }, 1000)
