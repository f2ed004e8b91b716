/**
 * Marking a change at a moment of a chart: what was changed, when, and what would be better. Whether it helped is said on the page Advice.
 *
 * @import { Offer } from './helped.js'
 */
import { fieldTime } from '../alerts/quiet.js'
import { useAction } from '../hooks.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { serverTime } from '../stores/clock.js'
import { lastPointed } from '../stores/cursor.js'
import { markChange } from '../stores/experiments.js'
import { address, utc } from '../stores/place.js'
import { momentOf } from './helped.js'

/** Characters of a title, as the service has it. */
const LONGEST_TITLE = 200

/** @param {{ title: string, offers: Offer[], close: () => void }} props `title`: of the chart */
export function MarkChange({ title: chart, offers, close }) {
  const [line, setLine] = useState(0)
  const [when, setWhen] = useState(() => fieldTime(Math.min(lastPointed() ?? serverTime(), serverTime()), utc.peek()))
  const [what, setWhat] = useState('')
  const [better, setBetter] = useState('lower')
  const [said, say] = useState('')
  const first = useRef(/** @type {HTMLInputElement|null} */ (null))
  const { busy, error, run } = useAction()
  useEffect(() => first.current?.focus(), [])
  /** @param {any} e */
  const value = (e) => e.target.value
  const make = () => run(async () => {
    const at = momentOf(when, serverTime(), utc.peek())
    if (at === null) throw new Error('The moment must be a time that is over')
    const made = await markChange({ expr: offers[line].expr, at, title: what.trim(), direction: better })
    say(made.sentence)
  })
  if (said) {
    return html`
      <div class="row-form" role="status">
        <span class="row-form-wide">Marked. ${said}</span>
        <span class="row-form-buttons"><a class="link" href=${address('advice')}>All that is followed</a> <button type="button" class="button" onClick=${close}>Close</button></span>
      </div>`
  }
  return html`
    <form class="row-form" aria-label=${`Did it help? ${chart}`} onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); make() }}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); close() } }}>
      <label class="row-form-wide">What was changed <input type="text" ref=${first} maxlength=${LONGEST_TITLE} placeholder="cache of CI" value=${what} onInput=${(/** @type {any} */ e) => setWhat(value(e))} /></label>
      <label>When${utc.value ? ', UTC' : ''} <input type="datetime-local" required value=${when} onInput=${(/** @type {any} */ e) => setWhen(value(e))} /></label>
      ${offers.length > 1 && html`<label>What it was to change <select value=${String(line)} onChange=${(/** @type {any} */ e) => setLine(Number(value(e)))}>${offers.map(({ words }, i) => html`<option key=${i} value=${String(i)}>${words}</option>`)}</select></label>`}
      <label>Better is <select value=${better} onChange=${(/** @type {any} */ e) => setBetter(value(e))}><option value="lower">lower</option><option value="higher">higher</option></select></label>
      <span class="row-form-buttons"><button type="submit" class="button button-main" aria-disabled=${busy}>Follow it</button><button type="button" class="button" onClick=${close}>Cancel</button></span>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}
