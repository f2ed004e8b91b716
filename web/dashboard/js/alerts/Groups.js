/**
 * Alerts that stand alike, one row a rule. A row opens to its series, their details, and the value against the threshold.
 *
 * @import { Alert } from '../types.js'
 * @import { Cause } from './grouping.js'
 */
import { Mark } from '../components/Mark.js'
import { count } from '../format.js'
import { ruleHeadline, ruleWords } from '../headline.js'
import { useAction } from '../hooks.js'
import { html, useEffect, useState } from '../lib.js'
import { print } from '../selector.js'
import { markOf } from '../statuses.js'
import { acknowledge, alerts as allAlerts, takeBack } from '../stores/alerts.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { param } from '../stores/place.js'
import { heldNow } from '../stores/silences.js'
import { follow, takesFocus } from './focus.js'
import { Acknowledge, Instance } from './Instance.js'
import { Fold } from './Fold.js'
import { standWords } from './grouping.js'
import { holdingOf } from './holding.js'
import { Silence, SilenceOf } from './Silence.js'
import { queryOf, ValueChart } from './ValueChart.js'

/** Series of a rule that a row shows; a rule may have thousands. */
const SHOWN = 50
/** Most series that a reader can distinguish in one chart. */
const CHARTED = 8

/** @param {{ groups: Cause[], stand: import('./grouping.js').Stand, below?: boolean }} props `below`: they stand below their cause */
export const Groups = ({ groups, stand, below = false }) => html`
  <ul class="alert-rows" data-stand=${stand}>${groups.map((group) => html`<${Row} key=${group.rule} group=${group} below=${below} />`)}</ul>`

/** @param {{ group: Cause, below: boolean }} props */
function Row({ group, below }) {
  const { alerts, rule, severity, stand, follows } = group
  const [first] = alerts
  const alone = alerts.length === 1
  const title = ruleHeadline(alerts, minute.value)
  const name = first.metric.__name__ ?? ''
  const id = `${stand} ${rule}`
  // Whoever came here to silence it is asked at once.
  const silenced = param('silence')
  const [asking, ask] = useState(() => {
    if (silenced.value === id) follow(`form ${id}`)
    return silenced.value === id
  })
  useEffect(() => { if (silenced.value === id) silenced.value = '' }, [])
  const holding = holdingOf(alerts, heldNow.value, allAlerts.value ?? [], minute.value)
  const notes = alone && first.note ? html`<span class="quiet"><bdi>${first.note}</bdi></span>` : ''
  return html`
    <${Fold} name=${id} title=${html`<${Mark} kind=${stand === 'pending' ? 'info' : markOf(severity)} word=${stand === 'pending' ? 'pending' : severity} /><span class="fold-title"><bdi>${title}</bdi></span>${notes}`}
      aside=${html`<span class="need-since">${standWords(alerts, minute.value)}${holding.words && !(below && holding.silences.length === 0) && ` · ${holding.words}`}</span><span class="need-buttons">${alone ? html`<${Acknowledge} alert=${first} />` : html`<${All} rule=${rule} alerts=${alerts} stand=${stand} />`}${stand !== 'pending' && html`<${Silence} id=${id} title=${title} silences=${holding.silences} open=${asking} toggle=${() => ask(!asking)} />`}</span>`}
      below=${(asking || follows.length > 0) && html`
        ${asking && html`<${SilenceOf} id=${id} title=${title} alerts=${alerts} alone=${alone} close=${() => ask(false)} />`}
        ${follows.length > 0 && html`<p class="quiet">Follows from it, without a notice of its own:</p><${Groups} groups=${follows} stand=${stand} below />`}`}>
      ${() => html`
        <p class="quiet">Rule <code>${rule}</code> · ${severity}</p>
        ${name && html`<${ValueChart} name=${name} query=${queryOf(alerts.slice(0, CHARTED), print)} threshold=${first.threshold} />`}
        <ul class="instances">${alerts.slice(0, SHOWN).map((alert) => html`<${Instance} key=${alert.id} alert=${alert} alone=${alone} />`)}</ul>
        ${alerts.length > SHOWN && html`<p class="quiet">and ${count(alerts.length - SHOWN, 'series', 'series')} more</p>`}`}
    <//>`
}

/** Takes note of all series of a rule at once. @param {{ rule: string, alerts: Alert[], stand: import('./grouping.js').Stand }} props */
function All({ rule, alerts, stand }) {
  const { busy, error, run } = useAction()
  if (replayed.value !== null) return null
  const acked = stand === 'acknowledged'
  const act = () => {
    follow(`all ${rule}`)
    run(async () => { for (const { id } of alerts) await (acked ? takeBack(id) : acknowledge(id)) })
  }
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    <button type="button" class="button" data-act="acknowledge" ref=${takesFocus(`all ${rule}`)} aria-disabled=${busy} aria-label=${`${acked ? 'Undo' : 'Acknowledge'} all ${alerts.length} of ${ruleWords(rule)}`} onClick=${() => { if (!busy) act() }}>${acked ? 'Undo all' : 'Acknowledge all'}</button>`
}
