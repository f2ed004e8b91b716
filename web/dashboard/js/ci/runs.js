/**
 * What a list of CI runs tells: which commits were flaky, which runs are of a workflow.
 *
 * Pure.
 *
 * @import { CiRun } from '../types.js'
 */
import { runMark } from '../statuses.js'

/** @param {string|null} conclusion */
export const hasFailed = (conclusion) => runMark(conclusion) === 'error'

/** @param {CiRun} run */
export const runTitle = (run) => `${run.workflow} #${run.number}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''}`

/** Whether a run is of a workflow, by GitHub's number of it, else by its name. @param {CiRun} run @param {{ workflow: string, workflow_id: number|null }} workflow */
export const isOf = (run, workflow) => run.workflow_id === workflow.workflow_id && run.workflow === workflow.workflow

/** @typedef {{ key: string, workflow: string, sha: string, branch: string, title: string, at: number, failed: CiRun[], passed: CiRun[], seconds: number }} Flaky  `seconds`: of the jobs that failed */

/**
 * Commits on which a workflow both failed and succeeded, or succeeded at a later attempt, newest first: the definition of `github_actions_flaky_ratio`.
 * @param {CiRun[]} runs @returns {Flaky[]}
 */
export function flakyCommits(runs) {
  /** @type {Map<string, Flaky>} */
  const found = new Map()
  for (const run of runs) {
    const failed = hasFailed(run.conclusion)
    if (run.sha === '' || (!failed && run.conclusion !== 'success')) continue
    const key = `${run.workflow_id ?? run.workflow} ${run.sha}`
    const held = found.get(key) ?? { key, workflow: run.workflow, sha: run.sha, branch: run.branch, title: run.title, at: run.started, failed: [], passed: [], seconds: 0 }
    found.set(key, held)
    held.at = Math.max(held.at, run.started)
    if (failed) {
      held.failed.push(run)
      held.seconds += run.job_seconds ?? 0
    } else held.passed.push(run)
  }
  return [...found.values()].filter((c) => c.passed.length > 0 && (c.failed.length > 0 || c.passed.some((run) => run.attempt > 1))).sort((a, b) => b.at - a.at)
}

/** @param {number[]} values @returns {number|null} */
export function median(values) {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
