/**
 * Sessions of coding agents as one lane of the ribbon: at each time the worst of what they do.
 *
 * Pure.
 *
 * @import { Bar, State } from '../ribbon/lanes.js'
 * @import { Doing, Stay } from './stays.js'
 */
import { count } from '../format.js'
import { doingOf, stayWords } from './stays.js'

/** @type {Record<Doing, { state: State, weight: number }>} */
const LOOKS = { person: { state: 'warning', weight: 4 }, working: { state: 'progress', weight: 3 }, model: { state: 'waiting', weight: 2 }, idle: { state: 'waiting', weight: 1 } }

/** @typedef {{ stay: Stay, look: { state: State, weight: number } }} There */

/** What needs somebody most; of several the one that began first. @param {There[]} there */
function worstOf(there) {
  let [worst] = there
  for (const one of there) if (one.look.weight > worst.look.weight || (one.look.weight === worst.look.weight && one.stay.from < worst.stay.from)) worst = one
  return worst
}

/** @param {Stay[]} stays @param {(stay: Stay) => string} nameOf what the session of a stay is called @returns {Bar[]} */
export function agentBars(stays, nameOf) {
  const all = stays.flatMap((stay) => {
    const doing = doingOf(stay)
    return doing && (stay.to === null || stay.to > stay.from) ? [{ stay, look: LOOKS[doing] }] : []
  }).sort((a, b) => a.stay.from - b.stay.from)
  const times = [...new Set(all.flatMap(({ stay: { from, to } }) => (to === null ? [from] : [from, to])))].sort((a, b) => a - b)
  /** @type {Array<{ start: number, end: number|null, worst: There, others: number }>} */
  const pieces = []
  /** @type {There[]} */
  let there = []
  let next = 0
  times.forEach((start, i) => {
    const end = times[i + 1] ?? null
    there = there.filter(({ stay }) => stay.to === null || stay.to > start)
    for (; next < all.length && all[next].stay.from <= start; next += 1) there.push(all[next])
    if (there.length === 0) return
    const [worst, others] = [worstOf(there), there.length - 1]
    const before = pieces.at(-1)
    // One that stays the worst is one bar, whatever others do meanwhile.
    if (before && before.end === start && before.worst.stay === worst.stay) Object.assign(before, { end, others: Math.max(before.others, others) })
    else pieces.push({ start, end, worst, others })
  })
  return pieces.map(({ start, end, worst: { stay, look }, others }) => {
    const words = stayWords({ ...stay, to: end === null ? null : stay.to ?? Infinity })
    return {
      start, end, state: look.state, title: `${nameOf(stay)} ${end === null && stay.state !== 'waiting' ? `is ${words}` : words}`,
      words: others > 0 ? `${stay.state}, beside ${others > 1 ? 'up to ' : ''}${count(others, 'more session')}` : stay.state, page: 'agents', item: '', seen: true,
    }
  })
}
