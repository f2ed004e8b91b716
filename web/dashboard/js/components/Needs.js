/**
 * What needs the reader: alerts with since when and how to take note, advice with why and what next.
 *
 * @import { Alert, Evidence, Recommendation } from '../types.js'
 */
import { DASH, format, since, span } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { print } from '../selector.js'
import { markOf } from '../statuses.js'
import { acknowledge, alerts } from '../stores/alerts.js'
import { decide, recommendations } from '../stores/advice.js'
import { now } from '../stores/clock.js'
import { historyOf } from '../stores/route.js'
import { Mark } from './Mark.js'

export function Needs() {
  if (alerts.value === null || recommendations.value === null) {
    return html`<div class="face skeleton" role="status"><span class="unseen">Loading</span></div>`
  }
  if (alerts.value.length + recommendations.value.length === 0) {
    return html`<p class="all-quiet"><${Mark} kind="ok" word="ok" /> No alert is pending or firing, and there is no open advice.</p>`
  }
  return html`
    <ul class="needs" tabindex="0" aria-label="What needs you">
      ${alerts.value.map((alert) => html`<${AlertRow} key=${alert.id} alert=${alert} />`)}
      ${recommendations.value.map((r) => html`<${AdviceRow} key=${r.id} advice=${r} />`)}
    </ul>`
}

/** @param {{ alert: Alert }} props */
function AlertRow({ alert }) {
  const { busy, error, run } = useAction()
  const from = alert.firing_since ?? alert.pending_since
  return html`
    <li class="need" data-alert=${alert.id} data-alert-state=${alert.state}>
      <${Mark} kind=${alert.state === 'pending' ? 'info' : markOf(alert.severity)} word=${alert.severity} />
      <div class="need-text">
        <a class="need-title" href=${historyOf(print(alert.metric))}>${alert.summary}</a>
        <span class="quiet">${alert.rule} · ${alert.severity}${alert.state === 'pending' ? ` · fires after ${span(alert.for_seconds)}` : ''}</span>
        ${error && html`<span class="problem" role="alert">${error}</span>`}
      </div>
      <span class="need-since" title=${from ? `${alert.state} for ${span(Math.max(1, Math.round(now.value - from)))}` : ''}>
        ${alert.state} ${from ? html`since ${since(from, now.value)}` : DASH}
      </span>
      <span class="need-buttons">
        ${alert.acked_at
          ? html`<span class="quiet">noted ${since(alert.acked_at, now.value)}</span>`
          : html`<button type="button" class="button" disabled=${busy} aria-label=${`Acknowledge: ${alert.summary}`} onClick=${() => run(() => acknowledge(alert.id))}>Ack</button>`}
      </span>
    </li>`
}

/** @param {{ advice: Recommendation }} props */
function AdviceRow({ advice }) {
  const { busy, error, run } = useAction()
  const open = advice.status === 'open'
  return html`
    <li class="need" data-advice=${advice.id}>
      <${Mark} kind=${markOf(advice.severity)} word=${`advice, ${advice.severity}`} />
      <div class="need-text">
        ${advice.query
          ? html`<a class="need-title" href=${historyOf(advice.query)}>${advice.title}</a>`
          : html`<span class="need-title">${advice.title}</span>`}
      </div>
      <span class="need-since">${open ? 'advice' : 'accepted'} since ${since(open ? advice.created : advice.updated, now.value)}</span>
      <span class="need-buttons">
        ${open && html`<button type="button" class="button" disabled=${busy} onClick=${() => run(() => decide(advice.id, 'accept'))}>Accept</button>`}
        <button type="button" class="button" disabled=${busy} onClick=${() => run(() => decide(advice.id, 'applied'))}>Applied</button>
        <button type="button" class="button button-plain" disabled=${busy} onClick=${() => run(() => decide(advice.id, 'dismiss'))}>Dismiss</button>
      </span>
      <div class="need-body">
        <p>${advice.why}</p>
        ${advice.evidence.length > 0 && html`
          <dl class="evidence">${advice.evidence.map((e) => html`<div key=${e.name}><dt>${e.name}</dt><dd>${evidence(e)}</dd></div>`)}</dl>`}
        <p class="next"><span class="quiet">Next</span> ${advice.action}</p>
        ${error && html`<span class="problem" role="alert">${error}</span>`}
      </div>
    </li>`
}

/** A counted figure alone, an estimate with its bounds. @param {Evidence} e */
function evidence(e) {
  if (e.low === null || e.high === null) return format(e.value, e.unit)
  return `${format(e.value, e.unit)} (${format(e.low, e.unit)} to ${format(e.high, e.unit)})`
}
