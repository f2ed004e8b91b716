/**
 * Says that the service does not answer and since when, over the foot of the page, so that nothing moves. It goes by itself.
 */
import { since, span } from '../format.js'
import { html } from '../lib.js'
import { now, serverTime } from '../stores/clock.js'
import { lostSince, reconnect, socketState } from '../stores/connection.js'
import { loginEnded } from '../stores/login.js'
import { lastSampleAt } from '../stores/samples.js'
import { lastSeen } from '../stores/visits.js'

/** A restart of the service takes no longer; nobody needs to know of one. */
const SOON_S = 10

export function Lost() {
  const from = lostSince.value
  if (socketState.value !== 'lost' || from === null) return null
  now.value // read, to run again as time goes on
  if (loginEnded.value || serverTime() - from < (lastSampleAt.value === null ? 1 : SOON_S)) return null
  const seen = lastSampleAt.value === null && lastSeen.value !== null
  return html`
    <div class="lost" role="status">
      <span><b>The service has not answered since ${since(from, serverTime())}</b>${seen && html`<span class="quiet"> · you saw it last ${span(Math.max(60, Math.round((serverTime() - (lastSeen.value ?? 0)) / 60) * 60))} ago</span>`}</span>
      <span class="quiet">This page goes on by itself as soon as it does.</span>
      <button type="button" class="button" onClick=${reconnect}>Try now</button>
    </div>`
}
