/**
 * The way into the replay, and its bar once it is needed: all but this is loaded then.
 */
import { bind } from '../keys.js'
import { html, useEffect, useState } from '../lib.js'
import { serverTime } from '../stores/clock.js'
import { place, setParams } from '../stores/place.js'

/** Where a replay begins. */
const AGO_S = 3600

export function begin() {
  setParams({ at: place.peek().params.at ? '' : String(Math.round(serverTime() - AGO_S)) })
}

export function ReplayButton() {
  const on = !!place.value.params.at
  return html`
    <button type="button" class="icon replay-button" aria-pressed=${on} title="Replay: see everything as it was" aria-label="Replay" onClick=${begin}>
      <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 1.8a6.2 6.2 0 1 1-6.2 6.2h1.4A4.8 4.8 0 1 0 8 3.2c-1.5 0-2.8.7-3.7 1.8H6v1.3H2V2.2h1.3v1.9A6.2 6.2 0 0 1 8 1.8zM7.3 5h1.3v2.9l2 1.2-.7 1.1-2.6-1.6z" /></svg>
    </button>`
}

export function Replay() {
  const wanted = !!place.value.params.at
  const [bar, setBar] = useState(/** @type {any} */ (null))
  useEffect(() => bind([{ keys: 'r', words: 'Replay', group: 'Time', run: begin }]), [])
  useEffect(() => { if (wanted && !bar) import('./ReplayBar.js').then((m) => setBar(() => m.ReplayBar), () => undefined) }, [wanted])
  return bar && html`<${bar} />`
}
