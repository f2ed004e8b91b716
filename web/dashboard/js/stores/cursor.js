/**
 * The one time that all charts of a page point at. Null: none.
 */
import { effect, signal } from '../lib.js'

/** @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const cursor = signal(null)

/** @type {number|null} */
let pointed = null
effect(() => {
  if (cursor.value !== null) pointed = cursor.value
})

/** Where the charts pointed last: the pointer leaves them on its way to a menu. Null before it pointed anywhere. */
export const lastPointed = () => pointed
