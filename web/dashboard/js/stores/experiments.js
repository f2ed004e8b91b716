/**
 * Changes that were marked, and whether they helped. Asked while a page that shows them is on screen, and soon after a change.
 *
 * @import { Experiment } from '../types.js'
 */
import { post, send } from '../api.js'
import { useAnswer } from '../hooks.js'
import { computed, signal } from '../lib.js'
import { now } from './clock.js'
import { epoch } from './connection.js'
import { onEvents } from './events.js'
import { refreshTicks } from './ticks.js'

/** Judgments change once an hour at the most, and then an event says so. */
const EVERY_S = 600
const changes = signal(0)
const turn = computed(() => `${epoch.value} ${changes.value} ${Math.floor(now.value / EVERY_S)}`)

/** What the reader has removed, until the page is left: it can be undone. @type {import('../../vendor/signals-core.js').Signal<Experiment[]>} */
export const removedHere = signal([])

onEvents((fresh) => {
  if (fresh.some((event) => event.kind.startsWith('experiment_'))) changes.value += 1
})

export function useExperiments() {
  const { data, ...rest } = useAnswer('/api/v1/experiments', {}, turn.value)
  return { list: /** @type {Experiment[]|null} */ (data), ...rest }
}

/** Asks anew: the page that lists them, and the ticks of charts. */
function changed() {
  changes.value += 1
  refreshTicks()
}

/** @param {{ expr: string, at: number, title: string, direction: string }} draft @returns {Promise<Experiment>} */
export async function markChange(draft) {
  const made = await send('POST', '/api/v1/experiments', draft)
  changed()
  return made
}

/** @param {Experiment} experiment */
export async function removeExperiment(experiment) {
  await send('DELETE', `/api/v1/experiments/${encodeURIComponent(experiment.id)}`)
  removedHere.value = [experiment, ...removedHere.peek()]
  changed()
}

/** @param {Experiment} experiment */
export async function restoreExperiment(experiment) {
  await post(`/api/v1/experiments/${encodeURIComponent(experiment.id)}/restore`)
  removedHere.value = removedHere.peek().filter(({ id }) => id !== experiment.id)
  changed()
}
