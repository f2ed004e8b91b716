/**
 * CI as it is now, and which workflow of which repository is in view.
 *
 * Asked from REST once the stream is open, after each reconnect, and soon after a run began or ended; every few seconds as long as
 * figures move by themselves: while runs are under way and while the past is read.
 *
 * @import { Ci, CiRepository, CiWorkflow } from '../types.js'
 */
import { computed, effect, signal, untracked } from '../lib.js'
import { now } from './clock.js'
import { onEvents } from './events.js'
import { past } from './past.js'
import { param } from './place.js'
import { refreshed } from './refreshed.js'

/** While figures move by themselves they are asked for so often. */
const PACE_S = 20

/** @type {import('./refreshed.js').Refreshed<Ci>} */
const { told, refresh, follow } = refreshed('/api/v1/ci/runs')
/** What is shown: what the service said last, or what was at the moment that is replayed. */
export const ci = signal(/** @type {{ runs: Ci|null, error: string|null }} */ ({ runs: null, error: null }))
effect(() => {
  const { data, error } = told.value
  const was = past.value
  ci.value = { runs: was && data ? was.ci(data) : data, error }
})
/** Something may have changed. */
export const refreshCi = refresh
/** `repo workflow` that the reader chose, in the address; empty follows the busiest. */
export const chosenWorkflow = param('workflow')

/** @typedef {{ repository: CiRepository, workflow: CiWorkflow|null }} Choice */

/** @param {Choice} choice */
export const choiceKey = ({ repository, workflow }) => `${repository.repo} ${workflow?.workflow_id ?? workflow?.workflow ?? ''}`

/** @param {CiWorkflow} workflow */
const ends = (workflow) => Object.values(workflow.runs).reduce((sum, n) => sum + n, 0)

/** What can be in view, the busiest workflow of each repository first. @type {import('../../vendor/signals-core.js').ReadonlySignal<Choice[]>} */
export const choices = computed(() => (ci.value.runs?.repositories ?? []).flatMap((repository) => {
  const sorted = [...repository.workflows].sort((a, b) => ends(b) - ends(a))
  const shown = sorted.length ? sorted : [null]
  return shown.map((workflow) => ({ repository, workflow }))
}))

/** What is in view. @type {import('../../vendor/signals-core.js').ReadonlySignal<Choice|null>} */
export const choice = computed(() => choices.value.find((c) => choiceKey(c) === chosenWorkflow.value) ?? choices.value[0] ?? null)

/** Starts listening; called once. */
export function followCi() {
  let at = 0
  follow(() => { at = now.peek() })
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'github')) refreshCi() })
  effect(() => {
    const moves = told.value.data?.repositories.some((r) => !r.whole || r.jobs_wanted > 0 || r.active + r.queued > 0) || told.value.error
    if (moves && now.value - at >= PACE_S) untracked(refreshCi)
  })
}
