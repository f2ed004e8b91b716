/**
 * Actions in words: what is bound, how a run stands, what can be done about it.
 *
 * Pure.
 *
 * @import { Mark } from '../statuses.js'
 * @import { ActionBinding, ActionGuard, ActionReport, ActionRun, Actions, ActionState } from '../types.js'
 */
import { digits, percent, span, DASH } from '../format.js'

/** @type {Record<ActionState, { word: string, mark: Mark }>} */
const STATES = {
  planned: { word: 'dry run', mark: 'info' },
  running: { word: 'runs', mark: 'info' },
  watching: { word: 'is watched', mark: 'info' },
  undoing: { word: 'is being undone', mark: 'warning' },
  kept: { word: 'kept', mark: 'ok' },
  undone: { word: 'undone', mark: 'none' },
  refused: { word: 'did not run', mark: 'none' },
  failed: { word: 'needs you', mark: 'error' },
  resolved: { word: 'seen to', mark: 'none' },
}

/** @param {ActionState} state */
export const standingOf = (state) => STATES[state] ?? { word: state, mark: 'none' }

/** Whether anything is bound, or ever ran. @param {Actions|null} actions */
export const isConfigured = (actions) => actions !== null && (actions.bindings.length > 0 || actions.runs.length > 0)

/** What carries a piece of advice out, where the settings say so: as the service tells whose advice it is. @param {Actions|null} actions @param {string} id of the piece */
export const bindingOf = (actions, id) => actions?.bindings.find(({ advisor }) => id.startsWith(advisor) && !/^[_\p{L}\p{N}]/u.test(id.slice(advisor.length))) ?? null

/** Why a binding cannot run now; empty where it can. @param {Actions} actions @param {ActionBinding} binding @param {number} now @param {(t: number) => string} when writes a time */
export function waitOf({ off, runs }, { ready_at: ready, waits_for: waits }, now, when) {
  if (off !== null) return off
  const other = runs.find(({ id }) => id === waits)
  if (waits !== null) return other?.state === 'failed' ? 'a run of it needs somebody first' : 'another run is not over'
  // Times are written without seconds: before 12:44 would be said at 12:44 still.
  return ready !== null && ready > now ? `not again before ${when(Math.ceil(ready / 60) * 60)}` : ''
}

/** `when somebody asks`, `by itself, when advice is open for 10 m`. @param {ActionBinding} binding */
export const modeOf = ({ mode, after }) => (mode === 'ask' ? 'when somebody asks' : `by itself, once advice is open for ${span(after ?? 0)}`)

/** `may not become more than 20 % higher within 15 m`. @param {ActionGuard} guard */
export const guardOf = ({ worse, share, amount, watch }) => `may not become more than ${share !== null ? percent(share) : digits(amount ?? 0)} ${worse} within ${span(watch)}`

/** What the guard read: `before 0.2, at worst 0.31, undone beyond 0.24`. @param {ActionRun} run */
export function guardValuesOf({ guard: { baseline, worst, bound } }) {
  if (baseline === null) return ''
  const of = (/** @type {number|null} */ v) => (v === null ? DASH : digits(v))
  return `before ${of(baseline)}, at worst ${of(worst)}, undone beyond ${of(bound)}`
}

/** @type {Record<string, string>} */
const STEPS = { dry_run: 'dry run', run: 'command', undo: 'undo command' }
/** @param {ActionReport} report */
export const stepOf = ({ step }) => STEPS[step] ?? step

/** What a person may do about a run. @param {ActionRun} run @returns {Array<'undo'|'resolve'>} */
export const choicesOf = ({ state, needs_person: unseen }) => (state === 'watching' || state === 'kept' ? ['undo'] : state === 'failed' ? ['undo', 'resolve'] : state === 'undone' && unseen ? ['resolve'] : [])
