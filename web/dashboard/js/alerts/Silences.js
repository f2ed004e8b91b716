/**
 * What holds notices back: silences that are in force or will be, and those that the reader has just ended, which can be undone.
 *
 * @import { GettableSilence } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { count, quoted, since } from '../format.js'
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { replayed, serverTime } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { endedHere, endSilence, held, heldError, loadSilences, undoEnd } from '../stores/silences.js'
import { Fold } from './Fold.js'
import { follow, takesFocus } from './focus.js'
import { againOf, coming, matcherText, matcherWords, timeOf, whenWords } from './quiet.js'
import { SilenceForm } from './SilenceForm.js'
import { Undone } from './Undone.js'

/** Silences that are listed; the service keeps up to 10,000. */
const SHOWN = 100

export function Silences() {
  const [writing, write] = useState(false)
  const list = coming(held.value?.silences ?? [])
  const over = endedHere.value.filter(({ end }) => end > minute.value)
  const present = replayed.value === null
  const note = [list.length > 0 && count(list.length, 'silence'), !present && 'as they are now'].filter(Boolean).join(' · ')
  const face = held.value ? (list.length + over.length > 0 || writing ? 'data' : 'empty') : heldError.value ? 'error' : 'loading'
  const aside = present && held.value && html`<button type="button" class="button" ref=${takesFocus('silence new')} aria-expanded=${writing} onClick=${() => { if (!writing) follow('form new'); write(!writing) }}>New silence</button>`
  return html`
    <${Panel} title="Silences" name="silences" note=${note} live=${false} face=${face} error=${heldError.value} retry=${loadSilences} aside=${aside}
      empty=${html`<p>No silence. One holds notices back for a while, never the alert itself: press Silence at an alert, or New silence here.</p>`}>
      ${writing && html`<${SilenceForm} id="new" label="New silence" scopes=${[]} close=${() => write(false)} />`}
      <ul class="alert-rows" data-stand="silences">
        ${list.slice(0, SHOWN).map((silence) => html`<${Row} key=${silence.id} silence=${silence} />`)}
        ${over.map(({ silence, end }) => html`<${Over} key=${`over ${silence.id}`} silence=${silence} end=${end} />`)}
      </ul>
      ${list.length > SHOWN && html`<p class="quiet">and ${count(list.length - SHOWN, 'silence')} more</p>`}
    <//>`
}

/** @param {{ silence: GettableSilence }} props */
function Row({ silence }) {
  const { id, matchers, comment, createdBy, startsAt, status } = silence
  const { busy, error, run } = useAction()
  const words = matcherWords(matchers)
  const holds = [...held.value?.byAlert.values() ?? []].filter((s) => s.silencedBy.includes(id)).length
  const end = () => {
    if (busy) return
    follow(`over ${id}`)
    run(() => endSilence(silence, timeOf(silence.endsAt)))
  }
  return html`
    <${Fold} name=${`silence ${id}`} title=${html`<${Mark} kind=${status.state === 'active' ? 'info' : 'none'} word=${status.state === 'active' ? 'in force' : 'to come'} /><span class="fold-title"><bdi>${words}</bdi></span>${comment && html`<span class="quiet"><bdi>${quoted(comment, 120)}</bdi></span>`}`}
      aside=${html`<span class="need-since">${whenWords(silence, replayed.value === null ? minute.value : serverTime())}</span><span class="need-buttons">
        ${error && html`<span class="problem" role="alert">${error}</span>`}
        ${replayed.value === null && html`<button type="button" class="button" ref=${takesFocus(`silence row ${id}`)} aria-disabled=${busy} aria-label=${`End the silence: ${words}`} onClick=${end}>End</button>`}</span>`}>
      ${() => html`
        <dl class="pairs instance-details">
          <dt>Holds back now</dt><dd>${holds > 0 ? `the notices of ${count(holds, 'alert')}` : 'nothing'}</dd>
          <dt>Matchers</dt><dd><code><bdi>${matcherText(matchers)}</bdi></code></dd>
          <dt>Why</dt><dd>${comment ? html`<bdi>${comment}</bdi>` : html`<span class="quiet">nothing was written</span>`}</dd>
          <dt>Made by</dt><dd><bdi>${createdBy || 'nobody named'}</bdi></dd>
          <dt>Since</dt><dd>${since(timeOf(startsAt), minute.value)}</dd>
        </dl>`}
    <//>`
}

/** @param {{ silence: GettableSilence, end: number }} props */
function Over({ silence, end }) {
  const words = matcherWords(silence.matchers)
  const undo = () => undoEnd(silence.id, againOf(silence, end, serverTime()), (made) => follow(`silence row ${made}`))
  return html`<${Undone} row=${`over ${silence.id}`} title=${words} word="ended" label=${`Undo: ${words} is no longer silenced`} undo=${undo} />`
}
