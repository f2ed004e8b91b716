/**
 * Which face a panel shows: each that is no data says what can be done next.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faceOf } from '../../../web/dashboard/js/components/faces.js'
import { forbidden, forbiddenWords, LOGIN_NEEDED } from '../../../web/dashboard/js/refusal.js'

test('a panel shows the face of what it is told, of the login and of the stream', () => {
  const cases = /** @type {Array<[string, Parameters<typeof faceOf>[0], string, string|null]>} what is so, the panel, its face, what can be done */ ([
    ['data', { face: 'data' }, 'data', null],
    ['data that no longer come', { face: 'data', stale: true }, 'stale', null],
    ['data, although the login has ended', { face: 'data', loginEnded: true, stale: true }, 'stale', null],
    ['nothing there', { face: 'empty' }, 'empty', null],
    ['nothing there, although the stream is lost', { face: 'empty', lost: true }, 'empty', null],
    ['not there yet', { face: 'loading' }, 'loading', null],
    ['not there yet, and the service is gone', { face: 'loading', lost: true }, 'error', 'reconnect'],
    ['not there, and never will be without a login', { face: 'loading', loginEnded: true, lost: true }, 'denied', 'login'],
    ['an error', { face: 'error', error: 'answer 500 could not be read' }, 'error', 'retry'],
    ['an error while the service is gone', { face: 'error', error: 'the service does not answer', lost: true }, 'error', 'retry'],
    ['no login, or a wrong token', { face: 'error', error: LOGIN_NEEDED }, 'denied', 'login'],
    ['the same as a sentence', { face: 'error', error: `${LOGIN_NEEDED}.` }, 'denied', 'login'],
    ['an error after the login has ended', { face: 'error', error: 'answer 500 could not be read', loginEnded: true }, 'denied', 'login'],
    ['refused for good', { face: 'error', error: forbidden('the answer was 403') }, 'denied', 'retry'],
    ['refused without words', { face: 'error', error: forbidden('') }, 'denied', 'retry'],
  ])
  for (const [words, panel, kind, action] of cases) {
    const shown = faceOf(panel)
    assert.deepEqual([shown.kind, shown.action], [kind, action], words)
    assert.equal(action !== null, shown.title !== '' && shown.words !== '', `${words}: a face that asks for something says why`)
  }
  assert.equal(forbiddenWords('something else'), null)
})
