/**
 * The rules: what each watches for, how it stands, when it fired in the period, its value against the threshold, and where it is changed.
 *
 * @import { Alert } from '../types.js'
 * @import { KnownRule } from '../stores/alerts.js'
 */
import { Mark } from '../components/Mark.js'
import { capital, count, quoted, span } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { isOn, markOf } from '../statuses.js'
import { alerts, endedAlerts } from '../stores/alerts.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { period } from '../stores/place.js'
import { deleteRule, lastChange } from '../stores/rule_changes.js'
import { edited, openEditor } from './editing.js'
import { follow, takesFocus } from './focus.js'
import { Fold } from './Fold.js'
import { conditionWords, knownUntil, noteWords, sinceOf, stateOf } from './grouping.js'
import { Lane } from './Lane.js'
import { ValueChart } from './ValueChart.js'

/** The file of rules that were given over REST. */
const GIVEN = 'rest'
const SETTINGS = 'Settings.toml'

/** @param {{ list: KnownRule[] }} props */
export const Rules = ({ list }) => html`<ul class="alert-rows rules" data-stand="rules">${list.map((rule) => html`<${Row} key=${`${rule.file} ${rule.name}`} rule=${rule} />`)}</ul>`

/** What the reader did last, and the way back. */
export function RuleChange() {
  const { busy, error, run } = useAction()
  const change = lastChange.value
  if (!change) return null
  return html`
    <p class="row-said" role="status"><bdi>${change.words}</bdi>
      ${change.undo && html`<button type="button" class="button" ref=${takesFocus('undo rule')} aria-disabled=${busy} aria-label=${`Undo: ${change.words}`} onClick=${() => { if (!busy && change.undo) run(change.undo) }}>Undo</button>`}
      ${error && html`<span class="problem" role="alert">${error}</span>`}</p>`
}

/** Begins a new one. */
export function NewRule() {
  edited() // read: when the editor closes, its button takes the focus back
  return replayed.value === null && html`<button type="button" class="button" ref=${takesFocus('edit new')} onClick=${() => openEditor('new')}>New rule</button>`
}

/** @param {{ rule: KnownRule }} props */
function Row({ rule }) {
  const own = (alerts.value ?? []).filter((a) => a.rule === rule.name)
  const past = endedAlerts.value.filter((a) => a.rule === rule.name)
  const state = stateOf(own)
  const fired = past.length + own.filter(isOn).length
  const { start, end } = period.value
  const words = fired === 0 ? 'did not fire' : `fired ${count(fired, 'time')}`
  const records = rule.type === 'recording'
  const mark = rule.lastError ? 'error' : state === 'firing' || state === 'unknown' ? markOf(rule.severity) : state === 'pending' ? 'info' : 'ok'
  return html`
    <${Fold} name=${`rule ${rule.name}`} title=${html`<${Mark} kind=${mark} word=${rule.lastError ? 'cannot be evaluated' : state} /><span class="fold-title"><bdi>${conditionWords(rule)}</bdi></span>${rule.notes.length > 0 && html`<span class="quiet"><bdi>${quoted(noteWords(rule.notes[0], minute.value), 160)}</bdi></span>`}`}
      aside=${html`${!records && html`<${Lane} spans=${spansOf([...past, ...own.filter(isOn)], end)} start=${start} end=${end} mark=${markOf(rule.severity)} words=${words} />`}<span class="rule-state">${records ? 'records' : state}</span>`}>
      ${() => html`
        ${rule.lastError && html`<p class="problem"><bdi>${capital(rule.lastError)}</bdi></p>`}
        ${rule.notes.map((note) => html`<p key=${note}><bdi>${capital(noteWords(note, minute.value))}</bdi></p>`)}
        ${rule.metric && html`<${ValueChart} name=${rule.metric} query=${conditionOf(rule)} threshold=${rule.threshold} />`}
        <dl class="pairs instance-details">
          ${records ? html`<dt>Records</dt><dd><code><bdi>${rule.name}</bdi></code></dd>` : html`
            <dt>Severity</dt><dd>${rule.severity}</dd>
            <dt>Fires</dt><dd>${rule.duration > 0 ? `when it has lasted ${span(rule.duration)}` : 'at once'}${rule.cooldown > 0 ? `, at most every ${span(rule.cooldown)}` : ''}${rule.keepFiringFor > 0 ? `, and ${span(rule.keepFiringFor)} longer than its condition` : ''}</dd>
            <dt>In this time</dt><dd>${words}</dd>`}
          <dt>${rule.over_lines ? 'Condition, over log lines' : 'Condition'}</dt><dd><code><bdi>${rule.query}</bdi></code></dd>
          <dt>Set in</dt><dd><${Where} rule=${rule} /></dd>
        </dl>
        ${!records && replayed.value === null && html`<${Change} rule=${rule} />`}`}
    <//>`
}

/** @param {Alert[]} list @param {number} end */
const spansOf = (list, end) => list.map((a) => ({ from: sinceOf(a), to: knownUntil(a) ?? end }))

/** @param {{ rule: KnownRule }} props */
const Where = ({ rule: { file, name } }) => (file === GIVEN ? 'given over REST or here, kept by the service'
  : file === SETTINGS ? html`<code><bdi>[alerts.rules.${name}]</bdi></code> of Settings.toml, or shipped: it is changed there` : html`<code><bdi>${file}</bdi></code>: it is changed there`)

/** @param {{ rule: KnownRule }} props */
function Change({ rule: { name, file } }) {
  const { busy, error, run } = useAction()
  edited() // read: when the editor closes, its button takes the focus back
  const remove = () => {
    if (busy) return
    follow('undo rule')
    run(() => deleteRule(name))
  }
  const given = file === GIVEN
  return html`
    <p class="rule-form-buttons">
      ${given && html`<button type="button" class="button" ref=${takesFocus(`edit ${name}`)} aria-label=${`Edit the rule ${name}`} onClick=${() => openEditor(`rule ${name}`)}>Edit</button>`}
      <button type="button" class="button" ref=${given ? undefined : takesFocus(`edit ${name}`)} aria-label=${`Copy ${name} as a new rule`} onClick=${() => openEditor(`copy ${name}`)}>Copy as new</button>
      ${given && html`<button type="button" class="button" aria-disabled=${busy} aria-label=${`Delete the rule ${name}`} onClick=${remove}>Delete</button>`}
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </p>`
}

/** What the condition compares, without the comparison. @param {KnownRule} rule */
const conditionOf = ({ query, metric, op }) => (op !== null && query.includes(op) ? query.slice(0, query.lastIndexOf(op)).trim() : metric ?? query)
