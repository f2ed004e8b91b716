/**
 * Alerts by rule: one row a rule with its series inside, for what is the matter now and for what was.
 *
 * Pure.
 *
 * @import { Alert, Rule, Severity } from '../types.js'
 * @typedef {{ rule: string, severity: Severity, alerts: Alert[], since: number }} Group  `since`: of the oldest one
 * @typedef {{ rule: string, severity: Severity, alerts: Alert[], seconds: number, last: number }} Past  `seconds`: how long they fired in all; `last`: when the newest ended
 * @typedef {'firing'|'pending'|'acknowledged'} Stand
 * @typedef {Group & { follows: Cause[] }} Cause  `follows`: rules whose alerts follow from those of this one
 */
import { askedWords, ruleWords } from '../headline.js'
import { since, span } from '../format.js'

/** An alert of unknown state fired and is not known to have ended. @param {Alert} alert @returns {Stand} */
export const standOf = (alert) => (alert.acked_at !== null ? 'acknowledged' : alert.state === 'pending' ? 'pending' : 'firing')

/** @param {Alert} alert */
export const sinceOf = (alert) => alert.firing_since ?? alert.pending_since

/** Of alerts that stand so, those of each rule together, in the order in which they came. @param {Alert[]} alerts @param {Stand} stand @returns {Group[]} */
export function groupsOf(alerts, stand) {
  /** @type {Map<string, Group>} */
  const groups = new Map()
  for (const alert of alerts) {
    if (standOf(alert) !== stand) continue
    const group = groups.get(alert.rule) ?? { rule: alert.rule, severity: alert.severity, alerts: [], since: Infinity }
    group.alerts.push(alert)
    group.since = Math.min(group.since, sinceOf(alert))
    groups.set(alert.rule, group)
  }
  return [...groups.values()]
}

/**
 * Causes, and below each what follows from it: rules whose alerts are all held back by alerts of another.
 * @param {Group[]} groups @param {(id: string) => string[]} inhibitedBy the alerts that hold one back @returns {Cause[]}
 */
export function causesOf(groups, inhibitedBy) {
  const causes = new Map(groups.map((group) => [group, /** @type {Cause} */ ({ ...group, follows: [] })]))
  const owner = new Map(groups.flatMap((group) => group.alerts.map(({ id }) => [id, group])))
  const above = new Map(groups.flatMap((group) => {
    const found = group.alerts.map(({ id }) => inhibitedBy(id).map((by) => owner.get(by)).find((other) => other && other !== group))
    return found.every((other) => other !== undefined) ? [[group, /** @type {Group} */ (found[0])]] : []
  }))
  // Rules that hold each other back are causes both.
  const circles = (/** @type {Group} */ group) => {
    const seen = new Set([group])
    for (let at = above.get(group); at; at = above.get(at)) {
      if (seen.has(at)) return true
      seen.add(at)
    }
    return false
  }
  return groups.flatMap((group) => {
    const cause = /** @type {Cause} */ (causes.get(group))
    const from = above.get(group)
    if (!from || circles(group)) return [cause]
    causes.get(from)?.follows.push(cause)
    return []
  })
}

/** Ended alerts by rule, the one that ended last first. @param {Alert[]} ended @param {number} start @param {number} end what of their time counts @returns {Past[]} */
export function pastOf(ended, start, end) {
  /** @type {Map<string, Past>} */
  const groups = new Map()
  for (const alert of [...ended].sort((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0))) {
    const group = groups.get(alert.rule) ?? { rule: alert.rule, severity: alert.severity, alerts: [], seconds: 0, last: alert.resolved_at ?? 0 }
    group.alerts.push(alert)
    group.seconds += Math.max(0, Math.min(end, alert.resolved_at ?? end) - Math.max(start, sinceOf(alert)))
    groups.set(alert.rule, group)
  }
  return [...groups.values()]
}

/** When a rule asks for attention: `CPU above 80 %, for 1 m`. @param {Rule} rule */
export function conditionWords({ name, metric, op, threshold, duration }) {
  if (metric === null || op === null || threshold === null) return ruleWords(name)
  return `${askedWords(metric, op, threshold)}${duration > 0 ? `, for ${span(duration)}` : ''}`
}

/** What the service notes of a rule, with its times as they are read: `no series matches since 14:02`. @param {string} note @param {number} now Unix seconds */
export const noteWords = (note, now) => note.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => since(new Date(time).getTime() / 1000, now))

/** What a rule's state is now, by its alerts. @param {Alert[]} alerts of the rule @returns {'firing'|'pending'|'quiet'} */
export const stateOf = (alerts) => (alerts.some((a) => a.state === 'firing') ? 'firing' : alerts.length > 0 ? 'pending' : 'quiet')
