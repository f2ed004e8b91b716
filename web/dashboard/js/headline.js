/**
 * What an alert says to people: one sentence without the name of a metric. The selector stays in the details and in Explore.
 *
 * Pure. The service's own sentence is kept where it is one for people already.
 *
 * @import { Alert, Metric } from './types.js'
 */
import { age, count, DASH, format, quoted, unitOf } from './format.js'

/** What metrics are about, in a reader's words. @type {Record<string, (m: Metric) => string>} */
const SUBJECTS = {
  system_cpu_utilization_ratio: () => 'CPU',
  system_cpu_core_utilization_ratio: (m) => `CPU core ${m.cpu ?? m.core ?? ''}`,
  system_memory_utilization_ratio: () => 'Memory',
  system_pressure_ratio: (m) => `Waiting for ${m.resource ?? 'a resource'}`,
  system_filesystem_time_to_full_seconds: (m) => `Time until ${m.mountpoint ?? 'a disk'} is full`,
  system_filesystem_utilization_ratio: (m) => `Disk ${m.mountpoint ?? ''}`,
  system_cpu_load_average_1m: () => 'Load over 1 minute',
  system_cpu_load_average_5m: () => 'Load over 5 minutes',
  system_cpu_load_average_15m: () => 'Load over 15 minutes',
  taskpulse_health_score: () => 'Health score',
  taskpulse_source_up: (m) => `Source ${m.source ?? ''}`,
  github_actions_success_ratio: (m) => `Success of ${named(m.workflow, 'workflows')}${m.repo ? ` in ${m.repo}` : ''}`,
  github_actions_flaky_ratio: (m) => `Flaky runs of ${named(m.workflow, 'workflows')}${m.repo ? ` in ${m.repo}` : ''}`,
  taskmaster_failure_ratio: (m) => `Failed tasks of ${boardOf(m)}`,
  taskmaster_completion_ratio: (m) => `Completion of ${boardOf(m)}`,
  taskmaster_queue_depth: (m) => `Pending tasks of ${boardOf(m)}`,
  taskmaster_blocked_tasks: (m) => `Blocked tasks of ${boardOf(m)}`,
  taskmaster_ready_tasks: (m) => `Ready tasks of ${boardOf(m)}`,
  probe_success: (m) => m.target ?? 'A target',
  heartbeat_up: (m) => `The call of ${m.heartbeat ?? 'a job'}`,
  probe_duration_seconds: (m) => `Check of ${m.target ?? 'a target'}`,
  process_memory_usage_bytes: (m) => `Memory of ${named(m.name ?? m.process, 'a process')}`,
  process_cpu_utilization_ratio: (m) => `CPU of ${named(m.name ?? m.process, 'a process')}`,
}
/** 1 is good and 0 is not: what 0 means. @type {Record<string, string>} */
const DOWN = { probe_success: 'is down', taskpulse_source_up: 'cannot be read', up: 'is down', heartbeat_up: 'is late' }
/** @type {Record<string, string>} */
const COMPARISONS = { '>': 'above', '>=': 'at or above', '<': 'below', '<=': 'at or below', '==': 'equal to', '!=': 'other than' }
/** Ends of names that say the unit, which the figure says already. */
const UNIT_ENDS = /_(total|ratio|bytes|seconds|bytes_total|seconds_total)$/
/** Values of labels that still tell series apart in a sentence. */
const MOST_LABELS = 3

/** @param {string|undefined} name @param {string} otherwise */
const named = (name, otherwise) => name || otherwise
/** @param {Metric} m */
const boardOf = (m) => [m.project, m.tag].filter(Boolean).join(' · ') || 'the board'

/** What a series is about: `CPU`, `Disk /data`, `Queue depth · mail`. @param {Metric} metric */
export function subjectOf(metric) {
  const name = metric.__name__ ?? ''
  const short = Object.fromEntries(Object.entries(metric).map(([label, value]) => [label, quoted(value)]))
  const known = SUBJECTS[name]
  if (known) return known(short).trim()
  const words = name.replace(UNIT_ENDS, '').replace(UNIT_ENDS, '').replaceAll(/[_:]+/g, ' ').trim()
  const labels = Object.keys(short).filter((label) => label !== '__name__').sort().map((label) => short[label]).filter(Boolean)
  const which = labels.slice(0, MOST_LABELS).join(' · ') + (labels.length > MOST_LABELS ? ' · …' : '')
  return [words.charAt(0).toUpperCase() + words.slice(1), which].filter(Boolean).join(' · ') || 'A query'
}

/** What a rule is about, by its name: `high_cpu_usage` is `High CPU usage`. @param {string} rule */
export function ruleWords(rule) {
  const words = rule.replaceAll(/[_-]+/g, ' ').trim().replaceAll(/\b(cpu|ci|io|url|http|tls|dns|oom)\b/gi, (word) => word.toUpperCase()).replaceAll(/\bgithub\b/gi, 'GitHub')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** `above 80 %`; empty where a rule compares with no fixed number. @param {{ op: string|null, threshold: number|null }} limit @param {string} name of the metric */
export function limitWords({ op, threshold }, name) {
  return op === null || threshold === null ? '' : `${COMPARISONS[op] ?? op} ${format(threshold, unitOf(name))}`
}

/** Whether a comparison asks for the 0 of what is 1 while it is good. @param {string} name of the metric @param {string} op @param {number} threshold */
const saysDown = (name, op, threshold) => name in DOWN && ((op === '==' && threshold === 0) || (op === '<' && threshold === 1))

/** What a rule asks of any series of a metric: `CPU above 80 %`, `A target is down`. @param {string} name of the metric @param {string} op @param {number} threshold */
export function askedWords(name, op, threshold) {
  const subject = name === 'up' ? 'A scraped target' : subjectOf({ __name__: name })
  return `${subject} ${saysDown(name, op, threshold) ? DOWN[name] : limitWords({ op, threshold }, name)}`
}

/**
 * `CPU 87 % for 4 m, above 80 %`.
 * @param {Alert} alert @param {number|null} now Unix seconds; null where it is said beside how long it has lasted
 */
export function headline(alert, now) {
  const { metric, value, op, threshold, summary, resolved_at: ended, source_reason: why } = alert
  const from = alert.firing_since ?? alert.pending_since
  const name = metric.__name__ ?? ''
  const subject = subjectOf(metric)
  if (op === null || threshold === null || name === '') return withoutSelector(summary, name, subject)
  const limit = limitWords(alert, name)
  const until = now === null ? from : ended ?? now
  const lasted = until - from >= 1 ? ` for ${age(until - from)}` : ''
  if (saysDown(name, op, threshold)) return `${subject} ${ended === null ? DOWN[name] : DOWN[name].replace(/^is/, 'was').replace(/^cannot/, 'could not')}${lasted}${ended === null && why ? `: ${quoted(why, 200)}` : ''}`
  if (ended !== null) return `${subject} was ${limit}${lasted}`
  return `${subject} ${value === null ? DASH : format(value, unitOf(name))}${lasted}, ${limit}`
}

/** What an event says of an alert, which has the service's sentence only: `CPU is 87 %, above 80 %`. @param {string} title @param {Metric} metric */
export const titleWords = (title, metric) => quoted(withoutSelector(title, metric.__name__ ?? '', subjectOf(metric)), 200)

/** Alerts of one rule, the worst first, in a sentence. @param {Alert[]} alerts */
export function ruleHeadline([first, ...more]) {
  return more.length === 0 ? headline(first, null) : `${headline(first, null)}, and ${more.length} more like it`
}

/** The service's sentence with the subject in the place of the selector, and without what was busiest, which is a detail. @param {string} summary @param {string} name @param {string} subject */
function withoutSelector(summary, name, subject) {
  const sentence = summary.split(' — at the firing:')[0]
  const at = name ? sentence.indexOf(name) : -1
  if (at < 0) return sentence
  return sentence.slice(0, at) + subject + sentence.slice(endOfSelector(sentence, at + name.length))
}

/** Where a selector's braces end. Values may hold braces and escaped quotes. @param {string} text @param {number} from */
function endOfSelector(text, from) {
  if (text[from] !== '{') return from
  let quoted = false
  for (let i = from + 1; i < text.length; i += 1) {
    if (quoted && text[i] === '\\') i += 1
    else if (text[i] === '"') quoted = !quoted
    else if (!quoted && text[i] === '}') return i + 1
  }
  return text.length
}

/** `2 series, 1 acknowledged`. @param {Alert[]} alerts */
export function instanceWords(alerts) {
  const firing = alerts.filter((a) => a.state === 'firing').length
  const pending = alerts.length - firing
  const acked = alerts.filter((a) => a.acked_at !== null).length
  return [firing > 0 && `${count(firing, 'series', 'series')} firing`, pending > 0 && `${pending} pending`, acked > 0 && `${acked} acknowledged`].filter(Boolean).join(', ')
}
