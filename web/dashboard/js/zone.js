/**
 * The time zone of all clock times and dates on the page: the browser's, or UTC where the reader chose it.
 *
 * The choice is in the address (`stores/place.js`). What writes a time reads it, so a component that shows one is drawn anew when it changes.
 */
import { signal } from '../vendor/signals-core.js'

/** Times are those of UTC rather than of this browser. */
export const utc = signal(false)

/** Seconds that the chosen zone is ahead of UTC at a time. @param {number} t Unix seconds */
export const offsetAt = (t) => (utc.value ? 0 : -60 * new Date(t * 1000).getTimezoneOffset())
