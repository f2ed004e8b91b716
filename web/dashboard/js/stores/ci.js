/**
 * CI as it is now, and which workflow of which repository is in view.
 *
 * Asked from REST once the stream is open, after each reconnect, and soon after a run began or ended; every few seconds as long as
 * figures move by themselves: while runs are under way and while the past is read.
 *
 * @import { Ci, CiRepository, CiWorkflow } from '../types.js'
 */
import { get } from '../api.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { now } from './clock.js'
import { epoch, ready } from './connection.js'
import { onEvents } from './events.js'
import { past } from './past.js'
import { param } from './place.js'

const SOON_MS = 250
const PACE_S = 20

/** What the service said last. @type {import('../../vendor/signals-core.js').Signal<{ runs: Ci|null, error: string|null }>} */
const told = signal({ runs: null, error: null })
/** What is shown: that, or what was at the moment that is replayed. */
export const ci = signal(told.peek())
effect(() => {
  const { runs, error } = told.value
  const was = past.value
  ci.value = was && runs ? { runs: was.ci(runs), error } : told.value
})
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

/** @type {ReturnType<typeof setTimeout>|undefined} */
let soon
const asked = signal(0)

/** Something may have changed. While nobody looks that is only noted. */
export function refreshCi() {
  asked.value += 1
}

/** Starts listening; called once. */
export function followCi() {
  let at = 0
  effect(() => {
    asked.value
    epoch.value
    if (!ready.value) return
    at = now.peek()
    clearTimeout(soon)
    soon = setTimeout(() => {
      get('/api/v1/ci/runs')
        .then((runs) => { told.value = { runs, error: null } })
        .catch((error) => { told.value = { runs: told.peek().runs, error: error.message } })
    }, told.peek().runs ? SOON_MS : 0)
  })
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'github')) refreshCi() })
  effect(() => {
    const moves = told.value.runs?.repositories.some((r) => !r.whole || r.jobs_wanted > 0 || r.active + r.queued > 0) || told.value.error
    if (moves && now.value - at >= PACE_S) untracked(refreshCi)
  })
}
