/**
 * APPLICATION: whether each probed target answers, how fast, since when it does not and why.
 *
 * @import { Target } from '../types.js'
 */
import { age, count, sentences, since, span } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { historyOf } from '../stores/place.js'
import { sourcesOf, status } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { SourceLine } from './SourceLine.js'
import { Spark } from './Spark.js'

/** Targets that have a line of their own; those that are down come first. */
const MOST = 6
/** A certificate that ends sooner is worth a word. */
const SOON_S = 14 * 86400
/** Checks that may be missed before what is known is old. */
const MISSED = 3

export function ApplicationCard() {
  const targets = [...(status.value?.targets ?? [])].sort((a, b) => rank(a) - rank(b) || a.target.localeCompare(b.target))
  const others = sourcesOf('scrape', 'otlp').filter((s) => s.up !== null)
  // Nothing is known of any of them: that is a matter of the checks, not of the targets.
  const unknown = targets.length > 0 && targets.every((t) => t.up === null && t.checked_at !== null)
  const face = !status.value ? 'loading' : unknown ? 'error' : targets.length + others.length === 0 ? 'empty' : 'data'
  const down = targets.filter((t) => t.up === false).length
  const failing = others.filter((s) => s.up === false)
  return html`
    <${Panel} title="Application" kind="card" name="application" face=${face} error=${sentences(targets.map((t) => `${t.target}: ${t.reason}`))}
      aside=${targets.length > 0 && html`<span class="note">${down === 0 ? count(targets.length, 'target') : `${down} of ${targets.length} down`}</span>`}
      empty=${html`<p class="face-title"><${Mark} kind="none" word="not connected" /> Nothing is probed</p>
        <p>Say in Settings.toml what your users need, and start the service again:</p>
        <pre class="copy">[probes.check.shop]${'\n'}url = "https://shop.example/health"</pre>
        <p class="quiet">Whether it answers, how fast, and until when its certificate is good will stand here.</p>`}>
      ${targets.slice(0, MOST).map((target) => html`<${TargetRow} key=${target.target} target=${target} />`)}
      ${targets.length > MOST && html`<p class="quiet">and ${count(targets.length - MOST, 'target')} more${targets.slice(MOST).every((t) => t.up) ? ', all up' : ''}</p>`}
      ${targets.filter((t) => t.up !== true && t.reason).map((target) => html`<${Trouble} key=${target.target} target=${target} />`)}
      ${targets.map((target) => html`<${Ends} key=${target.target} target=${target} />`)}
      ${failing.length > 0 && html`<ul class="sources">${failing.map((s) => html`<${SourceLine} key=${s.source} source=${s} />`)}</ul>`}
      ${others.length > failing.length && html`<p class="quiet">${count(others.length - failing.length, 'other source')} of its metrics ${others.length - failing.length === 1 ? 'is' : 'are'} up</p>`}
    <//>`
}

/** @param {Target} target */
const rank = (target) => (target.up === false ? 0 : target.up === null ? 1 : 2)

/** @param {Target} target */
const word = (target) => (target.up === null ? (target.checked_at === null ? 'not checked yet' : 'not known') : target.up ? 'up' : 'down')

/** @param {string} metric @param {Target} target */
const seriesOf = (metric, target) => `${metric}{target=${JSON.stringify(target.target)}}`

/** @param {{ target: Target }} props */
function TargetRow({ target }) {
  const latency = seriesOf('probe_duration_seconds', target)
  const old = target.checked_at === null ? 0 : now.value - target.checked_at
  // How long a refused connection took is no latency of anything.
  const answered = target.up === true || target.http_status !== null
  const stale = old > MISSED * target.interval_seconds + 10
  const name = html`<span data-target=${target.target} data-up=${String(target.up)} title=${`${target.target}: ${target.address}`}>${target.target}</span>`
  return html`
    <${Row} name=${name}
      figure=${html`<${Figure} value=${answered ? target.duration_seconds : null} unit="seconds" series=${latency} label=${`How long the check of ${target.target} took`}
        why=${target.reason ?? 'It has not been checked yet.'} />`}
      detail=${html`<a href=${historyOf(seriesOf('probe_success', target))} title=${target.since === null ? '' : `since ${since(target.since, now.value)}`}>
        <${Mark} kind=${target.up ? 'ok' : target.up === false ? 'error' : 'none'} word="" /> ${word(target)}</a>${stale && html` <span class="stale-age">${age(old)} old</span>`}`}
      spark=${html`<${Spark} selector=${latency} />`} />`
}

/** @param {{ target: Target }} props */
function Trouble({ target }) {
  return html`
    <p class="trouble" role="alert">
      <${Mark} kind=${target.up === false ? 'error' : 'warning'} word=${word(target)} />
      <span>${sentences([`${target.target}: ${target.reason}`])}${target.since !== null && html` <span class="quiet">since ${since(target.since, now.value)}</span>`}</span>
    </p>`
}

/** A certificate that ends soon, or has ended. @param {{ target: Target }} props */
function Ends({ target }) {
  if (target.certificate_expires === null) return null
  const left = target.certificate_expires - now.value
  if (left > SOON_S) return null
  return html`
    <p class="trouble">
      <${Mark} kind="warning" word="warning" />
      <span>${`The certificate of ${target.target} ${left < 0 ? `ended ${span(Math.round(-left))} ago` : `ends in ${span(Math.round(left))}`}.`}</span>
    </p>`
}
