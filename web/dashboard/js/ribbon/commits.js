/**
 * Which commits were made while a task was in progress, as far as CI ran for them.
 *
 * Pure.
 *
 * @import { Bar } from './lanes.js'
 * @import { CiRepository } from '../types.js'
 */
import { quoted } from '../format.js'

/** @param {CiRepository[]} repositories @param {Bar[]} bars when the task was in progress @param {number} now @returns {Array<{ sha: string, title: string, url: string|null, created: number }>} newest first */
export function commitsOf(repositories, bars, now) {
  const found = new Map()
  for (const { runs } of repositories) {
    for (const { sha, title, url, created } of runs) {
      if (!sha || !bars.some((bar) => created >= bar.start && created <= (bar.end ?? now))) continue
      const page = /^(https?:\/\/.+)\/actions\/runs\/\d+/.exec(url ?? '')
      const held = found.get(sha)
      if (!held || created < held.created) found.set(sha, { sha, title: quoted(title, 80), url: page ? `${page[1]}/commit/${sha}` : null, created })
    }
  }
  return [...found.values()].sort((a, b) => b.created - a.created)
}
