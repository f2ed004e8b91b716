/**
 * How things were at the moment that is replayed, as stores and figures ask for it. What works it out is loaded with the replay.
 *
 * @import { Alert, Board, Ci, Status } from '../types.js'
 * @import { Piece } from '../advice/life.js'
 * @import { Newest } from './samples.js'
 * @import { Selector } from '../selector.js'
 *
 * @typedef {{
 *   at: number, board: (now: Board) => Board, ci: (now: Ci) => Ci, status: (now: Status) => Status, alerts: (known: Alert[]) => Alert[],
 *   advice: (known: Piece[]) => Piece[], watched: boolean, newest: (selector: Selector) => Newest[]
 * }} Past  each makes what was of what is; `watched`: whether any figure was kept of then
 */
import { computed, signal } from '../lib.js'

/** Why a figure or a panel has nothing to show of a past time. */
export const NOT_KEPT = 'This is not kept for a past time.'

/** Null while the present is shown, and until what was is known. @type {import('../../vendor/signals-core.js').Signal<Past|null>} */
export const past = signal(null)
/** Why nothing is known of the moment that is replayed; empty where something was kept, and in the present. */
export const unwatched = computed(() => (past.value?.watched === false ? 'Nothing is kept of this time: the service was not running.' : ''))
/** The moment whose data is asked for: the one that is replayed, once it rests. Null for the present. @type {import('../../vendor/signals-core.js').Signal<number|null>} */
export const askedMoment = signal(null)
