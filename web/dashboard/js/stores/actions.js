/**
 * Actions: what the settings bind to advice, and what became of it. Asked while the page that shows them is on screen, and soon after a change.
 *
 * @import { Actions } from '../types.js'
 */
import { post } from '../api.js'
import { useAnswer } from '../hooks.js'
import { computed, signal } from '../lib.js'
import { now } from './clock.js'
import { epoch } from './connection.js'
import { onEvents } from './events.js'

/** Guards are judged meanwhile; each change of state is an event. */
const EVERY_S = 60
const changes = signal(0)
const turn = computed(() => `${epoch.value} ${changes.value} ${Math.floor(now.value / EVERY_S)}`)

onEvents((fresh) => {
  if (fresh.some((event) => event.kind.startsWith('action_'))) changes.value += 1
})

export function useActions() {
  const { data, ...rest } = useAnswer('/api/v1/actions', {}, turn.value)
  return { actions: /** @type {Actions|null} */ (data), ...rest }
}

/** @param {string} recommendation */
export const runAction = (recommendation) => changed(`/api/v1/recommendations/${encodeURIComponent(recommendation)}/run`)
/** @param {string} run @param {'undo'|'resolve'} what */
export const changeRun = (run, what) => changed(`/api/v1/actions/${encodeURIComponent(run)}/${what}`)

/** @param {string} address */
async function changed(address) {
  await post(address)
  changes.value += 1
}
