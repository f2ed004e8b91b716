/**
 * The icon of a session's state: a shape of its own for each, so that it is read without its colour. The word stands beside it.
 *
 * @import { Session } from './words.js'
 */
import { html } from '../lib.js'
import { needsPerson } from './words.js'

/** @type {Record<string, string>} */
const SHAPES = {
  working: 'M4 2.5l9.5 5.5l-9.5 5.5z',
  waiting: 'M3.5 2.5h3.5v11h-3.5zM9 2.5h3.5v11h-3.5z',
  idle: 'M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zm0 1.8a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4z',
  ended: 'M3.5 3.5h9v9h-9zM5.2 5.2v5.6h5.6v-5.6z',
  lost: 'M5 5.6c0-4.2 6.2-4.2 6.2-.3c0 2.4-2.3 2.3-2.3 4.4h-1.8c0-3 2.2-3 2.2-4.3c0-1.6-2.5-1.6-2.5.2zM7 11.2h2v2h-2z',
}

/** @param {{ session: Session }} props */
export function StateIcon({ session }) {
  const look = needsPerson(session) ? 'person' : session.state
  return html`<svg class=${`mark agent-mark agent-${look}`} viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d=${SHAPES[session.state] ?? SHAPES.lost} /></svg>`
}
