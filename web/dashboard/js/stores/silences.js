/**
 * Silences, maintenance windows, and which firing alerts have their notices held back by what. Asked while somebody looks at them.
 *
 * @import { AlertStatus, GettableAlert, GettableSilence, Maintenance } from '../types.js'
 * @import { Draft } from '../alerts/quiet.js'
 * @typedef {{ silences: GettableSilence[], maintenance: Maintenance[], byAlert: Map<string, AlertStatus> }} Held  `byAlert`: by the alert's id, of those only whose notices are held back
 */
import { errorText, get, plain, send } from '../api.js'
import { computed, effect, signal } from '../lib.js'
import { byStand, standOf } from '../alerts/grouping.js'
import { alerts, presentAlerts } from './alerts.js'
import { replayed } from './clock.js'
import { epoch, ready } from './connection.js'
import { minute } from './pace.js'

/** Changes that come together are asked for once. */
const SOON_MS = 400
/** What could not be read is asked for again after this. */
const RETRY_MS = 5000

/** Null: not known yet. @type {import('../../vendor/signals-core.js').Signal<Held|null>} */
export const held = signal(null)
/** The same for alerts of now; of those of a past time nobody kept it. */
export const heldNow = computed(() => (replayed.value === null ? held.value : null))
/** Alerts by cause, as every page counts and lists them. */
export const standing = computed(() => byStand(alerts.value ?? [], (id) => heldNow.value?.byAlert.get(id)?.inhibitedBy ?? []))
/** Why it could not be read; empty while it could. */
export const heldError = signal('')
/** What the reader has ended, until the page is left: it can be undone. @type {import('../../vendor/signals-core.js').Signal<Array<{ silence: GettableSilence, end: number }>>} */
export const endedHere = signal([])
/** The same of maintenance windows. @type {import('../../vendor/signals-core.js').Signal<Maintenance[]>} */
export const removedHere = signal([])

/** Changes when an alert begins to fire or ends; null until they are known. */
const firings = computed(() => presentAlerts.value && presentAlerts.value.reduce((sum, a) => sum + (a.firing_since ?? 0), 0))

let turn = 0
/** Who looks. */
let watchers = 0
let stop = () => {}
/** @type {ReturnType<typeof setTimeout>|undefined} */
let again
/** Asks for all of it. */
export async function loadSilences() {
  const mine = ++turn
  clearTimeout(again)
  try {
    const [silences, maintenance, alerts] = await Promise.all([
      plain('GET', '/api/v2/silences'), get('/api/v1/maintenance'), plain('GET', '/api/v2/alerts?active=false'),
    ])
    if (mine !== turn) return
    held.value = { silences, maintenance, byAlert: new Map(alerts.map((/** @type {GettableAlert} */ a) => [a.fingerprint, a.status])) }
    heldError.value = ''
  } catch (error) {
    if (mine !== turn) return
    heldError.value = errorText(error)
    // What was known stays in view meanwhile.
    if (watchers > 0) again = setTimeout(() => { if (ready.peek()) loadSilences() }, RETRY_MS)
  }
}

/** Asks again as time passes and alerts come and go, once however many look. Returns what ends that. */
export function followSilences() {
  watchers += 1
  if (watchers === 1) stop = askAgain()
  return () => {
    watchers -= 1
    if (watchers === 0) stop()
  }
}

function askAgain() {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  let soon
  const done = effect(() => {
    for (const changed of [epoch, minute]) changed.value
    if (!ready.value || firings.value === null) return
    clearTimeout(soon)
    soon = setTimeout(loadSilences, held.peek() ? SOON_MS : 0)
  })
  return () => {
    done()
    clearTimeout(soon)
    clearTimeout(again)
  }
}

/** One alert follows from no other: as long as no more are there, nobody has to ask. */
const several = computed(() => (presentAlerts.value ?? []).filter((alert) => standOf(alert) !== 'pending').length > 1)

/** Keeps track of what follows from what on every page; called once. */
export function followCauses() {
  effect(() => (several.value ? followSilences() : undefined))
}

/** @param {Draft} draft @param {(id: string) => void} [made] called before it is shown */
export async function makeSilence(draft, made = () => {}) {
  const { silenceID } = await plain('POST', '/api/v2/silences', draft)
  made(silenceID)
  await loadSilences()
}

/** @param {GettableSilence} silence @param {number} end when it was to end */
export async function endSilence(silence, end) {
  await plain('DELETE', `/api/v2/silence/${encodeURIComponent(silence.id)}`)
  endedHere.value = [{ silence, end }, ...endedHere.peek()]
  await loadSilences()
}

/** Makes one again that the reader has ended. @param {string} id @param {Draft} draft @param {(id: string) => void} made called with its new id, before it is shown */
export async function undoEnd(id, draft, made) {
  await makeSilence(draft, made)
  endedHere.value = endedHere.peek().filter(({ silence }) => silence.id !== id)
}

/** @param {Maintenance} window */
export async function removeMaintenance(window) {
  await send('DELETE', `/api/v1/maintenance/${encodeURIComponent(window.name)}`)
  removedHere.value = [window, ...removedHere.peek()]
  await loadSilences()
}

/** @param {Maintenance} window */
export async function makeMaintenance({ name, times, timezone, match, comment }) {
  await send('POST', `/api/v1/maintenance/${encodeURIComponent(name)}`, { times, timezone, match, comment })
  removedHere.value = removedHere.peek().filter((w) => w.name !== name)
  await loadSilences()
}
