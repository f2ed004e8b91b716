/**
 * Recommendations and what the reader decided about them.
 *
 * @import { Piece } from '../advice/life.js'
 */
import { send } from '../api.js'
import { computed, signal } from '../lib.js'
import { subscribe } from './connection.js'
import { past } from './past.js'

/** @type {import('../../vendor/signals-core.js').Signal<Map<string, Piece>|null>} null until the first snapshot */
const byId = signal(null)

/** How often the stream spoke of each. @type {Map<string, number>} */
const heard = new Map()

/** All of them: those of now, or of the moment that is replayed. Null: not known yet. */
export const allAdvice = computed(() => byId.value && (past.value ? past.value.advice([...byId.value.values()]) : [...byId.value.values()]))

/** Open ones, then those accepted but not applied yet. Null: not known yet. */
export const recommendations = computed(() => allAdvice.value && allAdvice.value
  .filter((r) => r.status === 'open' || r.status === 'accepted')
  .sort((a, b) => Number(b.status === 'open') - Number(a.status === 'open') || b.updated - a.updated))

/** What was decided against or done: kept until its evidence is gone. */
export const decidedAdvice = computed(() => (allAdvice.value ?? [])
  .filter((r) => r.status === 'dismissed' || r.status === 'applied')
  .sort((a, b) => b.updated - a.updated))

/** @param {string} id @param {'accept'|'dismiss'|'applied'|'reopen'|'undo'} decision @param {{ reason?: string, at?: number }} [said] what is said with it */
export async function decide(id, decision, said) {
  const before = heard.get(id)
  const answer = await send('POST', `/api/v1/recommendations/${encodeURIComponent(id)}/${decision}`, said)
  // What the stream said of it meanwhile may be newer: its verdict comes soon after the decision.
  if (answer?.id && (heard.get(id) === before || byId.peek()?.get(id)?.status !== answer.status)) change([answer])
}

/** @param {Piece[]} changed */
function change(changed) {
  const next = new Map(byId.peek() ?? [])
  for (const recommendation of changed) {
    if (recommendation.status === 'withdrawn') next.delete(recommendation.id)
    else next.set(recommendation.id, recommendation)
  }
  byId.value = next
}

/** Starts listening; called once. */
export function followAdvice() {
  subscribe({
    topic: 'recommendations',
    always: true,
    onFrame: (frame) => {
      if (frame.type === 'snapshot') byId.value = new Map()
      for (const { id } of frame.data) heard.set(id, (heard.get(id) ?? 0) + 1)
      change(frame.data)
    },
  })
}
