/**
 * What the reader decides about a piece of advice, each with the way back.
 *
 * @import { Piece } from './life.js'
 */
import { follow, takesFocus } from '../alerts/focus.js'
import { fieldTime } from '../alerts/quiet.js'
import { momentOf } from '../chart/helped.js'
import { quoted, since } from '../format.js'
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { decide } from '../stores/advice.js'
import { replayed, serverTime } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { utc } from '../stores/place.js'

/** @typedef {'accept'|'dismiss'|'applied'|'undo'} Decision */

/** Where a piece may stand then: there its button takes the focus. */
const LEADS_TO = { accept: ['accepted'], dismiss: ['dismissed'], applied: ['applied'] }
/** What an undo leads back to. @type {Record<string, string[]>} */
const BACK_TO = { accepted: ['open'], applied: ['accepted', 'open'], dismissed: ['open', 'accepted'] }
/** The longest reason, as the service takes it. */
const LONGEST_REASON = 500

/** A decision, and what became of asking for it. @param {Piece} piece */
function useDecision({ id, status, attempts }) {
  const { busy, error, run } = useAction()
  /** @param {Decision} decision @param {{ reason?: string, at?: number }} [said] */
  const act = (decision, said) => {
    if (busy) return
    const leads = decision === 'undo' ? BACK_TO[status] ?? [] : LEADS_TO[decision]
    follow(...leads.map((stand) => `${stand} ${id}`))
    // A service that keeps no attempts goes back to the start alone.
    run(() => decide(id, decision === 'undo' && attempts === undefined ? 'reopen' : decision, said))
  }
  return { busy, error, act }
}

/** @param {{ advice: Piece, asking: string, ask: (what: 'dismiss'|'applied'|'') => void }} props `ask`: opens the form that asks for the reason, or for the moment */
export function Decide({ advice, asking, ask }) {
  const { id, status, title } = advice
  const { busy, error, act } = useDecision(advice)
  if (replayed.value !== null) return null
  /** @param {string} name @param {string} words @param {() => void} press @param {boolean} [first] takes the focus where this piece has it */
  const button = (name, words, press, first) => html`<button type="button" class="button" data-act=${name} ref=${first ? takesFocus(`${status} ${id}`) : undefined} aria-disabled=${busy} aria-expanded=${name === 'dismiss' || name === 'applied' ? asking === name : undefined} aria-label=${`${words}: ${quoted(title, 200)}`} onClick=${press}>${words}</button>`
  /** @param {'dismiss'|'applied'} what */
  const asks = (what) => {
    follow(`${what} form ${id}`)
    ask(what)
  }
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    ${status === 'open' && html`${button('accept', 'Accept', () => act('accept'), true)}${button('dismiss', 'Dismiss', () => asks('dismiss'))}`}
    ${status === 'accepted' && html`${button('applied', 'Applied', () => asks('applied'))}${button('undo', 'Undo', () => act('undo'), true)}`}
    ${(status === 'dismissed' || status === 'applied') && button('undo', 'Undo', () => act('undo'), true)}`
}

/** @param {{ advice: Piece, close: () => void, words: string, submit: () => void, busy: boolean, error: string, children?: any }} props */
function Form({ advice: { id, title, status }, close, words, submit, busy, error, children }) {
  const back = () => {
    follow(`${status} ${id}`)
    close()
  }
  return html`
    <form class="row-form" aria-label=${`${words}: ${quoted(title, 200)}`} onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); submit() }}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); back() } }}>
      ${children}
      <span class="row-form-buttons"><button type="submit" class="button button-main" aria-disabled=${busy}>${words}</button><button type="button" class="button" onClick=${back}>Cancel</button></span>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}

/** Why it is not wanted. @param {{ advice: Piece, close: () => void }} props */
export function DismissForm({ advice, close }) {
  const [reason, setReason] = useState('')
  const { busy, error, act } = useDecision(advice)
  const submit = () => act('dismiss', reason.trim() === '' ? undefined : { reason: reason.trim() })
  return html`
    <${Form} advice=${advice} close=${close} words="Dismiss" submit=${submit} busy=${busy} error=${error}>
      <label class="row-form-wide">Why not <input type="text" ref=${takesFocus(`dismiss form ${advice.id}`)} maxlength=${LONGEST_REASON} placeholder="it is meant to be so" value=${reason} onInput=${(/** @type {any} */ e) => setReason(e.target.value)} /></label>
    <//>`
}

/** When it was done: what comes after it is compared. @param {{ advice: Piece, close: () => void }} props */
export function AppliedForm({ advice, close }) {
  const [first] = useState(() => fieldTime(serverTime(), utc.peek()))
  const [when, setWhen] = useState(first)
  const [wrong, setWrong] = useState('')
  const { busy, error, act } = useDecision(advice)
  const submit = () => {
    // What nobody changed is now, to the second.
    const at = when === first ? null : momentOf(when, serverTime(), utc.peek())
    if (when !== first && at === null) return setWrong('The moment must be a time that is over')
    return act('applied', at === null ? undefined : { at })
  }
  return html`
    <${Form} advice=${advice} close=${close} words="Applied" submit=${submit} busy=${busy} error=${wrong || error}>
      <label>When was it done${utc.value ? ', UTC' : ''} <input type="datetime-local" required ref=${takesFocus(`applied form ${advice.id}`)} value=${when} onInput=${(/** @type {any} */ e) => { setWhen(e.target.value); setWrong('') }} /></label>
    <//>`
}

/** Something that happened looks as if it was done. @param {{ advice: Piece }} props */
export function Seems({ advice }) {
  const { status, title, seems_applied: seen } = advice
  const { busy, error, act } = useDecision(advice)
  if (!seen || (status !== 'open' && status !== 'accepted') || replayed.value !== null) return null
  const when = since(seen.at, minute.value)
  return html`
    <p class="row-said"><span>It seems applied at ${when}: <bdi>${quoted(seen.what, 200)}</bdi></span>
      <button type="button" class="button" data-act="seems" aria-disabled=${busy} aria-label=${`Applied then, at ${when}: ${quoted(title, 200)}`} onClick=${() => act('applied', { at: seen.at })}>Applied then</button>
      ${error && html`<span class="problem" role="alert">${error}</span>`}</p>`
}
