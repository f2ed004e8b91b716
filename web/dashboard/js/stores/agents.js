/**
 * What the first page shows of coding agents: who waits for the reader, who is at work, their lane in the ribbon.
 *
 * Worked out by `agents/follow.js`, which is loaded after everything that the reader waits for.
 *
 * @import { Bar } from '../ribbon/lanes.js'
 * @import { Failure } from './needs.js'
 *
 * @typedef {{ words: string, title: string, waits: string }} AgentFact  `waits`: a sentence, where somebody waits for the reader
 * @typedef {{ agent: string, kind: string, title: string, detail: string, params: Record<string, string> }} AgentTrouble
 * @typedef {{ bars: Bar[], figure: { words: string, title: string }, fact: AgentFact|null, needs: Failure[], findings: AgentTrouble[], live: Array<{ key: string, params: Record<string, string>, words: string }> }} AgentsNow
 *   `figure`: what stands beside the lane; `needs`: what needs the reader, one for each session that waits; `findings`: what is wrong with sessions, as a rule may fire on it; `live`: sessions that go on, as the search names them
 */
import { signal } from '../lib.js'

/** @type {AgentsNow} */
export const NO_AGENTS = { bars: [], figure: { words: '', title: '' }, fact: null, needs: [], findings: [], live: [] }

/** @type {import('../../vendor/signals-core.js').Signal<AgentsNow>} */
export const agentsNow = signal(NO_AGENTS)

/** What is on the page comes first. */
const LATER_MS = 1500

/** Starts; called once. Without an answer nothing is said of agents. */
export const followAgents = () => { setTimeout(() => { import('../agents/follow.js').then((m) => m.follow(), () => {}) }, LATER_MS) }
