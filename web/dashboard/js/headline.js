/**
 * What an alert says to people: the sentence of the service, as it is. And names of series and rules where no alert is: charts, rules, Explore.
 *
 * Pure.
 *
 * @import { Alert, Metric } from './types.js'
 */
import { format, quoted, since, unitOf } from './format.js'

/** What the service says of an alert whose samples have stopped. */
const NOT_KNOWN = ' is not known any more: '
/** Longest sentence. */
const LONGEST = 400

/** What metrics are about, in a reader's words. @type {Record<string, (m: Metric) => string>} */
const SUBJECTS = {
  system_cpu_utilization_ratio: () => 'CPU',
  system_cpu_core_utilization_ratio: (m) => `CPU core ${m.cpu ?? m.core ?? ''}`,
  system_memory_utilization_ratio: () => 'Memory',
  system_pressure_ratio: (m) => `Waiting for ${m.resource ?? 'a resource'}`,
  system_memory_time_to_full_seconds: (m) => `Time until the memory of ${m.unit ?? m.container ?? m.process ?? 'the machine'} is used up`,
  system_filesystem_time_to_full_seconds: (m) => `Time until ${m.mountpoint ?? 'a disk'} is full`,
  system_filesystem_inodes_time_to_full_seconds: (m) => `Time until ${m.mountpoint ?? 'a disk'} has no inodes left`,
  system_filesystem_inodes_utilization_ratio: (m) => `Inodes of ${m.mountpoint ?? 'a disk'}`,
  system_filesystem_utilization_ratio: (m) => `Disk ${m.mountpoint ?? ''}`,
  system_cpu_load_average_1m: () => 'Load over 1 minute',
  system_cpu_load_average_5m: () => 'Load over 5 minutes',
  system_cpu_load_average_15m: () => 'Load over 15 minutes',
  taskpulse_health_score: () => 'Health score',
  // Channels that fail are reported as sources.
  taskpulse_source_up: (m) => m.source?.startsWith('channel ') ? `Channel ${m.source.slice(8)}` : m.source ? `Source ${m.source}` : 'A source',
  taskpulse_actor_up: (m) => m.actor ? `Part ${m.actor}` : 'A part of the service',
  up: (m) => [m.job, m.instance].filter(Boolean).join(' ') || 'A scraped target',
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
const DOWN = { probe_success: 'is down', taskpulse_source_up: 'cannot be read', taskpulse_actor_up: 'does not run', up: 'is down', heartbeat_up: 'is late' }
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
const saysDown = (name, op, threshold) => Object.hasOwn(DOWN, name) && ((op === '==' && threshold === 0) || (op === '<' && threshold === 1))

/** What a rule asks of any series of a metric: `CPU above 80 %`, `A target is down`. @param {string} name of the metric @param {string} op @param {number} threshold */
export function askedWords(name, op, threshold) {
  const subject = subjectOf({ __name__: name })
  return `${subject} ${saysDown(name, op, threshold) ? DOWN[name] : limitWords({ op, threshold }, name)}`
}

/**
 * What the service says of an alert. Of one whose samples have stopped that is said too; an older service did not, so it is added.
 * @param {Alert} alert @param {number} now Unix seconds
 */
export function headline({ summary, state, last_sample: last }, now) {
  const sentence = quoted(summary, LONGEST)
  return state === 'unknown' && !summary.includes(NOT_KNOWN) ? `${sentence}; nothing is known since ${since(last, now)}: its samples stopped` : sentence
}

/** Alerts of one rule, the worst first, in a sentence. @param {Alert[]} alerts @param {number} now Unix seconds */
export const ruleHeadline = ([first, ...more], now) => headline(first, now) + (more.length > 0 ? `, and ${more.length} more like it` : '')
