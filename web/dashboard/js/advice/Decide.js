/**
 * What the reader decides about a piece of advice, each with the way back.
 *
 * @import { Recommendation } from '../types.js'
 */
import { follow, takesFocus } from '../alerts/focus.js'
import { quoted } from '../format.js'
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { decide } from '../stores/advice.js'
import { replayed } from '../stores/clock.js'

/** @typedef {'accept'|'dismiss'|'applied'|'reopen'} Decision */

/** Where a piece stands then: there its button takes the focus. @type {Record<Decision, string>} */
const LEADS_TO = { accept: 'accepted', dismiss: 'dismissed', applied: 'applied', reopen: 'open' }
/** The longest reason, as the service takes it. */
const LONGEST_REASON = 500

/** @param {{ advice: Recommendation, dismiss: () => void }} props `dismiss`: asks for the reason */
export function Decide({ advice: { id, status, title }, dismiss }) {
  const { busy, error, run } = useAction()
  if (replayed.value !== null) return null
  /** @param {Decision} decision */
  const act = (decision) => {
    if (busy) return
    follow(`${LEADS_TO[decision]} ${id}`)
    run(() => decide(id, decision))
  }
  /** @param {string} name @param {string} words @param {() => void} press @param {boolean} [first] takes the focus where this piece has it */
  const button = (name, words, press, first) => html`<button type="button" class="button" data-act=${name} ref=${first ? takesFocus(`${status} ${id}`) : undefined} aria-disabled=${busy} aria-label=${`${words}: ${quoted(title, 200)}`} onClick=${press}>${words}</button>`
  const asks = () => {
    follow(`reason ${id}`)
    dismiss()
  }
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    ${status === 'open' && html`${button('accept', 'Accept', () => act('accept'), true)}${button('dismiss', 'Dismiss', asks)}`}
    ${status === 'accepted' && html`${button('applied', 'Applied', () => act('applied'))}${button('undo', 'Undo', () => act('reopen'), true)}`}
    ${(status === 'dismissed' || status === 'applied') && button('undo', 'Undo', () => act('reopen'), true)}`
}

/** Why it is not wanted. @param {{ advice: Recommendation, close: () => void }} props */
export function DismissForm({ advice: { id, title }, close }) {
  const [reason, setReason] = useState('')
  const { busy, error, run } = useAction()
  const back = () => {
    follow(`open ${id}`)
    close()
  }
  const dismiss = () => {
    if (busy) return
    follow(`dismissed ${id}`)
    run(() => decide(id, 'dismiss', reason.trim() === '' ? {} : { reason: reason.trim() }))
  }
  return html`
    <form class="row-form" aria-label=${`Dismiss: ${quoted(title, 200)}`} onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); dismiss() }}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); back() } }}>
      <label class="row-form-wide">Why not <input type="text" ref=${takesFocus(`reason ${id}`)} maxlength=${LONGEST_REASON} placeholder="it is meant to be so" value=${reason} onInput=${(/** @type {any} */ e) => setReason(e.target.value)} /></label>
      <span class="row-form-buttons"><button type="submit" class="button button-main" aria-disabled=${busy}>Dismiss</button><button type="button" class="button" onClick=${back}>Cancel</button></span>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}
