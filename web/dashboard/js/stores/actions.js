/**
 * Actions: what the settings bind to advice, and what became of it. What needs somebody is asked for once the stream is open and soon after a
 * change; the page that shows all of it asks anew meanwhile.
 *
 * @import { ActionRun, Actions } from '../types.js'
 */
import { post } from '../api.js'
import { useAnswer } from '../hooks.js'
import { computed, effect, signal, untracked } from '../lib.js'
import { now } from './clock.js'
import { epoch } from './connection.js'
import { onEvents } from './events.js'
import { refreshed } from './refreshed.js'
import { link } from './samples.js'

/** Guards are judged meanwhile; each change of state is an event. */
const EVERY_S = 60
/** Where no figures come, it is asked for after this. */
const SOON_MS = 1000
const changes = signal(0)
const turn = computed(() => `${epoch.value} ${changes.value} ${Math.floor(now.value / EVERY_S)}`)

const { told, refresh, follow } = refreshed('/api/v1/actions')

onEvents((fresh) => {
  if (fresh.some((event) => event.kind.startsWith('action_'))) changed()
})

/** Starts asking for what needs somebody once the first figures are there, and soon where none come; called once. */
export function followActions() {
  let follows = false
  const begin = () => {
    if (follows) return
    follows = true
    follow()
  }
  effect(() => { if (link.value === 'live') untracked(begin) })
  setTimeout(begin, SOON_MS)
}

/** What the service said last. @type {import('../../vendor/signals-core.js').ReadonlySignal<{ data: Actions|null, error: string|null }>} */
export const toldActions = told

/** Runs that somebody should look at, the newest first. */
export const unseenRuns = computed(() => (/** @type {ActionRun[]} */ (told.value.data?.runs ?? [])).filter((run) => run.needs_person))

function changed() {
  changes.value += 1
  refresh()
}

export function useActions() {
  const { data, ...rest } = useAnswer('/api/v1/actions', {}, turn.value)
  return { actions: /** @type {Actions|null} */ (data), ...rest }
}

/** @param {string} recommendation */
export const runAction = (recommendation) => posted(`/api/v1/recommendations/${encodeURIComponent(recommendation)}/run`)
/** @param {string} run @param {'undo'|'resolve'} what */
export const changeRun = (run, what) => posted(`/api/v1/actions/${encodeURIComponent(run)}/${what}`)

/** @param {string} address */
async function posted(address) {
  await post(address)
  changed()
}
