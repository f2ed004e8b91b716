/**
 * The one time that all charts of a page point at. Null: none.
 */
import { signal } from '../lib.js'

/** @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const cursor = signal(null)
