/**
 * The button of an alert's row that holds its notices back, or lets them go again.
 *
 * @import { Alert } from '../types.js'
 */
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { replayed } from '../stores/clock.js'
import { endSilence } from '../stores/silences.js'
import { follow, takesFocus } from './focus.js'
import { matchersOf, matchersOfRule, timeOf } from './quiet.js'
import { SilenceForm } from './SilenceForm.js'

/**
 * @param {{ id: string, title: string, silences: import('../types.js').GettableSilence[], open: boolean, toggle: () => void }} props
 *   `id`: of the row; `title`: what is silenced; `silences`: those that hold it back
 */
export function Silence({ id, title, silences, open, toggle }) {
  const { busy, error, run } = useAction()
  // Nobody silences what was.
  if (replayed.value !== null) return null
  const end = () => {
    if (busy) return
    follow(`silence ${id}`)
    run(() => endSilence(silences[0], timeOf(silences[0].endsAt)))
  }
  const ask = () => {
    if (!open) follow(`form ${id}`)
    toggle()
  }
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    ${silences.length === 1
      ? html`<button key="end" type="button" class="button" data-act="silence" ref=${takesFocus(`silence ${id}`)} aria-disabled=${busy} aria-label=${`End the silence: ${title}`} onClick=${end}>End silence</button>`
      : html`<button key="silence" type="button" class="button" data-act="silence" ref=${takesFocus(`silence ${id}`)} aria-expanded=${open} aria-label=${`Silence: ${title}`} onClick=${ask}>Silence</button>`}`
}

/** The form for alerts of one rule. @param {{ id: string, title: string, alerts: Alert[], alone: boolean, close: () => void }} props `alone`: it is one alert; else all of its rule */
export function SilenceOf({ id, title, alerts, alone, close }) {
  const [first] = alerts
  const rule = { words: 'all alerts of this rule', matchers: matchersOfRule(first.rule) }
  const scopes = alone ? [{ words: 'this alert', matchers: matchersOf(first) }, rule] : [rule]
  return html`<${SilenceForm} id=${id} label=${`Silence: ${title}`} scopes=${scopes} close=${close} />`
}
