/**
 * What needs the reader: what the service reports as failing, alerts, agents that wait, advice; and what is not known yet, as long as which nobody
 * can say that nothing does.
 *
 * @import { ActionRun, Alert, Source, Status, Target } from '../types.js'
 * @import { Piece } from '../advice/life.js'
 * @import { Mark } from '../statuses.js'
 * @import { Cause as AlertCause } from '../alerts/grouping.js'
 */
import { followers, knownUntil } from '../alerts/grouping.js'
import { count, quoted } from '../format.js'
import { ruleHeadline } from '../headline.js'
import { computed } from '../lib.js'
import { isOn, markOf } from '../statuses.js'
import { agentsNow } from './agents.js'
import { alerts } from './alerts.js'
import { recommendations } from './advice.js'
import { boards } from './boards.js'
import { ci } from './ci.js'
import { now } from './clock.js'
import { socketState } from './connection.js'
import { loginEnded } from './login.js'
import { minute } from './pace.js'
import { past } from './past.js'
import { lastSampleAt, link } from './samples.js'
import { standing } from './silences.js'
import { status, statusAt } from './status.js'

/** @typedef {{ key: string, mark: Mark, word: string, title: string, detail: string, since: number|null, page: string, item: string, open?: string, params?: Record<string, string> }} Failure `open`: the row of the page that says more; `params`: what else of the page is meant */

/** Status comes every five seconds; after so long without it the service says nothing of itself. */
const SILENT_AFTER_S = 20

/** @type {Record<Mark, number>} */
const RANK = { critical: 0, error: 1, warning: 2, info: 3, ok: 4, none: 4 }

/** What a source is for people, by the first word of its name; the rest says which. @type {Record<string, (which: string) => string>} */
const SOURCES = {
  taskmaster: (which) => (which ? `The board of ${quoted(which)}` : 'The task board'),
  github: (which) => (which ? `CI of ${quoted(which)}` : 'CI'),
  scrape: (which) => `The metrics of ${quoted(which)}`,
  command: (which) => `The program ${quoted(which)}`,
  probe: (which) => `The check of ${quoted(which)}`,
  containers: () => 'Containers and units',
  system: () => 'The machine',
  otlp: () => 'OpenTelemetry metrics',
  logs: () => 'Log lines',
  channel: (which) => `The channel ${quoted(which)}`,
  heartbeats: () => 'Calls of jobs',
}

/** @param {string} source */
function nameOf(source) {
  const [kind, ...rest] = source.split(' ')
  return SOURCES[kind]?.(rest.join(' ')) ?? source
}

/** One of several that the settings name: when it is not there, something is wrong with it. Of a past time it may not have been named yet. @param {Source} source */
const isMissing = (source) => source.up === null && source.source.includes(' ') && past.value === null

/** @param {Source} source @returns {Failure} */
function failureOf(source) {
  if (isMissing(source)) {
    const detail = [source.reason, source.hint].filter((part) => !!part).join('; ')
    return { key: `source ${source.source}`, mark: 'warning', word: 'not there', title: `${nameOf(source.source)} is not there`, detail, since: source.since, page: 'status', item: '' }
  }
  const failing = source.up === false
  const fails = source.source.startsWith('channel ') ? 'cannot be reached' : 'cannot be read'
  return {
    key: `source ${source.source}`,
    mark: failing ? 'error' : 'warning',
    word: failing ? 'failing' : 'partly',
    title: `${nameOf(source.source)} ${failing ? fails : 'can be read only in part'}`,
    detail: source.reason ?? 'No reason is known.',
    since: failing ? source.since : null,
    page: 'status',
    item: '',
  }
}

/** @param {Target} target @returns {Failure} */
const downOf = (target) => ({
  key: `target ${target.target}`,
  mark: target.up === false ? 'error' : 'warning',
  word: target.up === false ? 'down' : 'not known',
  title: target.up === false ? `${quoted(target.target)} is down` : `Whether ${quoted(target.target)} is up is not known`,
  detail: target.reason ?? 'No reason is known.',
  since: target.since,
  page: 'application',
  item: target.target,
})

/** @param {Status} s @returns {Failure[]} */
function actorsOf(s) {
  if (s.state === 'stopping') return []
  return s.actors.filter((a) => a.state !== 'running').map((a) => ({
    key: `actor ${a.name}`,
    mark: a.state === 'restarting' ? 'warning' : 'critical',
    word: a.state,
    title: `A part of the service is ${a.state}: ${a.name}`,
    detail: a.reason ?? a.last_panic?.message ?? 'No reason is known.',
    since: a.last_panic?.time ?? null,
    page: 'status',
    item: '',
  }))
}

/** Problems that have no row of their own among sources, targets and actors. @param {Status} s @returns {Failure[]} */
function othersOf(s) {
  const known = [
    ...s.sources.map((x) => `source ${x.source}: `), ...s.targets.map((x) => `${x.target} is down: `), ...s.actors.map((x) => `actor ${x.name}: `),
  ]
  return s.problems.filter((problem) => !known.some((start) => problem.startsWith(start))).map((problem) => ({
    key: `problem ${problem}`,
    mark: s.state === 'degraded' ? 'error' : 'warning',
    word: 'problem',
    title: s.state === 'degraded' ? 'The service does not work as it should' : 'The service has a problem',
    detail: problem,
    since: null,
    page: 'status',
    item: '',
  }))
}

/** Boards that cannot be read although their project can. @param {Source[]} failing @returns {Failure[]} */
function boardsOf(failing) {
  const list = boards.value.tasks?.boards ?? []
  const reported = failing.filter((x) => x.source.startsWith('taskmaster')).map((x) => x.source.slice('taskmaster'.length).trim())
  return list.filter((b) => !b.up && !reported.some((name) => name === '' || name === b.project)).map((b) => ({
    key: `board ${b.project}/${b.tag}`,
    mark: 'error',
    word: 'failing',
    title: `The board ${quoted(b.project)} · ${quoted(b.tag)} cannot be read`,
    detail: b.reason ?? 'No reason is known.',
    since: null,
    page: 'tasks',
    item: '',
  }))
}

/** A run of an action that nobody has seen to. @param {ActionRun} run @returns {Failure} */
const failureOfRun = ({ id, state, title, reason, updated }) => ({
  key: `run ${id}`,
  mark: state === 'failed' ? 'error' : 'warning',
  word: state === 'failed' ? 'failed' : 'undone',
  title: `${state === 'failed' ? 'An action failed' : 'An action was undone'}: ${quoted(title, 160)}`,
  detail: reason,
  since: updated,
  page: 'advice',
  item: '',
  open: `run ${id}`,
})

/** What the service reports as failing, the worst first. */
export const failures = computed(() => {
  const s = status.value
  if (!s) return []
  // One cause, one row: where an alert fires on it, or has been noted, that is its row.
  const firing = (alerts.value ?? []).filter(isOn).map((a) => a.metric)
  const down = s.targets.filter((t) => t.up === false || (t.up === null && t.checked_at !== null))
  const sources = s.sources.filter((x) => x.up === false || isMissing(x) || (x.up === true && x.reason !== null))
    .filter((x) => !down.some((t) => x.source === `probe ${t.target}`))
    .filter((x) => !firing.some((m) => (m.__name__ === 'taskpulse_source_up' && m.source === x.source) || (m.__name__ === 'up' && x.source === `scrape ${m.job}`)))
  const targets = down.filter((t) => !firing.some((m) => m.__name__ === 'probe_success' && m.target === t.target))
  // What became of actions is known as it is now.
  const runs = past.value === null ? s.needs_person : []
  const all = [...actorsOf(s), ...othersOf(s), ...sources.map(failureOf), ...boardsOf(s.sources.filter((x) => x.up === false)), ...targets.map(downOf), ...runs.map(failureOfRun)]
  return all.sort((a, b) => RANK[a.mark] - RANK[b.mark])
})

/** Advice that nobody has decided on. */
export const openAdvice = computed(() => (recommendations.value ?? []).filter((r) => r.status === 'open'))
/**
 * @typedef {{ key: string, mark: Mark, word: string, title: string, detail: string, since: number|null, until: number|null, page: string, item: string, open?: string, params?: Record<string, string>, alerts: Alert[], advice: Piece|null }} Cause
 *   one thing that needs the reader; `until`: when it was last known to go on, where that is no longer known; `alerts`: those of one rule; `page`, `item`: where it is explained
 */

/** @param {AlertCause} cause @returns {Cause} */
function causeOfRule(cause) {
  const { alerts, rule } = cause
  const [worst] = alerts
  const follow = followers([cause])
  const ends = alerts.map(knownUntil)
  return {
    key: `rule ${rule}`, mark: markOf(worst.severity), word: worst.severity, title: ruleHeadline(alerts, minute.value),
    detail: [worst.busiest?.length > 0 && `Most of it: ${worst.busiest[0]}`, follow > 0 && `${count(follow, 'alert')} ${follow === 1 ? 'follows' : 'follow'} from it`].filter(Boolean).join(' · '),
    since: cause.since, until: ends.includes(null) ? null : Math.max(.../** @type {number[]} */ (ends)), page: 'alerts', item: worst.id, alerts, advice: null,
  }
}

/** @param {Piece} advice @returns {Cause} */
const causeOfAdvice = (advice) => ({
  key: `advice ${advice.id}`, mark: markOf(advice.severity), word: `advice, ${advice.severity}`, title: quoted(advice.title, 200), detail: advice.action, since: advice.created, until: null,
  page: 'advice', item: advice.id, alerts: [], advice,
})

/** What a rule on findings of agents is about: the sessions say it better than the number of them. @param {Cause} cause @param {import('./agents.js').AgentsNow} now @returns {Cause|null} null where the session that waits has a row of its own */
export function causeOfFinding(cause, { needs, findings }) {
  const [first] = cause.alerts
  const { __name__: name, agent, kind } = first?.metric ?? {}
  if (name !== 'agent_findings' || first.state === 'unknown') return cause
  const of = findings.filter((f) => f.agent === agent && f.kind === kind)
  const rows = new Set(needs.map(({ params }) => `${params?.session} ${params?.host}`))
  const [found, ...more] = kind === 'waits' ? of.filter((f) => !rows.has(`${f.params.session} ${f.params.host}`)) : of
  if (!found && kind === 'waits' && needs.some(({ key }) => key.startsWith(`agent ${agent}/`))) return null
  return found ? { ...cause, title: quoted(found.title, 200) + (more.length > 0 ? `, and ${count(more.length, 'more session')}` : ''), detail: quoted(found.detail, 300) } : cause
}

/** What needs the reader, one row a cause: what fails, each agent that waits for somebody, each rule that fires and follows from no other, open advice. The worst first, then the oldest; advice after what is wrong now. */
export const causes = computed(() => {
  const wrong = [...[...failures.value, ...agentsNow.value.needs].map((f) => ({ ...f, until: null, alerts: [], advice: null })), ...standing.value.firing.map(causeOfRule).flatMap((cause) => causeOfFinding(cause, agentsNow.value) ?? [])]
    .sort((a, b) => RANK[a.mark] - RANK[b.mark] || (a.since ?? 0) - (b.since ?? 0) || a.key.localeCompare(b.key))
  return [...wrong, ...openAdvice.value.map(causeOfAdvice)]
})

/** How many things need the reader: the causes. */
export const needed = computed(() => causes.value.length)

/** Since when what is shown is old, because the stream is lost or nothing comes through it; null while it is live. @type {import('../../vendor/signals-core.js').ReadonlySignal<{ words: string, at: number|null }|null>} */
export const outOfDate = computed(() => {
  if (loginEnded.value) return { words: 'Your login has ended', at: lastSampleAt.value }
  if (socketState.value === 'lost' || (status.value && now.value - statusAt.value > SILENT_AFTER_S)) return { words: 'Connection lost', at: lastSampleAt.value }
  return link.value === 'stale' ? { words: 'No new data', at: lastSampleAt.value } : null
})

/** Why nobody can say that nothing needs the reader; null when one can. */
export const doubt = computed(() => {
  const s = status.value
  if (loginEnded.value) return 'Your login has ended: what needs you is not known'
  if (outOfDate.value?.words === 'Connection lost') return 'The connection is lost: what needs you is not known'
  if (!s || alerts.value === null || recommendations.value === null) return 'Looking for what needs you'
  if (past.value?.watched === false) return 'Nothing is kept of this time, the service was not running: what needed you is not known'
  if (s.state === 'starting') return 'The service is starting: what needs you is not known yet'
  if (s.state === 'stopping') return 'The service is stopping: what needs you is not known'
  const error = boards.value.error ?? ci.value.error
  if (error) return `Not all could be asked: ${error}`
  if (boards.value.tasks === null || ci.value.runs === null) return 'Looking for what needs you'
  const unchecked = s.targets.filter((t) => t.up === null && t.checked_at === null)
  if (unchecked.length > 0) return `Not checked yet: ${unchecked.map((t) => t.target).join(', ')}`
  // Failing for a reason that no row shows, so it is shown here.
  if (s.state !== 'ok' && failures.value.length === 0) return 'The service does not work as it should'
  return null
})
