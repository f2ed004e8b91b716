/**
 * Questions of charts that go to the service together.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asked, rest, settle } from './page.mjs'

const { bucketsOf } = await import('../../../web/dashboard/js/stores/together.js')

rest['/api/v1/buckets'] = (url) => {
  const query = url.searchParams.get('query') ?? ''
  return query === 'wrong' ? Response.json({ status: 'error', errorType: 'bad_data', error: 'no such query' }) : { asked: query }
}
/** What a question came to. @param {string} query @param {() => boolean} [wanted] */
const outcome = (query, wanted = () => true) => bucketsOf({ query, start: 1, end: 2, step: 1 }, wanted).then((data) => data.asked, (error) => `error: ${error.message}`)

test('what is asked in one turn is one request, the same question once, and each has its own answer or error', async () => {
  asked.length = 0
  const all = Promise.all(['a', 'wrong', 'a', 'b{c="d&e"}'].map((query) => outcome(query)))
  await settle()
  assert.deepEqual(await all, ['a', 'error: no such query', 'a', 'b{c="d&e"}'])
  assert.deepEqual(asked, ['/api/v1/buckets/each', '/api/v1/buckets', '/api/v1/buckets', '/api/v1/buckets'])
})

test('a question that is alone goes as it is, and one that nobody wants any more goes not at all', async () => {
  asked.length = 0
  outcome('gone', () => false)
  assert.equal(await outcome('a'), 'a')
  await settle()
  assert.deepEqual(asked, ['/api/v1/buckets'])
})

test('what waits for answers that came together asks together again', async () => {
  asked.length = 0
  const again = (/** @type {string} */ query) => outcome(query).then(() => outcome(`${query}2`))
  const all = Promise.all([again('a'), again('b'), again('c')])
  await settle()
  assert.deepEqual(await all, ['a2', 'b2', 'c2'])
  assert.equal(asked.filter((path) => path === '/api/v1/buckets/each').length, 2)
})

test('many and long questions are spread over several requests, and a failed request fails all of its questions', async () => {
  asked.length = 0
  const long = 'x'.repeat(5000)
  const all = await Promise.all([...Array.from({ length: 120 }, (_, i) => `m${i}`), `${long}1`, `${long}2`].map((query) => outcome(query)))
  assert.equal(all.length, new Set(all).size)
  assert.deepEqual(asked.filter((path) => path === '/api/v1/buckets/each').length, 3)
  const each = rest['/api/v1/buckets/each']
  rest['/api/v1/buckets/each'] = () => Response.json({ status: 'error', errorType: 'unavailable', error: 'busy' }, { status: 503 })
  assert.deepEqual(await Promise.all([outcome('a'), outcome('b')]), ['error: busy', 'error: busy'])
  rest['/api/v1/buckets/each'] = each
})
