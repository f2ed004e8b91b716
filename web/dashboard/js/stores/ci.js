/**
 * CI as it is now, and which workflow of which repository is in view.
 *
 * Asked from REST at the start, after each reconnect, and soon after a run began or ended; now and then besides, because
 * figures also move while the past is read.
 *
 * @import { Ci, CiRepository, CiWorkflow } from '../types.js'
 */
import { get } from '../api.js'
import { computed, effect, signal } from '../lib.js'
import { epoch } from './connection.js'
import { onEvents } from './events.js'
import { param } from './place.js'

const SOON_MS = 250
const NOW_AND_THEN_MS = 20_000

/** @type {import('../../vendor/signals-core.js').Signal<{ runs: Ci|null, error: string|null }>} */
export const ci = signal({ runs: null, error: null })
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

export function refreshCi() {
  clearTimeout(soon)
  soon = setTimeout(() => {
    get('/api/v1/ci/runs')
      .then((runs) => { ci.value = { runs, error: null } })
      .catch((error) => { ci.value = { runs: ci.peek().runs, error: error.message } })
  }, ci.peek().runs ? SOON_MS : 0)
}

/** Starts listening; called once. */
export function followCi() {
  effect(() => { if (epoch.value > 0) refreshCi() })
  refreshCi()
  onEvents((fresh) => { if (fresh.some((e) => e.source === 'github')) refreshCi() })
  setInterval(refreshCi, NOW_AND_THEN_MS)
}
