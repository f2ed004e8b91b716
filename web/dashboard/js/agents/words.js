/**
 * Sessions of coding agents in words: their state and why they wait, their order, what a figure is, and why one is not there.
 *
 * Pure. What an agent did not say is absent here too: never zero.
 *
 * @import { AgentSession, AgentTokens, AgentTool } from '../types.js'
 * @typedef {AgentSession} Session
 * @typedef {'working'|'waiting'|'idle'|'ended'|'lost'} State
 */
import { age, count, DASH, digits, money, quoted } from '../format.js'
import { inPlace } from '../order.js'

/** How people call an agent. @type {Record<string, string>} */
const NAMES = { 'claude-code': 'Claude Code', codex: 'Codex', 'gemini-cli': 'Gemini CLI', opencode: 'OpenCode' }
/** So much of an id tells two sessions apart. */
const SHORT_ID = 8

/** @param {string} agent */
export const agentName = (agent) => NAMES[agent] ?? quoted(agent, 40)
/** @param {{ agent: string, id: string }} session how it is named in the address */
export const keyOf = ({ agent, id }) => `${agent}/${id}`
/** How a list tells it from others: two machines may have sessions of one id. @param {{ agent: string, id: string, host: string|null }} session */
export const rowOf = (session) => (session.host ? `${keyOf(session)} ${session.host}` : keyOf(session))
/** How a session is named in an address: with its machine where others have the same id. @param {Session} session @param {Session[]} all @returns {Record<string, string>} */
export function paramsOf(session, all) {
  const key = keyOf(session)
  const twins = all.some((other) => other !== session && other.host !== session.host && keyOf(other) === key)
  return { session: key, host: twins ? session.host ?? '' : '' }
}
/** The session that an address names; the one that was heard of last where it says no machine. @param {Session[]} all @param {string} key @param {string} host */
export const ofAddress = (all, key, host) => all.filter((s) => keyOf(s) === key && (host === '' || s.host === host)).sort((a, b) => b.last_seen - a.last_seen)[0]
/** The agent and the id of a key; null where it is none. @param {string} key @returns {{ agent: string, id: string }|null} */
export function ofKey(key) {
  const at = key.indexOf('/')
  return at > 0 && at < key.length - 1 ? { agent: key.slice(0, at), id: key.slice(at + 1) } : null
}
/** @param {string} id */
export const shortId = (id) => (id.length > SHORT_ID + 4 ? id.slice(0, SHORT_ID) : quoted(id, SHORT_ID + 4))

/** Whether a person is waited for: a session that waits for its model needs nobody. @param {Pick<Session, 'state'|'waits_for'>} session */
export const needsPerson = ({ state, waits_for: what }) => state === 'waiting' && what !== 'model'
/** Whether it goes on. @param {Session} session */
export const isLive = ({ state }) => state !== 'ended' && state !== 'lost'

/** What is waited for, as `your permission to run Bash`. @param {Pick<Session, 'waits_for'|'tool'>} session */
export function waitsFor({ waits_for: what, tool }) {
  if (what === 'permission') return tool ? `your permission to run ${quoted(tool, 60)}` : 'your permission'
  if (what === 'answer') return 'your answer'
  if (what === 'model') return 'the model'
  return 'you'
}

/** The state in words. @param {Session} session */
export const stateWords = (session) => (session.state === 'waiting' ? `waits for ${waitsFor(session)}` : session.state)
/** More of the state, where its word is not enough. @param {Session} session */
export function stateWhy({ state, waits_for: what }) {
  if (state === 'waiting' && what === 'model') return 'It is rate limited, or its request is tried again.'
  return {
    working: 'It works on a prompt.', waiting: 'It goes on as soon as somebody answers it.', idle: 'Its last turn is over; it waits for the next prompt.',
    ended: 'It said that it ended.', lost: 'Nothing was heard from it for long, and it did not say that it ended.',
  }[state] ?? ''
}

/** What needs somebody first, then what is at work. @param {Session} session */
export function rank(session) {
  if (needsPerson(session)) return 0
  return { working: 1, waiting: 2, idle: 3, lost: 4, ended: 5 }[session.state] ?? 6
}
/** The order in which a list begins: what needs somebody, then what was active last. @param {Session[]} sessions */
export const ordered = (sessions) => [...sessions].sort((a, b) => rank(a) - rank(b) || b.last_seen - a.last_seen || rowOf(a).localeCompare(rowOf(b)))

/**
 * The order that a list keeps while it is on screen: what was there stays where it was, what is new stands above it, in their own order.
 * @param {string[]} before keys in their order @param {Session[]} sessions @returns {Session[]}
 */
export function held(before, sessions) {
  const known = new Set(before)
  const fresh = sessions.filter((session) => !known.has(rowOf(session)))
  return [...ordered(fresh), ...inPlace(before, sessions.filter((session) => known.has(rowOf(session))), rowOf)]
}

/** States that a reader chooses among: waiting for a person is one of its own. @type {Array<[string, string, (session: Session) => boolean]>} */
export const CHOICES = [
  ['live', 'not ended', isLive],
  ['needs', 'waiting for you', needsPerson],
  ...(/** @type {State[]} */ (['working', 'waiting', 'idle', 'ended', 'lost'])).map((state) => /** @type {[string, string, (session: Session) => boolean]} */ ([state, state, (session) => session.state === state])),
]
/** @param {Session[]} sessions @param {string} state one of CHOICES; empty for all @param {string} agent empty for all */
export function filtered(sessions, state, agent) {
  const fits = CHOICES.find(([name]) => name === state)?.[2] ?? (() => true)
  return sessions.filter((session) => fits(session) && (agent === '' || session.agent === agent))
}

/** How many of each: `1 waits for you, 2 working, 3 idle`; those that ended are not counted. @param {Session[]} sessions */
export function totals(sessions) {
  const people = sessions.filter(needsPerson).length
  const model = sessions.filter((s) => s.state === 'waiting' && !needsPerson(s)).length
  const of = (/** @type {State} */ state) => sessions.filter((s) => s.state === state).length
  return [people > 0 && `${people} ${people === 1 ? 'waits' : 'wait'} for you`, of('working') > 0 && `${of('working')} working`, model > 0 && `${model} ${model === 1 ? 'waits' : 'wait'} for the model`,
    of('idle') > 0 && `${of('idle')} idle`].filter(Boolean).join(', ')
}

/** A time that is still to be counted in minutes. @param {number} since @param {number} minute the minute that it is */
const waited = (since, minute) => age(Math.max(60, minute + 60 - since))

/** Who waits for a person, in one sentence; null where nobody does. @param {Session[]} sessions @param {number} minute @returns {{ words: string, longest: Session, many: number }|null} */
export function waiting(sessions, minute) {
  const list = sessions.filter(needsPerson).sort((a, b) => a.since - b.since)
  const [longest] = list
  if (!longest) return null
  const words = list.length === 1 ? `1 agent has waited ${waited(longest.since, minute)} for ${waitsFor(longest)}`
    : `${list.length} agents wait for you, the first for ${waited(longest.since, minute)}`
  return { words, longest, many: list.length }
}

/** Which session it is, for a sentence: `Claude Code on task 7`, `Claude Code in app`. @param {Session} session */
export function sessionName(session) {
  const [task, ...more] = session.tasks
  const where = task && more.length === 0 ? ` on task ${quoted(task.id, 24)}` : session.folder ? ` in ${quoted(folderName(session.folder), 40)}` : ` ${shortId(session.id)}`
  return agentName(session.agent) + where
}

/** The last part of a path. @param {string} folder */
export const folderName = (folder) => folder.split(/[\\/]/).filter(Boolean).at(-1) ?? folder

/** Tokens in short; empty where none were said. Not their sum: some agents count cached ones within the input, others beside it. @param {AgentTokens} tokens */
export function tokensOf(tokens) {
  const { input, output } = tokens
  return [input !== undefined && `${digits(input)} in`, output !== undefined && `${digits(output)} out`].filter(Boolean).join(', ') || (tokenKinds(tokens)[0] ?? '')
}
/** @type {Array<[keyof AgentTokens, string]>} */
const KINDS = [['input', 'input'], ['output', 'output'], ['reasoning', 'reasoning'], ['cache_read', 'read from the cache'], ['cache_creation', 'written to the cache']]
/** Each kind by itself; a kind that was not said is left out. @param {AgentTokens} tokens */
export const tokenKinds = (tokens) => KINDS.flatMap(([kind, words]) => { const n = tokens[kind]; return n === undefined ? [] : [`${digits(n)} ${words}`] })

/** Money as agents say it. @param {number} amount */
export const usd = (amount) => money(amount, 'USD')
/** To the micro-dollar, as the agents said it. @param {number} amount */
export const exactUsd = (amount) => `$${amount.toFixed(6)}`

/** How a task is known. @type {Record<string, string>} */
const HOW = { by_folder_and_time: 'It did not say its task: by its folder and the time it can be this one only.', shared: 'It did not say its task: several were in progress, and share what it costs evenly.', exact: 'It said its task itself.' }
/** @param {string} how */
export const howWords = (how) => HOW[how] ?? how.replaceAll('_', ' ')

/** Why a figure is not there, and what would fill it. @type {Record<string, string>} */
export const WHY = {
  cost_usd: 'It said no money. Telemetry (OTLP) says it, or a status line.',
  tokens: 'It said no tokens. Telemetry (OTLP) says them.',
  share: 'There is no money to share.',
  context: 'It did not say how much of its context is used. A status line says it: taskpulse statusline.',
  model: 'No request to a model was seen.',
  folder: 'It did not say its folder. Hooks say it.',
  repository: 'Its folder is no repository that is known here, or it said none.',
  branch: 'It did not say its branch.',
  task: 'It named no task (task.id), and by its folder and the time it belongs to none.',
  requests: 'No telemetry (OTLP) of its requests came.',
  prompts: 'It did not say how many prompts it got.',
  active: 'It did not say how long it was active. Telemetry (OTLP) says it.',
  waiting: 'It was not seen waiting, or nothing says so. Hooks do.',
  lines: 'It did not say which lines it changed. Telemetry (OTLP) says it.',
  errors: 'Nothing came of its requests, so nobody knows whether some failed.',
  cpu: 'Its process is not known: it runs on another machine, or could be of another session.',
  retries: 'It did not say how often it tried again. Log records (OTLP) say it.',
  row_active: 'No agent said how long it was active. Telemetry (OTLP) says it.',
  row_waiting: 'No session was seen waiting, or nothing says so. Hooks do.',
  row_wall: 'Nothing that tells turns apart was received.',
  row_cpu: 'Its processes are not known: they run on another machine, or could belong to several sessions.',
  row_ci: 'No CI run of its commits is known.',
  row_ci_money: 'No CI run of its commits is known, or the settings have no price of its runner ([costs.prices.NAME]).',
  row_retries: 'No agent said how often it tried again. Log records (OTLP) say it.',
  row_errors: 'No agent sent records of its requests, so nobody knows whether some failed.',
}

/** Lines as `+120 −8`; empty where none are known. @param {Session} session */
export function linesOf({ lines_added: added, lines_removed: removed }) {
  return [added !== null && `+${digits(added)}`, removed !== null && `−${digits(removed)}`].filter(Boolean).join(' ')
}

/** Calls of all tools together by outcome. @param {AgentTool[]} tools @returns {{ ok: number, failed: number, refused: number, all: number }} */
export function calls(tools) {
  const sum = { ok: 0, failed: 0, refused: 0, all: 0 }
  for (const { ok, failed, refused } of tools) {
    sum.ok += ok
    sum.failed += failed
    sum.refused += refused
  }
  return { ...sum, all: sum.ok + sum.failed + sum.refused }
}

/** How calls ended: `12 calls, 2 failed`. @param {AgentTool[]} tools */
export function callWords(tools) {
  const { all, failed, refused } = calls(tools)
  if (all === 0) return DASH
  return [count(all, 'call'), failed > 0 && `${failed} failed`, refused > 0 && `${refused} refused`].filter(Boolean).join(', ')
}

