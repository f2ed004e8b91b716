/**
 * What holds the notices of alerts back, in words: a silence, a maintenance window, another alert that they follow from.
 *
 * Pure.
 *
 * @import { Alert, GettableSilence } from '../types.js'
 * @import { Held } from '../stores/silences.js'
 */
import { quoted, since } from '../format.js'
import { ruleWords } from '../headline.js'
import { timeOf } from './quiet.js'

/**
 * @param {Alert[]} alerts of one row @param {Held|null} held @param {Alert[]} all every alert, to name the one that others follow from @param {number} now Unix seconds
 * @returns {{ words: string, silences: GettableSilence[] }} `words`: empty where nothing is held back
 */
export function holdingOf(alerts, held, all, now) {
  const statuses = alerts.flatMap((a) => held?.byAlert.get(a.id) ?? [])
  if (!held || statuses.length === 0) return { words: '', silences: [] }
  const ids = new Set(statuses.flatMap((s) => s.silencedBy))
  const silences = held.silences.filter((s) => ids.has(s.id))
  const part = statuses.length < alerts.length ? `${statuses.length} of ${alerts.length} ` : ''
  return { words: part + why(statuses, silences, all, now), silences }
}

/** @param {import('../types.js').AlertStatus[]} statuses @param {GettableSilence[]} silences @param {Alert[]} all @param {number} now */
function why(statuses, silences, all, now) {
  if (silences.length > 0) return `silenced until ${since(Math.max(...silences.map((s) => timeOf(s.endsAt))), now)}`
  const window = statuses.flatMap((s) => s.mutedBy)[0]
  if (window !== undefined) return `no notice during ${quoted(window)}`
  const causes = new Set(statuses.flatMap((s) => s.inhibitedBy))
  const cause = all.find((a) => causes.has(a.id))
  return cause ? `no notice: follows from ${quoted(ruleWords(cause.rule))}` : 'no notice: follows from another alert'
}
