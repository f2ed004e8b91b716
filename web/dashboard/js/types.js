/**
 * The shapes of docs/API.md as JSDoc types. Nothing here runs, and no page loads this file.
 *
 * @typedef {Record<string, string>} Metric  labels, `__name__` among them
 * @typedef {{ metric: Metric, values: Array<[number, string]> }} Matrix
 *
 * @typedef {'debug'|'info'|'notice'|'warning'|'error'|'critical'} Severity
 * @typedef {'ratio'|'bytes'|'seconds'|'count'|'bytes_per_second'|'per_day'|'score'|'plain'} Unit
 *
 * @typedef {{
 *   id: string, rule: string, severity: Severity, state: 'pending'|'firing'|'resolved', metric: Metric,
 *   value: number|null, op: string|null, threshold: number|null, for_seconds: number, cooldown_seconds: number,
 *   pending_since: number|null, firing_since: number|null, resolved_at: number|null, last_sample: number|null,
 *   summary: string, acked_at: number|null, reason: string|null, busiest: string[]
 * }} Alert
 *
 * @typedef {{ name: string, value: number|null, low: number|null, high: number|null, unit: Unit }} Evidence
 * @typedef {{
 *   id: string, kind: string, title: string, why: string, action: string, severity: Severity,
 *   status: 'open'|'accepted'|'dismissed'|'applied'|'withdrawn', created: number, updated: number,
 *   evidence: Evidence[], query: string|null, start: number|null, end: number|null
 * }} Recommendation
 *
 * @typedef {{
 *   id: string, time: number, source: string, kind: string, severity: Severity, subject: string, title: string,
 *   data: Record<string, unknown>
 * }} TimelineEvent
 *
 * @typedef {{
 *   id: string, title: string, status: string, priority: string, dependencies: string[], ready: boolean,
 *   subtasks_done: number, subtasks_total: number, updated_at: number|null, in_progress_since: number|null,
 *   execution_seconds: number|null, complexity: number|null, cost: TaskCost|null
 * }} TaskItem
 * @typedef {{ tokens?: Record<string, number>, money?: number, active_seconds?: number, cpu_seconds?: number, shared_seconds: number, since?: number, start_seen?: boolean, unwatched_seconds?: number }} TaskCost
 * @typedef {{ missing: string } | { p50: number|null, p85: number|null, p95: number|null, completions: number, watched_days: number }} Forecast  times in Unix seconds; null: too far away to tell
 * @typedef {{
 *   project: string, root: string, tag: string, current: boolean, up: boolean, reason: string|null, read_at: number|null,
 *   tasks: Record<string, number>, subtasks: Record<string, number>, completion_ratio: number|null,
 *   queue_depth: number|null, ready_tasks: number|null, failure_ratio: number|null, critical_path_tasks: number|null,
 *   cycle: string[]|null, unknown_statuses: string[], items: TaskItem[], forecast: Forecast|null, throughput_per_day: number|null
 * }} Board
 * @typedef {{ boards: Board[], sources: Array<{ project: string, root: string, up: boolean, reason: string|null }> }} Tasks
 *
 * @typedef {{
 *   id: number, attempt: number, number: number, workflow: string, workflow_id: number|null, title: string, event: string, branch: string, sha: string,
 *   fork: boolean, status: string, conclusion: string|null, url: string, created: number, started: number, ended: number|null,
 *   duration_seconds: number|null, queue_seconds: number|null, job_seconds: number|null
 * }} CiRun
 * @typedef {{
 *   workflow: string, workflow_id: number|null, workflow_path: string|null, state: string|null, url: string|null, success_ratio: number|null, judged_runs: number,
 *   flaky_ratio: number|null, flaky_commits: number, commits: number, p50_seconds: number|null,
 *   p50_before_seconds: number|null, p50_change_ratio: number|null, active: number, statuses: Record<string, number>,
 *   runs: Record<string, number>, job_seconds: number, wasted_seconds: number
 * }} CiWorkflow
 * @typedef {{
 *   repo: string, whole: boolean, runs_known: number, jobs_wanted: number, active: number, queued: number,
 *   confirmed_at: number|null, workflows: CiWorkflow[], runs: CiRun[]
 * }} CiRepository
 * @typedef {{ repositories: CiRepository[], sources: Source[] }} Ci
 *
 * @typedef {{ part: string, score: number, weight: number, why: string }} HealthPart
 * @typedef {{
 *   name: string, state: 'running'|'restarting'|'stuck'|'down'|'stopped', restarts: number, mailbox: number,
 *   handled: number, busy_seconds: number|null, held_seconds: number, longest_hold_seconds: number, last_panic: { time: number, during: string, message: string }|null,
 *   reason: string|null
 * }} ActorState
 * @typedef {{
 *   source: string, up: boolean|null, reason: string|null, hint: string|null, since: number|null,
 *   last_sample: number|null, samples: number
 * }} Source
 * @typedef {{
 *   target: string, kind: 'http'|'tcp'|'command', address: string, up: boolean|null, reason: string|null,
 *   since: number|null, checked_at: number|null, interval_seconds: number, duration_seconds: number|null,
 *   http_status: number|null, certificate_expires: number|null
 * }} Target
 * @typedef {{
 *   state: 'ok'|'degraded'|'starting'|'stopping', version: string, started_at: number, uptime_seconds: number, pid: number,
 *   health: { score: number|null, parts: HealthPart[], missing: Array<{ part: string, why: string }> },
 *   actors: ActorState[], sources: Source[], targets: Target[],
 *   pipeline: {
 *     appended_samples: number, appended_batches: number, duplicate_samples: number, late_samples: number,
 *     rejected: Record<string, number>, dropped: Record<string, number>, batcher_waiting: number
 *   },
 *   store: {
 *     data_dir: string, series: number, dormant_series: number, max_series: number, head_samples: number,
 *     journal: { records: number, bytes: number, age_seconds: number },
 *     partitions: string[], disk_bytes: number, max_bytes: number,
 *     retention_seconds: number, windows_retention_seconds: number, format: number,
 *     top_metrics: Share[], top_labels: Share[]
 *   },
 *   windows: Array<{ window: string, closed: number, late_samples: number }>,
 *   login: boolean, sessions: number, addresses: string[], problems: string[]
 * }} Status
 *
 * @typedef {{ name: string, series: number, values?: number }} Share
 *
 * @typedef {{
 *   name: string, query: string, metric: string|null, op: string|null, threshold: number|null, duration: number,
 *   labels: { severity: Severity }
 * }} Rule
 *
 * @typedef {{ type: 'snapshot'|'update', id: number, seq: number, time: number, data: any[] }} Frame
 */
export {}
