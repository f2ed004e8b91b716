/**
 * Pieces of advice: where each stands, in which order they are read, and what of them is said in words.
 *
 * Pure. An older service says less of a piece, and so does a replay: whatever is missing is left out.
 *
 * @import { Attempt, Evidence, Experiment, Recommendation } from '../types.js'
 * @import { Mark } from '../statuses.js'
 * @import { Unit } from '../format.js'
 * @typedef {Pick<Recommendation, 'id'|'kind'|'title'|'why'|'action'|'severity'|'status'|'created'|'updated'|'evidence'|'query'|'start'|'end'> & Partial<Recommendation>} Piece
 */
import { format } from '../format.js'
import { markOf } from '../statuses.js'
import { standing } from './helped.js'

/** How bad things are, the worst first. @type {Record<string, number>} */
const WEIGHT = { critical: 0, error: 1, warning: 2, notice: 3, info: 4, debug: 5 }
/** Verdicts of what was done in vain, or worse. */
const FAILED = ['ineffective', 'regressed']

/** What matters most and is surest comes first; what is alike stands in the order in which it was given. @param {Piece[]} list */
export const byPriority = (list) => [...list].sort((a, b) => (b.priority ?? 0) - (a.priority ?? 0) || (WEIGHT[a.severity] ?? 9) - (WEIGHT[b.severity] ?? 9) || a.created - b.created || a.id.localeCompare(b.id))

/** Whether it was done, and its verdict stays that it did not help. @param {Piece} piece */
const isFailed = ({ verdict }) => !!verdict && verdict.final && FAILED.includes(verdict.state)

/** What is to be decided, to be done, was done, did not help, and is not wanted: the newest first where something was decided. @param {Piece[]} list */
export function partsOf(list) {
  const newest = (/** @type {Piece[]} */ some) => [...some].sort((a, b) => b.updated - a.updated || a.id.localeCompare(b.id))
  const of = (/** @type {string} */ status) => list.filter((one) => one.status === status)
  const applied = newest(of('applied'))
  return { open: byPriority(of('open')), accepted: newest(of('accepted')), done: applied.filter((one) => !isFailed(one)), failed: applied.filter(isFailed), dismissed: newest(of('dismissed')) }
}

/** The mark of a piece: its weight as long as somebody should decide, its verdict once there is one. @param {Piece} piece @returns {Mark} */
export const markOfAdvice = ({ status, severity, verdict }) => (status === 'open' ? markOf(severity) : verdict ? standing(verdict.state).mark : 'info')

/** Evidence that is a moment counts seconds since 1970. @param {Evidence} evidence */
export const isMoment = ({ unit, value }) => unit === 'time' && value !== null

/** @type {Record<string, string>} */
const EFFORTS = { minutes: 'minutes: a setting, a command', hours: 'hours: a search for the cause', days: 'days: work to be planned' }
/** @type {Record<string, string>} */
const CONFIDENCES = { high: 'high: it was counted', medium: 'medium: a forecast, or a difference beyond chance', low: 'low: what was seen has other usual causes' }

/** @param {Piece} piece */
export const effortOf = ({ effort }) => (effort ? EFFORTS[effort] ?? effort : '')
/** @param {Piece} piece */
export const confidenceOf = ({ confidence }) => (confidence ? CONFIDENCES[confidence] ?? confidence : '')

/** What to do, one step a line. @param {Piece} piece */
export const stepsOf = ({ steps, action }) => (steps && steps.length > 0 ? steps : action ? [action] : [])

/** `Duration of a green run: 17 % to 38 % less`. @param {Piece} piece */
export function expectedOf({ expected }) {
  if (!expected) return ''
  const [low, high] = [expected.low, expected.high].map((v) => format(v, /** @type {Unit} */ (expected.unit)))
  const by = expected.low === expected.high ? low : expected.low === 0 ? `up to ${high}` : `${low} to ${high}`
  return `${expected.what}: ${by} less`
}

/** Words for what became of it before. @type {Record<string, string>} */
const OUTCOMES = { dismissed: 'dismissed', unmeasured: 'applied, its effect cannot be measured', too_early: 'given up before it could be judged' }

/** @param {Attempt} attempt @returns {{ word: string, mark: Mark }} */
export function outcomeOf({ outcome }) {
  if (OUTCOMES[outcome]) return { word: OUTCOMES[outcome], mark: 'none' }
  return standing(/** @type {Experiment['state']} */ (outcome))
}

/**
 * What ended, the newest first: each earlier try, and advice that was withdrawn before anybody tried.
 * @param {Piece[]} list @returns {Array<{ key: string, title: string, at: number, word: string, mark: Mark, sentence: string }>}
 */
export function endsOf(list) {
  const tried = list.flatMap(({ id, title, attempts = [] }) => attempts.map((attempt) => ({ key: `${id} ${attempt.at}`, title, at: attempt.until, sentence: attempt.sentence, ...outcomeOf(attempt) })))
  const gone = list.filter(({ status, attempts = [] }) => status === 'withdrawn' && attempts.length === 0)
    .map(({ id, title, updated }) => ({ key: id, title, at: updated, sentence: '', word: 'its cause is gone', mark: /** @type {Mark} */ ('none') }))
  return [...tried, ...gone].sort((a, b) => b.at - a.at || a.key.localeCompare(b.key))
}
