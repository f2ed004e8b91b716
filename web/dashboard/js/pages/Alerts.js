/**
 * Alerts: what is wrong now, what the service advises, and what was wrong before.
 *
 * @import { Alert } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Needs } from '../components/Needs.js'
import { Panel } from '../components/Panel.js'
import { Timeline } from '../components/Timeline.js'
import { count, since, span } from '../format.js'
import { html } from '../lib.js'
import { markOf } from '../statuses.js'
import { endedAlerts } from '../stores/alerts.js'
import { now } from '../stores/clock.js'
import { needed } from '../stores/needs.js'
import { period } from '../stores/place.js'

export function Alerts() {
  const ended = [...endedAlerts.value].sort((a, b) => (b.resolved_at ?? 0) - (a.resolved_at ?? 0))
  return html`
    <div class="alerts-page">
      <section class="panel" data-panel="needs">
        <header class="panel-head"><h2>Needs you</h2>${needed.value > 0 && html`<span class="note">${count(needed.value, 'thing')}</span>`}</header>
        <${Needs} />
      </section>
      <${Timeline} />
      <${Panel} title="Ended" note=${`${period.value.words} · ${count(ended.length, 'alert')}`} name="ended" face=${ended.length ? 'data' : 'empty'} live=${false} empty=${html`<p>No alert ended in this time.</p>`}>
        <ul class="ended">${ended.map((alert) => html`<${Ended} key=${`${alert.id} ${alert.resolved_at}`} alert=${alert} />`)}</ul>
      <//>
    </div>`
}

/** @param {{ alert: Alert }} props */
function Ended({ alert }) {
  const { firing_since: from, resolved_at: to } = alert
  return html`
    <li><${Mark} kind=${markOf(alert.severity)} word=${alert.severity} /><span class="words">${alert.summary}</span>
      <span class="quiet num">${from !== null && since(from, now.value)}${from !== null && to !== null && ` for ${span(Math.round(to - from))}`}</span></li>`
}
