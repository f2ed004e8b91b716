/**
 * What metrics and rules are called in a sentence for people. A selector is no headline.
 *
 * Pure. The service describes an alert by its series (`system_cpu_utilization_ratio is 100 %, above 95 %`); the name of the series is
 * replaced by words here, the figures stay as the service wrote them.
 *
 * @import { Metric } from './types.js'
 */
import { quoted } from './format.js'
import { caption, print } from './selector.js'

/** A label as it stands in a sentence. @param {Metric} metric @param {string} label */
const of = (metric, label) => quoted(metric[label] ?? '')
/** `, in octo/app`: where a label says where. @param {string} before @param {Metric} metric @param {string} label */
const where = (before, metric, label) => (metric[label] ? ` ${before} ${of(metric, label)}` : '')

/** One line a metric that a rule is often about. @type {Record<string, (metric: Metric) => string>} */
const METRICS = {
  system_cpu_utilization_ratio: () => 'CPU',
  system_memory_utilization_ratio: () => 'Memory',
  system_swap_utilization_ratio: () => 'Swap',
  system_filesystem_utilization_ratio: (m) => `The disk${where('at', m, 'mountpoint')}`,
  system_cpu_load_average_1m: () => 'Load',
  process_cpu_utilization_ratio: (m) => `CPU of ${of(m, 'process') || 'a process'}`,
  github_actions_success_ratio: (m) => `The share of successful runs${where('of', m, 'workflow')}${where('in', m, 'repo')}`,
  github_actions_flaky_ratio: (m) => `The share of flaky commits${where('of', m, 'workflow')}${where('in', m, 'repo')}`,
  github_actions_queue_depth: (m) => `The number of runs that wait${where('in', m, 'repo')}`,
  taskmaster_failure_ratio: (m) => `The share of failed tasks${where('on board', m, 'tag')}`,
  taskmaster_blocked_tasks: (m) => `The number of blocked tasks${where('on board', m, 'tag')}`,
  taskpulse_health_score: () => 'The health score',
  taskpulse_source_up: (m) => `The source ${of(m, 'source')}`,
  probe_success: (m) => `The check of ${of(m, 'target')}`,
  probe_duration_seconds: (m) => `The time to check ${of(m, 'target')}`,
}

/** `queue_is_long`: `Queue is long`. Abbreviations keep their capitals. @param {string} rule */
export function ruleWords(rule) {
  const words = rule.replace(/[_-]+/g, ' ').trim().replace(/\b(cpu|ci|io|api|http|tls|gpu)\b/gi, (word) => word.toUpperCase()).replace(/\bgithub\b/gi, 'GitHub')
  return quoted(words.charAt(0).toUpperCase() + words.slice(1), 80)
}

/** What a series is called. @param {Metric} metric @param {string} rule */
function nameOf(metric, rule) {
  const known = METRICS[metric.__name__ ?? '']
  if (known) return known(metric)
  const { __name__, ...labels } = metric
  return Object.keys(labels).length > 0 ? `${ruleWords(rule)} (${quoted(caption(labels), 80)})` : ruleWords(rule)
}

/**
 * An alert in a sentence: `CPU is 100 %, above 95 %`.
 * @param {{ summary: string, metric: Metric, rule: string }} alert
 */
export function alertWords({ summary, metric, rule }) {
  const series = print(metric)
  const name = metric.__name__ ?? ''
  if (name === '' || !summary.includes(name)) return quoted(summary, 200)
  // What used most of it is said beside, not in the headline.
  const said = summary.replace(/ — at the firing: .*$/s, '')
  if (said.startsWith(series)) return nameOf(metric, rule) + quoted(said.slice(series.length), 120)
  // The series is written otherwise: what it says cannot be told from its name.
  return nameOf(metric, rule)
}

/** Alerts of one rule, the worst first, in a sentence. @param {Array<{ summary: string, metric: Metric, rule: string }>} alerts */
export function ruleSentence(alerts) {
  const [first, ...more] = alerts
  return more.length === 0 ? alertWords(first) : `${alertWords(first)}, and ${more.length} more like it`
}
