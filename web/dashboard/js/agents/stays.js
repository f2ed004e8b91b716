/**
 * What sessions did when: the states that they stayed in.
 *
 * Pure.
 *
 * @import { Session } from './words.js'
 * @typedef {import('../types.js').AgentState} Stay
 * @typedef {'person'|'working'|'model'|'idle'} Doing
 */
import { span } from '../format.js'
import { isLive, keyOf, needsPerson, waitsFor } from './words.js'

/** What a session does, the most urgent first, and how it is called. @type {Array<[Doing, string]>} */
export const DOINGS = [['person', 'waits for you'], ['working', 'working'], ['model', 'waits for the model'], ['idle', 'idle']]

/** What it does while it stays so; null where it is over, or nobody knows whether it lives. @param {Pick<Stay, 'state'|'waits_for'>} stay @returns {Doing|null} */
export function doingOf(stay) {
  if (stay.state === 'waiting') return needsPerson(stay) ? 'person' : 'model'
  return stay.state === 'working' || stay.state === 'idle' ? stay.state : null
}

/** In words, for a time that is over or that goes on. @param {Stay} stay */
export function stayWords(stay) {
  const over = stay.to !== null
  if (stay.state === 'waiting') return `${over ? 'waited' : 'waits'} for ${waitsFor(stay)}`
  if (stay.state === 'working' || stay.state === 'idle') return over ? { working: 'worked', idle: 'was idle' }[stay.state] ?? '' : stay.state
  return stay.state
}

/**
 * Stays as they are with the newest of what is known of sessions: what a session does now may be younger than the stays that were asked for.
 * @param {Stay[]} stays @param {Session[]} sessions @returns {Stay[]}
 */
export function withNow(stays, sessions) {
  const many = new Map(sessions.map((s) => [keyOf(s), sessions.filter((other) => keyOf(other) === keyOf(s)).length]))
  /** Two machines may have sessions of one id: which of them a stay is of is not known then. */
  const now = new Map(sessions.filter((s) => many.get(keyOf(s)) === 1).map((s) => [keyOf(s), s]))
  const before = stays.flatMap((stay) => {
    const session = now.get(keyOf(stay))
    if (!session || (stay.to ?? Infinity) <= session.since) return [stay]
    return stay.from < session.since ? [{ ...stay, to: session.since }] : []
  })
  return [...before, ...[...now.values()].filter(isLive).map((s) => ({ agent: s.agent, id: s.id, state: s.state, waits_for: s.waits_for, tool: s.tool, from: s.since, to: null }))]
}

/** Stays as they were at a moment: what came later is not there, what ended later lasts. @param {Stay[]} stays @param {number} at @returns {Stay[]} */
export const until = (stays, at) => stays.filter((stay) => stay.from <= at).map((stay) => (stay.to !== null && stay.to > at ? { ...stay, to: null } : stay))

/** Sessions as they were at a moment, as far as their stays say it. @param {Session[]} sessions @param {Stay[]} stays those until then @returns {Session[]} */
export function sessionsAt(sessions, stays) {
  const last = new Map(stays.filter((stay) => stay.to === null).map((stay) => [keyOf(stay), stay]))
  return sessions.flatMap((session) => {
    const stay = last.get(keyOf(session))
    return stay ? [{ ...session, state: stay.state, waits_for: stay.waits_for, tool: stay.tool, since: stay.from }] : []
  })
}

/**
 * A band of stays: each with its part of the whole, and how long each doing took in all.
 * @param {Stay[]} stays of one session, the oldest first @param {number} start @param {number} end
 * @returns {{ parts: Array<{ stay: Stay, doing: Doing, from: number, to: number }>, sums: Array<{ doing: Doing, word: string, seconds: number }> }}
 */
export function band(stays, start, end) {
  const parts = stays.flatMap((stay) => {
    const doing = doingOf(stay)
    const [from, to] = [Math.max(start, stay.from), Math.min(end, stay.to ?? end)]
    return doing && to > from ? [{ stay, doing, from, to }] : []
  })
  const sums = DOINGS.map(([doing, word]) => ({ doing, word, seconds: parts.reduce((sum, p) => (p.doing === doing ? sum + p.to - p.from : sum), 0) })).filter((s) => s.seconds > 0)
  return { parts, sums }
}

/** A band in words. @param {Array<{ word: string, seconds: number }>} sums */
export const bandWords = (sums) => sums.map(({ word, seconds }) => `${word} ${span(Math.round(seconds))}`).join(', ')
