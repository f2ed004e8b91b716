/**
 * Which face a panel shows, in which words, and what the reader can do about it.
 *
 * Pure.
 *
 * @typedef {'data'|'loading'|'empty'|'error'} Face  what a panel says of itself
 * @typedef {'data'|'stale'|'loading'|'empty'|'error'|'denied'} Kind
 * @typedef {{ kind: Kind, title: string, words: string, action: 'login'|'retry'|'reconnect'|null }} Shown
 */
import { forbiddenWords, LOGIN_NEEDED } from '../refusal.js'

/** @param {Kind} kind @returns {Shown} */
const plain = (kind) => ({ kind, title: '', words: '', action: null })

/** The face of a list that was asked for. @param {'ready'|'error'|'loading'} state @param {number} length @returns {Face} */
export const listFace = (state, length) => (state === 'ready' ? (length > 0 ? 'data' : 'empty') : state)

/** @param {{ face: Face, error?: string|null, stale?: boolean, loginEnded?: boolean, lost?: boolean }} panel `lost`: the service does not answer @returns {Shown} */
export function faceOf({ face, error, stale = false, loginEnded = false, lost = false }) {
  if (face === 'data') return plain(stale ? 'stale' : 'data')
  if (face === 'empty') return plain('empty')
  const said = (error ?? '').replace(/\.$/, '')
  const forbidden = forbiddenWords(said)
  if (loginEnded || said === LOGIN_NEEDED) {
    return { kind: 'denied', title: 'Log in to see this', words: 'The service shows it with the access token only, and your login has ended or the token has changed.', action: 'login' }
  }
  if (forbidden !== null) {
    return { kind: 'denied', title: 'You may not see this', words: `${forbidden || 'It was refused'}. Who runs the service, or the proxy before it, can allow it.`, action: 'retry' }
  }
  if (face === 'error') return { kind: 'error', title: 'Could not be read', words: error ?? '', action: 'retry' }
  return lost ? { kind: 'error', title: 'The service does not answer', words: 'It is asked again by itself every few seconds.', action: 'reconnect' } : plain('loading')
}
