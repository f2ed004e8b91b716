/**
 * Sessions of coding agents as one lane of the ribbon: at each time the worst of what they do.
 *
 * Pure. Of a session it is known since when it is in its state, and from when to when it was there: what it did before its state began is not
 * known, and so it is shown.
 *
 * @import { Bar, State } from '../ribbon/lanes.js'
 * @import { Session } from './words.js'
 */
import { count } from '../format.js'
import { needsPerson, sessionName, stateWords } from './words.js'

/** @typedef {{ session: Session, start: number, end: number|null, now: boolean }} Stretch  `now`: it is in its state; else only that it was there is known */

/** @param {Session} session @returns {Stretch[]} */
function stretchesOf(session) {
  const { state, since, first_seen: start, last_seen: last } = session
  if (state === 'ended' || state === 'lost') {
    const end = Math.max(last, state === 'ended' ? since : last)
    return end > start ? [{ session, start, end, now: false }] : []
  }
  const from = Math.max(start, since)
  return [...(from > start ? [{ session, start, end: from, now: false }] : []), { session, start: from, end: null, now: true }]
}

/** @param {Stretch} stretch @returns {{ state: State, weight: number }} */
function lookOf({ session, now }) {
  if (!now) return { state: 'neutral', weight: 0 }
  if (needsPerson(session)) return { state: 'warning', weight: 4 }
  if (session.state === 'working') return { state: 'progress', weight: 3 }
  return session.state === 'waiting' ? { state: 'waiting', weight: 2 } : { state: 'waiting', weight: 1 }
}

/** @param {Stretch[]} there @returns {{ title: string, words: string, state: State }} */
function told(there) {
  const looks = there.map((stretch) => ({ stretch, ...lookOf(stretch) })).sort((a, b) => b.weight - a.weight || a.stretch.start - b.stretch.start)
  const [worst] = looks
  const { stretch: { session, now } } = worst
  const others = there.length - 1
  const more = others > 0 ? `, and ${count(others, 'more session')}` : ''
  if (now) return { title: `${sessionName(session)} ${session.state === 'waiting' ? stateWords(session) : `is ${session.state}`}`, words: `${session.state}${more}`, state: worst.state }
  return { title: others > 0 ? `${count(there.length, 'session')} of coding agents` : sessionName(session), words: 'at work or idle: what it did then is not kept', state: worst.state }
}

/** @param {Session[]} sessions @returns {Bar[]} */
export function agentBars(sessions) {
  const stretches = sessions.flatMap(stretchesOf)
  const times = [...new Set(stretches.flatMap(({ start, end }) => (end === null ? [start] : [start, end])))].sort((a, b) => a - b)
  const rising = [...stretches].sort((a, b) => a.start - b.start)
  /** @type {Bar[]} */
  const bars = []
  /** @type {Stretch[]} */
  let there = []
  let next = 0
  times.forEach((start, i) => {
    const end = times[i + 1] ?? null
    there = there.filter((s) => s.end === null || s.end > start)
    for (; next < rising.length && rising[next].start <= start; next += 1) there.push(rising[next])
    if (there.length === 0) return
    const bar = { start, end, ...told(there), page: 'agents', item: '', seen: true }
    const before = bars.at(-1)
    // What reads the same is one bar.
    if (before && before.end === start && before.title === bar.title && before.words === bar.words) before.end = end
    else bars.push(bar)
  })
  return bars
}
