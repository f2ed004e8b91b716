/**
 * The rules: what each watches for, how it stands, when it fired in the period, and its value against the threshold.
 *
 * @import { Alert, Rule } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { count, span } from '../format.js'
import { html } from '../lib.js'
import { markOf } from '../statuses.js'
import { alerts, endedAlerts } from '../stores/alerts.js'
import { period } from '../stores/place.js'
import { Fold } from './Fold.js'
import { conditionWords, sinceOf, stateOf } from './grouping.js'
import { ValueChart } from './ValueChart.js'

/** Times that a lane shows; beyond, they would lie on one another. */
const MOST_SPANS = 300
const WIDTH = 1000

/** @param {{ list: Rule[] }} props */
export const Rules = ({ list }) => html`<ul class="alert-rows rules" data-stand="rules">${list.map((rule) => html`<${Row} key=${rule.name} rule=${rule} />`)}</ul>`

/** @param {{ rule: Rule }} props */
function Row({ rule }) {
  const own = (alerts.value ?? []).filter((a) => a.rule === rule.name)
  const past = endedAlerts.value.filter((a) => a.rule === rule.name)
  const state = stateOf(own)
  const fired = past.length + own.filter((a) => a.state === 'firing').length
  return html`
    <${Fold} name=${`rule ${rule.name}`} title=${html`<${Mark} kind=${state === 'firing' ? markOf(rule.severity) : state === 'pending' ? 'info' : 'ok'} word=${state} /><span class="fold-title"><bdi>${conditionWords(rule)}</bdi></span>`}
      aside=${html`<${Lane} spans=${[...past, ...own.filter((a) => a.state === 'firing')]} severity=${rule.severity} words=${fired === 0 ? 'did not fire' : `fired ${count(fired, 'time')}`} /><span class="rule-state">${state}</span>`}>
      ${() => html`
        ${rule.metric && html`<${ValueChart} name=${rule.metric} query=${conditionOf(rule)} threshold=${rule.threshold} />`}
        <dl class="pairs instance-details">
          <dt>Severity</dt><dd>${rule.severity}</dd>
          <dt>Fires</dt><dd>${rule.duration > 0 ? `when it has lasted ${span(rule.duration)}` : 'at once'}${rule.cooldown > 0 ? `, at most every ${span(rule.cooldown)}` : ''}</dd>
          <dt>In this time</dt><dd>${fired === 0 ? 'did not fire' : `fired ${count(fired, 'time')}`}</dd>
          <dt>Condition</dt><dd><code><bdi>${rule.query}</bdi></code></dd>
          <dt>Set in</dt><dd><code>[alerts.rules.${rule.name}]</code></dd>
        </dl>`}
    <//>`
}

/** What the condition compares, without the comparison. @param {Rule} rule */
const conditionOf = ({ query, metric, op }) => (op !== null && query.includes(op) ? query.slice(0, query.lastIndexOf(op)).trim() : metric ?? query)

/** When it fired, on the period in view. @param {{ spans: Alert[], severity: import('../types.js').Severity, words: string }} props */
function Lane({ spans, severity, words }) {
  const { start, end } = period.value
  const x = (/** @type {number} */ t) => Math.max(0, Math.min(WIDTH, ((t - start) / (end - start)) * WIDTH))
  const seen = spans.filter((a) => (a.resolved_at ?? end) >= start && sinceOf(a) <= end).slice(0, MOST_SPANS)
  return html`
    <svg class="rule-lane" viewBox="0 0 ${WIDTH} 12" preserveAspectRatio="none" role="img" aria-label=${words}>
      <rect class="rule-lane-ground" x="0" y="5.5" width=${WIDTH} height="1" />
      ${seen.map((a) => html`<rect class=${`lane-${markOf(severity)}`} x=${x(sinceOf(a))} y="1" width=${Math.max(2, x(a.resolved_at ?? end) - x(sinceOf(a)))} height="10" />`)}
    </svg>`
}
