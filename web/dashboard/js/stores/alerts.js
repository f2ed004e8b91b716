/**
 * Alerts that are pending or firing, and the thresholds of the rules behind them.
 *
 * @import { Alert, Rule, Severity } from '../types.js'
 */
import { get, post } from '../api.js'
import { computed, effect, signal } from '../lib.js'
import { isOn } from '../statuses.js'
import { now, serverTime } from './clock.js'
import { epoch, ready, socketState, subscribe } from './connection.js'
import { past } from './past.js'
import { pageName, range } from './place.js'

/**
 * @typedef {{ op: string, value: number, severity: Severity, rule: string }} Threshold
 * @typedef {Rule & { file: string }} KnownRule  `file`: where it stands
 */

/** @type {import('../../vendor/signals-core.js').Signal<Map<string, Alert>|null>} null until the first snapshot */
const byId = signal(null)
/** Ended ones, newest first. @type {import('../../vendor/signals-core.js').Signal<Alert[]>} */
const ended = signal([])
/** Null: not known yet. @type {import('../../vendor/signals-core.js').Signal<KnownRule[]|null>} */
export const rules = signal(null)
/** Why rules or ended alerts could not be read; empty while they could. */
export const rulesError = signal('')
export const historyError = signal('')

/** The pages that show ended alerts; a moment that is replayed needs them on every page. */
const PAGES = ['now', 'alerts']
const endedWanted = computed(() => PAGES.includes(pageName.value) || range.value.end !== null)

const WEIGHT = { debug: 0, info: 1, notice: 2, warning: 3, error: 4, critical: 5 }

/** Those of the present. */
export const presentAlerts = computed(() => byId.value && [...byId.value.values()])
/** Worst first, then oldest. Null: not known yet. */
export const alerts = computed(() => presentAlerts.value && (past.value ? past.value.alerts([...presentAlerts.value, ...ended.value]) : [...presentAlerts.value]).sort((a, b) =>
  Number(isOn(b)) - Number(isOn(a))
  || WEIGHT[b.severity] - WEIGHT[a.severity]
  || (a.pending_since ?? 0) - (b.pending_since ?? 0)))

/** Those that have ended since the period began, newest first. */
export const endedAlerts = computed(() => {
  const at = past.value?.at
  return at === undefined ? ended.value : ended.value.filter((a) => a.resolved_at !== null && a.resolved_at <= at)
})
/** Whether ended alerts are known. */
export const historyKnown = signal(false)
/** Rises when the reader asks again, or has changed a rule. */
export const rulesAsked = signal(0)
const historyAsked = signal(0)
export const retryRules = () => { rulesAsked.value += 1 }
export const retryHistory = () => { historyAsked.value += 1 }

/** Asks for the rules, once a connection, and when the reader changed one. Asked when a chart first draws limits. */
export const askForRules = (() => {
  let begun = false
  return () => {
    if (begun) return
    begun = true
    queueMicrotask(() => effect(() => {
      rulesAsked.value
      if (socketState.value !== 'open') return
      get('/api/v1/rules').then((data) => {
        rules.value = data.groups.flatMap((/** @type {{ file: string, rules: Rule[] }} */ { file, rules: list }) => list.map((rule) => ({ ...rule, file })))
        rulesError.value = ''
      }, (error) => { rulesError.value = error.message })
    }))
  }
})()

/** Thresholds of rules and of alerts in progress, by metric name. */
export const thresholds = computed(() => {
  askForRules()
  /** @type {Map<string, Map<string, Threshold>>} */
  const byMetric = new Map()
  /** @param {string} metric @param {Threshold} threshold */
  const add = (metric, threshold) => {
    const known = byMetric.get(metric) ?? new Map()
    byMetric.set(metric, known.set(threshold.op + threshold.value, threshold))
  }
  for (const rule of rules.value ?? []) {
    const { metric, op, threshold } = rule
    // A line in a chart says above or below.
    if (metric === null || op === null || threshold === null || !/[<>]/.test(op)) continue
    add(metric, { op, value: threshold, severity: rule.severity, rule: rule.name })
  }
  for (const { metric, op, threshold, severity, rule } of byId.value?.values() ?? []) {
    if (op !== null && threshold !== null) add(metric.__name__ ?? '', { op, value: threshold, severity, rule })
  }
  return byMetric
})

/** @param {string} id @param {string} [note] why it asks for nothing now */
export async function acknowledge(id, note) {
  const answer = await post(`/api/v1/alerts/${encodeURIComponent(id)}/ack`, note ? { note } : {})
  if (answer?.id) change([answer])
}

/** @param {string} id */
export async function takeBack(id) {
  const answer = await post(`/api/v1/alerts/${encodeURIComponent(id)}/unack`)
  if (answer?.id) change([answer])
}

/** @param {Alert[]} changed */
function change(changed) {
  const next = new Map(byId.peek() ?? [])
  for (const alert of changed) {
    if (alert.state === 'resolved') next.delete(alert.id)
    else next.set(alert.id, alert)
  }
  const over = changed.filter((alert) => alert.state === 'resolved')
  if (over.length > 0) ended.value = [...over, ...ended.peek().filter((a) => !over.some((e) => e.id === a.id && e.firing_since === a.firing_since))]
  byId.value = next
}

/** Starts listening; called once. */
export function followAlerts() {
  subscribe({
    topic: 'alerts',
    always: true,
    onFrame: (frame) => {
      if (frame.type === 'snapshot') byId.value = new Map()
      change(frame.data)
    },
  })
  effect(() => {
    const { end, seconds } = range.value
    epoch.value
    historyAsked.value
    if (!ready.value || !endedWanted.value) return
    const to = end ?? now.peek()
    get('/api/v1/alerts/history', { start: to - seconds, end: Math.max(to, serverTime()) }).then((list) => {
      ended.value = list
      historyKnown.value = true
      historyError.value = ''
    }, (error) => { historyError.value = error.message })
  })
}
