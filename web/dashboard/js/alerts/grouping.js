/**
 * Alerts by rule: one row a rule with its series inside, for what is the matter now and for what was.
 *
 * Pure.
 *
 * @import { Alert, Rule, Severity } from '../types.js'
 * @typedef {{ rule: string, severity: Severity, stand: Stand, alerts: Alert[], since: number }} Group  `since`: of the oldest one
 * @typedef {{ rule: string, severity: Severity, alerts: Alert[], seconds: number, last: number }} Past  `seconds`: how long they fired in all; `last`: when the newest ended
 * @typedef {'firing'|'pending'|'acknowledged'} Stand
 * @typedef {Group & { follows: Cause[] }} Cause  `follows`: rules whose alerts follow from those of this one
 */
import { askedWords, ruleWords } from '../headline.js'
import { since, span } from '../format.js'
import { isOn } from '../statuses.js'

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
    const group = groups.get(alert.rule) ?? { rule: alert.rule, severity: alert.severity, stand, alerts: [], since: Infinity }
    group.alerts.push(alert)
    group.since = Math.min(group.since, sinceOf(alert))
    groups.set(alert.rule, group)
  }
  return [...groups.values()]
}

/** @type {Stand[]} */
const STANDS = ['firing', 'pending', 'acknowledged']

/**
 * All alerts as causes, by how these stand. What follows from a cause that was noted stands below it: it asks for nothing of its own.
 * @param {Alert[]} alerts @param {(id: string) => string[]} inhibitedBy the alerts that hold one back @returns {Record<Stand, Cause[]>}
 */
export function byStand(alerts, inhibitedBy) {
  const causes = causesOf(STANDS.flatMap((stand) => groupsOf(alerts, stand)), inhibitedBy)
  const of = (/** @type {Stand} */ stand) => causes.filter((cause) => cause.stand === stand)
  return { firing: of('firing'), pending: of('pending'), acknowledged: of('acknowledged') }
}

/** Rules that stand below causes, in any depth. @param {Cause[]} causes @returns {number} */
export const followers = (causes) => causes.reduce((sum, { follows }) => sum + follows.length + followers(follows), 0)

/** Until when it is known to have gone on; null where it does. @param {Alert} alert */
export const knownUntil = (alert) => alert.resolved_at ?? (alert.state === 'unknown' ? alert.last_sample : null)

/** How one or more alerts of a rule stand, with times: `firing since 21:29`, `fired 21:29 – 21:34, not known since`. @param {Alert[]} alerts @param {number} now Unix seconds */
export function standWords(alerts, now) {
  const from = since(Math.min(...alerts.map(sinceOf)), now)
  if (!alerts.every((a) => a.state === 'unknown')) return `${alerts.every((a) => a.state === 'pending') ? 'pending' : 'firing'} since ${from}`
  return `fired ${from} – ${since(Math.max(...alerts.map((a) => a.last_sample)), now)}, not known since`
}

/**
 * Causes, and below each what follows from it: rules whose alerts are all held back by alerts of another.
 * @param {Group[]} groups @param {(id: string) => string[]} inhibitedBy the alerts that hold one back @returns {Cause[]}
 */
export function causesOf(groups, inhibitedBy) {
  const causes = new Map(groups.map((group) => [group, /** @type {Cause} */ ({ ...group, follows: [] })]))
  const owner = new Map(groups.flatMap((group) => group.alerts.map(({ id }) => [id, group])))
  const above = new Map(groups.flatMap((group) => {
    const found = group.alerts.map(({ id }) => inhibitedBy(id).map((by) => owner.get(by)).find((other) => other && other !== group && mayFollow(group, other)))
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

/** Who took note of what follows only finds it where what was noted is. @param {Group} group @param {Group} cause */
const mayFollow = (group, cause) => group.stand === cause.stand || (group.stand === 'firing' && cause.stand === 'acknowledged')

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

/** When a rule asks for attention: `CPU above 80 %, for 1 m`, `A target is down, for 1 m`. @param {Rule} rule */
export function conditionWords({ name, metric, op, threshold, duration }) {
  if (metric === null || op === null || threshold === null) return ruleWords(name)
  return `${askedWords(metric, op, threshold)}${duration > 0 ? `, for ${span(duration)}` : ''}`
}

/** What the service notes of a rule, with its times as they are read: `no series matches since 14:02`. @param {string} note @param {number} now Unix seconds */
export const noteWords = (note, now) => note.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => since(new Date(time).getTime() / 1000, now))

/** What a rule's state is now, by its alerts. @param {Alert[]} alerts of the rule @returns {'firing'|'unknown'|'pending'|'quiet'} */
export const stateOf = (alerts) => (alerts.some((a) => a.state === 'firing') ? 'firing' : alerts.some(isOn) ? 'unknown' : alerts.length > 0 ? 'pending' : 'quiet')
