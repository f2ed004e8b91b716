/**
 * What was at a moment, worked out of what is, of what has happened since, and of the figures that were kept.
 *
 * Pure. What nobody kept is null, so that it is shown as a dash with its reason, never as the figure of today.
 *
 * @import { Alert, Board, Ci, CiRepository, CiRun, Event as TimelineEvent, Metric, Source, Status, Target, Task } from '../types.js'
 * @import { Piece } from '../advice/life.js'
 * @typedef {{ metric: Metric, t: number, v: number }} Sample
 * @typedef {(name: string, labels?: Metric) => Sample[]} Figures  the samples of a metric at the moment, of those series of this service that have these labels; of another's where the labels name it
 */
import { isOwn } from '../own.js'
import { NOT_KEPT } from '../stores/past.js'

/** @param {Sample[]} samples @returns {Figures} */
export const figuresOf = (samples) => (name, labels = {}) => samples.filter((s) => s.metric.__name__ === name && (isOwn(s.metric) || !isOwn(labels)) && Object.entries(labels).every(([label, value]) => s.metric[label] === value))

/** The one figure that is meant; null where there is none. @param {Sample[]} found */
const only = (found) => (found.length > 0 && !Number.isNaN(found[0].v) ? found[0].v : null)

/** All of them together; null where there is none. @param {Sample[]} found */
const total = (found) => (found.some((s) => !Number.isNaN(s.v)) ? found.reduce((sum, s) => sum + (Number.isNaN(s.v) ? 0 : s.v), 0) : null)

/** @param {Sample[]} found @param {string} label @returns {Record<string, number>} */
const by = (found, label) => Object.fromEntries(found.filter((s) => s.v > 0).map((s) => [s.metric[label], s.v]))

/**
 * @param {Board} board as it is @param {TimelineEvent[]} moves of tasks, also after the moment, the newest first @param {Figures} figures @param {number} at
 * @returns {Board}
 */
export function boardAt(board, moves, figures, at) {
  const own = moves.filter((e) => e.kind === 'task_status' && e.data?.project === board.project && e.data?.tag === board.tag)
  /** @type {Map<string, TimelineEvent[]>} */
  const byTask = new Map()
  for (const e of own) {
    const held = byTask.get(e.subject)
    if (held) held.push(e)
    else byTask.set(e.subject, [e])
  }
  const statuses = new Map(board.items.map((item) => [item.id, item.status]))
  // From the newest back: the last one that is undone is the first after the moment.
  for (const { time, subject, data } of own) if (time > at && statuses.has(subject)) statuses.set(subject, String(data?.from))
  const done = (/** @type {string} */ id) => statuses.get(id.split('.')[0]) === 'done' || !statuses.has(id.split('.')[0])
  const items = board.items.map((item) => taskAt(item, String(statuses.get(item.id)), byTask.get(item.id) ?? [], done, at))
  const labels = { project: board.project, tag: board.tag }
  const figure = (/** @type {string} */ name) => only(figures(`taskmaster_${name}`, labels))
  const counted = items.reduce((all, { status }) => ({ ...all, [status]: (all[status] ?? 0) + 1 }), /** @type {Record<string, number>} */ ({}))
  const told = figures('taskmaster_tasks', labels)
  const tasks = told.length > 0 ? by(told, 'status') : counted
  const wanted = Object.values(tasks).reduce((sum, n) => sum + n, 0) - (tasks.cancelled ?? 0)
  return {
    ...board, items, tasks, subtasks: by(figures('taskmaster_subtasks', labels), 'status'),
    completion_ratio: figure('completion_ratio') ?? (wanted > 0 ? (tasks.done ?? 0) / wanted : null),
    queue_depth: tasks.pending ?? 0, open_tasks: wanted - (tasks.done ?? 0),
    ready_tasks: figure('ready_tasks') ?? items.filter((i) => i.ready).length,
    blocked_tasks: figure('blocked_tasks') ?? items.filter((i) => i.status === 'blocked' || (i.status === 'pending' && !i.ready)).length,
    critical_path_tasks: figure('critical_path_tasks'), failure_ratio: figure('failure_ratio'), throughput_per_day: figure('throughput_tasks_per_day'),
    forecast: forecastAt(figures, labels), cost: null, cost_by_week: {},
    up: only(figures('taskpulse_source_up', { source: 'taskmaster' })) !== 0, reason: null,
  }
}

/** The forecast that was made then, as far as it is kept. @param {Figures} figures @param {Metric} labels of the board @returns {Board['forecast']} */
function forecastAt(figures, labels) {
  const by = (/** @type {string} */ quantile) => only(figures('taskmaster_forecast_done_timestamp_seconds', { ...labels, quantile }))
  const p50 = by('0.5')
  if (p50 === null) return { missing: 'none is kept of this time' }
  // Of how much it was made nobody kept.
  const unknown = /** @type {any} */ (null)
  return { p5: null, p50, p85: by('0.85'), p95: by('0.95'), completions: unknown, watched_days: unknown }
}

/** @param {Task} item @param {string} status @param {TimelineEvent[]} moves its own, the newest first @param {(id: string) => boolean} done @param {number} at @returns {Task} */
function taskAt(item, status, moves, done, at) {
  const began = moves.find((e) => e.time <= at && e.data?.to === 'in-progress')?.time ?? null
  const held = item.in_progress_since !== null && item.in_progress_since <= at ? item.in_progress_since : null
  const updated = item.updated_at !== null && item.updated_at <= at ? item.updated_at : null
  return {
    ...item, status, ready: status === 'pending' && item.dependencies.every(done), cost: null, updated_at: moves.find((e) => e.time <= at)?.time ?? updated,
    in_progress_since: status === 'in-progress' ? began ?? held : null, execution_seconds: status === 'done' && !moves.some((e) => e.time > at) ? item.execution_seconds : null,
  }
}

/** @param {Ci} ci as it is @param {Figures} figures @param {number} at @returns {Ci} */
export const ciAt = (ci, figures, at) => ({ ...ci, repositories: ci.repositories.map((r) => repositoryAt(r, figures, at)) })

/** @param {CiRepository} repository @param {Figures} figures @param {number} at @returns {CiRepository} */
function repositoryAt(repository, figures, at) {
  const runs = repository.runs.filter((run) => run.created <= at).map((run) => runAt(run, at))
  const open = runs.filter((run) => run.ended === null)
  const ended = runs.filter((run) => run.ended !== null)
  /** @param {CiRun} run @param {import('../types.js').CiWorkflow} w */
  const isOf = (run, w) => run.workflow === w.workflow && run.workflow_id === w.workflow_id
  const queued = open.filter((run) => run.status === 'queued').length
  const workflows = repository.workflows.map((w) => {
    const labels = { repo: repository.repo, workflow: w.workflow, ...(w.workflow_id === null ? {} : { workflow_id: String(w.workflow_id) }) }
    const figure = (/** @type {string} */ name) => only(figures(`github_actions_${name}`, labels))
    // Job time is a number while it is of now; of a time without a sample it is not known.
    const sum = (/** @type {string} */ name) => /** @type {number} */ (total(figures(`github_actions_${name}`, labels)))
    return {
      ...w, success_ratio: figure('success_ratio'), judged_runs: ended.filter((run) => isOf(run, w)).slice(0, w.judged_runs).length, flaky_ratio: null, p50_seconds: null, p50_before_seconds: null, p50_change_ratio: null,
      job_seconds: sum('job_seconds_total'), wasted_seconds: sum('wasted_seconds_total'), runs: by(figures('github_actions_runs_total', labels), 'conclusion'), active: open.filter((run) => isOf(run, w)).length, statuses: {},
    }
  })
  // How far the past has been read since then says nothing of then.
  return { ...repository, runs, workflows, active: open.length - queued, queued, whole: true, jobs_wanted: 0, reading_from: null, confirmed_at: null }
}

/** @param {CiRun} run @param {number} at @returns {CiRun} */
function runAt(run, at) {
  if (run.ended !== null && run.ended <= at) return run
  return { ...run, ended: null, conclusion: null, status: run.started > at ? 'queued' : 'in_progress', duration_seconds: null, job_seconds: null }
}

/** @param {Status} status as it is @param {TimelineEvent[]} events up to the moment, the newest first @param {Figures} figures @param {number} at @returns {Status} */
export function statusAt(status, events, figures, at) {
  const parts = figures('taskpulse_health_part_score')
  return {
    ...status, state: 'ok', problems: [], actors: [],
    health: { score: only(figures('taskpulse_health_score')), missing: [], parts: parts.map((s) => ({ part: s.metric.part, score: s.v, weight: null, why: NOT_KEPT })) },
    sources: status.sources.map((source) => sourceAt(source, figures)),
    targets: status.targets.map((target) => targetAt(target, events, figures, at)),
  }
}

/** @param {Source} source @param {Figures} figures @returns {Source} */
function sourceAt(source, figures) {
  const up = only(figures('taskpulse_source_up', { source: source.source }))
  const unknown = /** @type {any} */ (null)
  return { ...source, up: up === null ? null : up === 1, reason: up === 0 ? 'Why was not kept.' : null, hint: null, since: unknown, samples: unknown, last_sample: null }
}

/** @param {Target} target @param {TimelineEvent[]} events @param {Figures} figures @param {number} at @returns {Target} */
function targetAt(target, events, figures, at) {
  const labels = { target: target.target }
  const figure = (/** @type {string} */ name) => only(figures(name, labels))
  const up = figure('probe_success')
  const last = events.find((e) => e.source === 'probe' && e.subject === target.target && /^probe_(up|down)$/.test(e.kind) && e.time <= at)
  const [sample] = figures('probe_success', labels)
  return {
    ...target, up: up === null ? null : up === 1, duration_seconds: figure('probe_duration_seconds'), http_status: figure('probe_http_status_code'), certificate_expires: figure('probe_ssl_earliest_cert_expiry'),
    checked_at: sample?.t ?? null, since: last?.time ?? null, reason: up === 0 ? last?.title ?? 'why was not kept' : up === null ? 'no check is kept of this time' : null,
  }
}

/** Those that fired at the moment, with the value of then where it is kept. Whether one was pending nobody kept. @param {Alert[]} known those of now, and those that have ended @param {Figures} figures @param {number} at @returns {Alert[]} */
export function alertsAt(known, figures, at) {
  return known.filter((a) => a.firing_since !== null && a.firing_since <= at && (a.resolved_at === null || a.resolved_at > at))
    .map((a) => ({ ...a, state: (a.unknown_since ?? Infinity) <= at ? 'unknown' : 'firing', resolved_at: null, value: only(figures(a.metric.__name__ ?? '', a.metric)), acked_at: a.acked_at !== null && a.acked_at <= at ? a.acked_at : null }))
}

/** What follows the title in the event of a piece of advice. */
const STANDS = /: (open|accepted|dismissed|applied|withdrawn)$/

/**
 * The advice of the moment. Its figures change while it is open, and only the newest are kept: those of then are left out where they may have been others.
 * @param {Piece[]} known that of now @param {TimelineEvent[]} events of all advice, also after the moment, the newest first @param {number} at @returns {Piece[]}
 */
export function adviceAt(known, events, at) {
  const held = new Map(known.map((r) => [r.id, r]))
  const before = events.filter((e) => e.source === 'advice' && e.kind.startsWith('recommendation_') && e.time <= at)
  /** @type {Map<string, TimelineEvent>} */
  const last = new Map()
  for (const e of before) if (!last.has(e.subject)) last.set(e.subject, e)
  const told = [...last.values()].filter((e) => e.kind !== 'recommendation_withdrawn').map((e) => {
    const now = held.get(e.subject)
    if (now && now.updated <= at) return now
    const began = before.filter((b) => b.subject === e.subject && b.time <= e.time && b.kind === 'recommendation_open')
    return /** @type {Piece} */ ({
      id: e.subject, kind: now?.kind ?? '', severity: now?.severity ?? 'info', query: now?.query ?? '', status: e.kind.replace('recommendation_', ''), title: e.title.replace(STANDS, ''),
      why: 'Its figures of that time were not kept.', action: '', evidence: [], created: began[0]?.time ?? e.time, updated: e.time, start: e.time, end: e.time,
    })
  })
  // Events are kept for a time only; what was given before that has none.
  return [...told, ...known.filter((r) => !last.has(r.id) && r.updated <= at)]
}
