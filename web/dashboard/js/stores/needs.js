/**
 * What needs the reader: what the service reports as failing, alerts, advice; and what is not known yet, as long as which nobody
 * can say that nothing does.
 *
 * @import { Source, Status, Target } from '../types.js'
 * @import { Mark } from '../statuses.js'
 */
import { computed } from '../lib.js'
import { alerts } from './alerts.js'
import { recommendations } from './advice.js'
import { boards } from './boards.js'
import { ci } from './ci.js'
import { now } from './clock.js'
import { socketState } from './connection.js'
import { loginEnded } from './login.js'
import { status, statusAt } from './status.js'

/** @typedef {{ key: string, mark: Mark, word: string, title: string, detail: string, since: number|null }} Failure */

/** Status comes every five seconds; after so long without it the service says nothing of itself. */
const SILENT_AFTER_S = 20

/** What a source is for people, by the first word of its name; the rest says which. @type {Record<string, (which: string) => string>} */
const SOURCES = {
  taskmaster: (which) => (which ? `The board of ${which}` : 'The task board'),
  github: (which) => (which ? `CI of ${which}` : 'CI'),
  scrape: (which) => `The metrics of ${which}`,
  command: (which) => `The program ${which}`,
  probe: (which) => `The check of ${which}`,
  containers: () => 'Containers and units',
  system: () => 'The machine',
  otlp: () => 'OpenTelemetry metrics',
}

/** @param {string} source */
function nameOf(source) {
  const [kind, ...rest] = source.split(' ')
  return SOURCES[kind]?.(rest.join(' ')) ?? source
}

/** One of several that the settings name: when it is not there, something is wrong with it. @param {Source} source */
const isMissing = (source) => source.up === null && source.source.includes(' ')

/** @param {Source} source @returns {Failure} */
function failureOf(source) {
  if (isMissing(source)) {
    const detail = [source.reason, source.hint].filter((part) => !!part).join('; ')
    return { key: `source ${source.source}`, mark: 'warning', word: 'not there', title: `${nameOf(source.source)} is not there`, detail, since: source.since }
  }
  const failing = source.up === false
  return {
    key: `source ${source.source}`,
    mark: failing ? 'error' : 'warning',
    word: failing ? 'failing' : 'partly',
    title: `${nameOf(source.source)} ${failing ? 'cannot be read' : 'can be read only in part'}`,
    detail: source.reason ?? 'No reason is known.',
    since: failing ? source.since : null,
  }
}

/** @param {Target} target @returns {Failure} */
const downOf = (target) => ({
  key: `target ${target.target}`,
  mark: target.up === false ? 'error' : 'warning',
  word: target.up === false ? 'down' : 'not known',
  title: target.up === false ? `${target.target} is down` : `Whether ${target.target} is up is not known`,
  detail: target.reason ?? 'No reason is known.',
  since: target.since,
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
    title: `The board ${b.project} · ${b.tag} cannot be read`,
    detail: b.reason ?? 'No reason is known.',
    since: null,
  }))
}

/** What the service reports as failing, the worst first. */
export const failures = computed(() => {
  const s = status.value
  if (!s) return []
  // One cause, one row: where an alert fires on it, or has been noted, that is its row.
  const firing = (alerts.value ?? []).filter((a) => a.state === 'firing').map((a) => a.metric)
  const down = s.targets.filter((t) => t.up === false || (t.up === null && t.checked_at !== null))
  const sources = s.sources.filter((x) => x.up === false || isMissing(x) || (x.up === true && x.reason !== null))
    .filter((x) => !down.some((t) => x.source === `probe ${t.target}`))
    .filter((x) => !firing.some((m) => m.__name__ === 'taskpulse_source_up' && m.source === x.source))
  const targets = down.filter((t) => !firing.some((m) => m.__name__ === 'probe_success' && m.target === t.target))
  const all = [...actorsOf(s), ...othersOf(s), ...sources.map(failureOf), ...boardsOf(s.sources.filter((x) => x.up === false)), ...targets.map(downOf)]
  const rank = { critical: 0, error: 1, warning: 2, info: 3, ok: 4, none: 4 }
  return all.sort((a, b) => rank[a.mark] - rank[b.mark])
})

/** Alerts that fire and that nobody has taken note of. */
export const firing = computed(() => (alerts.value ?? []).filter((a) => a.state === 'firing' && !a.acked_at))
/** Advice that nobody has decided on. */
export const openAdvice = computed(() => (recommendations.value ?? []).filter((r) => r.status === 'open'))
/** What asks for nothing now: alerts that are pending or noted, advice that was accepted. */
export const noted = computed(() => ({
  alerts: (alerts.value ?? []).filter((a) => !firing.value.includes(a)),
  advice: (recommendations.value ?? []).filter((r) => r.status !== 'open'),
}))

/** How many things need the reader: the rows of the list. */
export const needed = computed(() => failures.value.length + firing.value.length + openAdvice.value.length)

/** Why nobody can say that nothing needs the reader; null when one can. */
export const doubt = computed(() => {
  const s = status.value
  if (loginEnded.value) return 'Your login has ended: what needs you is not known'
  if (socketState.value === 'lost' || (s && now.value - statusAt.value > SILENT_AFTER_S)) return 'The connection is lost: what needs you is not known'
  if (!s || alerts.value === null || recommendations.value === null) return 'Looking for what needs you'
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
