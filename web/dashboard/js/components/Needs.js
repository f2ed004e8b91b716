/**
 * What needs the reader: what fails and why, alerts with since when and how to take note, advice with why and what next.
 *
 * @import { Alert, Evidence, Recommendation } from '../types.js'
 * @import { Failure } from '../stores/needs.js'
 * @import { Unit } from '../format.js'
 */
import { DASH, format, sentences, since, span } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { print } from '../selector.js'
import { markOf } from '../statuses.js'
import { acknowledge, alerts } from '../stores/alerts.js'
import { decide, recommendations } from '../stores/advice.js'
import { now } from '../stores/clock.js'
import { doubt, failures, firing, needed, noted, openAdvice } from '../stores/needs.js'
import { address, historyOf } from '../stores/place.js'
import { Mark } from './Mark.js'

export function Needs() {
  const known = alerts.value !== null && recommendations.value !== null
  const { alerts: quiet, advice } = noted.value
  return html`
    ${needed.value > 0 && html`
      <ul class="needs" aria-label="What needs you">
        ${failures.value.map((failure) => html`<${FailureRow} key=${failure.key} failure=${failure} />`)}
        ${firing.value.map((alert) => html`<${AlertRow} key=${alert.id} alert=${alert} />`)}
        ${openAdvice.value.map((r) => html`<${AdviceRow} key=${r.id} advice=${r} />`)}
      </ul>`}
    ${needed.value === 0 && !known && html`<div class="face skeleton" role="status"><span class="unseen">Loading</span></div>`}
    ${needed.value === 0 && !doubt.value && html`
      <p class="all-quiet"><${Mark} kind="ok" word="ok" /> All that is watched can be read, no alert fires, and there is no open advice.</p>`}
    ${quiet.length + advice.length > 0 && html`
      <h3>Pending and noted</h3>
      <ul class="needs needs-noted" aria-label="Pending and noted">
        ${quiet.map((alert) => html`<${AlertRow} key=${alert.id} alert=${alert} />`)}
        ${advice.map((r) => html`<${AdviceRow} key=${r.id} advice=${r} />`)}
      </ul>`}`
}

/** @param {{ failure: Failure }} props */
function FailureRow({ failure }) {
  return html`
    <li class="need" data-failure=${failure.key}>
      <${Mark} kind=${failure.mark} word=${failure.word} />
      <div class="need-text">
        <a class="need-title" href=${address('status')}>${failure.title}</a>
      </div>
      <span class="need-since">${failure.since !== null && html`${failure.word} since ${since(failure.since, now.value)}`}</span>
      <span class="need-buttons"></span>
      <div class="need-body"><p>${sentences([failure.detail])}</p></div>
    </li>`
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
          : html`<button type="button" class="button" aria-disabled=${busy} aria-label=${`Ack: ${alert.summary}`} title="Acknowledge: it no longer needs you" onClick=${() => run(() => acknowledge(alert.id))}>Ack</button>`}
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
        ${open && html`<button type="button" class="button" aria-disabled=${busy} onClick=${() => run(() => decide(advice.id, 'accept'))}>Accept</button>`}
        <button type="button" class="button" aria-disabled=${busy} onClick=${() => run(() => decide(advice.id, 'applied'))}>Applied</button>
        <button type="button" class="button button-plain" aria-disabled=${busy} onClick=${() => run(() => decide(advice.id, 'dismiss'))}>Dismiss</button>
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
  const unit = /** @type {Unit} */ (e.unit)
  if (e.low === null || e.high === null) return format(e.value, unit)
  return `${format(e.value, unit)} (${format(e.low, unit)} to ${format(e.high, unit)})`
}
