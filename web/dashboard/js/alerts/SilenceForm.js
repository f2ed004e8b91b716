/**
 * Holding the notices of alerts back for a while: which, how long, why.
 *
 * @import { SilenceMatcher } from '../types.js'
 */
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { serverTime } from '../stores/clock.js'
import { utc } from '../stores/place.js'
import { makeSilence } from '../stores/silences.js'
import { follow, takesFocus } from './focus.js'
import { draftOf, endOf, fieldTime, LENGTHS, readMatchers } from './quiet.js'

const LONGEST_COMMENT = 500
const HOUR_S = 3600

/**
 * @param {{ id: string, label: string, scopes: Array<{ words: string, matchers: SilenceMatcher[] }>, close: () => void }} props
 *   `id`: of the button that opened it, which gets the focus back; `scopes`: what can be silenced, none where the reader writes it
 */
export function SilenceForm({ id, label, scopes, close }) {
  const [scope, setScope] = useState(0)
  const [text, setText] = useState('')
  const [length, setLength] = useState(LENGTHS[0].key)
  const [until, setUntil] = useState(() => fieldTime(serverTime() + 2 * HOUR_S, utc.peek()))
  const [comment, setComment] = useState('')
  const { busy, error, run } = useAction()
  const back = () => {
    follow(`silence ${id}`)
    close()
  }
  const make = () => run(async () => {
    const now = serverTime()
    const end = endOf(length, until, now, utc.peek())
    const matchers = scopes[scope]?.matchers ?? readMatchers(text)
    if (matchers === null) throw new Error('Write which alerts, such as alertname="high_cpu_usage", host=~"db.*"')
    if (end === null) throw new Error('The end must be a time in the future')
    await makeSilence(draftOf(matchers, now, end, comment))
    back()
  })
  /** @param {any} e */
  const value = (e) => e.target.value
  return html`
    <form class="row-form" aria-label=${label} onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); make() }}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); back() } }}>
      ${scopes.length === 0 && html`<label class="row-form-wide">Which alerts <input type="text" spellcheck=${false} autocomplete="off" placeholder='alertname="high_cpu_usage", host=~"db.*"' ref=${takesFocus(`form ${id}`)} value=${text} onInput=${(/** @type {any} */ e) => setText(value(e))} /></label>`}
      ${scopes.length > 1 && html`<label>Which <select value=${String(scope)} onChange=${(/** @type {any} */ e) => setScope(Number(value(e)))}>${scopes.map(({ words }, i) => html`<option key=${i} value=${String(i)}>${words}</option>`)}</select></label>`}
      ${scopes.length === 1 && html`<span class="row-form-still">Which <b>${scopes[0].words}</b></span>`}
      <label>For <select ref=${scopes.length > 0 ? takesFocus(`form ${id}`) : undefined} value=${length} onChange=${(/** @type {any} */ e) => setLength(value(e))}>${LENGTHS.map(({ key, words }) => html`<option key=${key} value=${key}>${words}</option>`)}</select></label>
      ${length === 'until' && html`<label>Until${utc.value ? ', UTC' : ''} <input type="datetime-local" required value=${until} onInput=${(/** @type {any} */ e) => setUntil(value(e))} /></label>`}
      <label class="row-form-wide">Why <input type="text" maxlength=${LONGEST_COMMENT} value=${comment} onInput=${(/** @type {any} */ e) => setComment(value(e))} /></label>
      <span class="row-form-buttons"><button type="submit" class="button button-main" aria-disabled=${busy}>Silence</button><button type="button" class="button" onClick=${back}>Cancel</button></span>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}
