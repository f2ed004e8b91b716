/**
 * Asks for buckets: what is asked in one turn goes in one request, the same question once. A page of charts asks dozens when it opens.
 */
import { ApiError, get } from '../api.js'

/** The service answers no more at once. */
const MOST_ASKS = 50
/** An address holds no more letters; a longer question goes alone. */
const MOST_LETTERS = 8000

/** @typedef {Record<string, string|number>} Params */
/** @typedef {{ wanted: () => boolean, resolve: (data: any) => void, reject: (error: unknown) => void }} Asker */

/** Who waits for what, by the question as text. @type {Map<string, { params: Params, askers: Asker[] }>} */
let waiting = new Map()

/**
 * What `/api/v1/buckets` answers. Never settled where nobody wants it any more by the time it is asked.
 * @param {Params} params @param {() => boolean} wanted @returns {Promise<any>}
 */
export function bucketsOf(params, wanted) {
  return new Promise((resolve, reject) => {
    // After all that waits for an answer that has just come, which may ask anew.
    if (waiting.size === 0) queueMicrotask(() => queueMicrotask(send))
    const text = String(new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)])))
    const held = waiting.get(text) ?? { params, askers: [] }
    held.askers.push({ wanted, resolve, reject })
    waiting.set(text, held)
  })
}

function send() {
  const questions = [...waiting].filter(([, { askers }]) => askers.some((asker) => asker.wanted()))
  waiting = new Map()
  /** @type {typeof questions} */
  let group = []
  let letters = 0
  for (const question of questions) {
    const length = encodeURIComponent(question[0]).length + '&ask='.length
    if (group.length > 0 && (letters + length > MOST_LETTERS || group.length === MOST_ASKS)) {
      ask(group)
      group = []
      letters = 0
    }
    group.push(question)
    letters += length
  }
  if (group.length > 0) ask(group)
}

/** @param {Array<[string, { params: Params, askers: Asker[] }]>} group */
async function ask(group) {
  try {
    const answers = group.length === 1
      ? [{ status: 'success', data: await get('/api/v1/buckets', group[0][1].params) }]
      : await get(`/api/v1/buckets/each?${new URLSearchParams(group.map(([text]) => ['ask', text]))}`)
    group.forEach(([, { askers }], i) => {
      const { status, data, error } = answers[i]
      for (const { resolve, reject } of askers) {
        if (status === 'success') resolve(data)
        else reject(new ApiError(error, 0))
      }
    })
  } catch (error) {
    for (const [, { askers }] of group) for (const { reject } of askers) reject(error)
  }
}
