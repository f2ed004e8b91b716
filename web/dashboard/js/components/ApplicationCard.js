/**
 * APPLICATION: the health score, whether the probed targets answer, the slowest, the certificate that ends first, and programs that show metrics.
 *
 * @import { Source, Status, Target } from '../types.js'
 */
import { age, count, DASH, format, quoted, since, span } from '../format.js'
import { useFeeds } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { minute } from '../stores/pace.js'
import { address } from '../stores/place.js'
import { sourcesOf, status } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Panel } from './Panel.js'
import { Row } from './Row.js'
import { Spark } from './Spark.js'

const SCORE = 'taskpulse_health_score'
/** A certificate that ends sooner is worth a mark. */
const SOON_S = 14 * 86400
/** Checks that may be missed before what is known is old. */
const MISSED = 3

export function ApplicationCard() {
  const s = status.value
  // Asked for together with the lines of the other cards, before the status is there.
  useFeeds([own(SCORE)])
  return html`
    <${Panel} title="Application" kind="card" name="application" face=${s ? 'data' : 'loading'}>
      ${s && html`<${Health} health=${s.health} />
        <${Targets} targets=${s.targets} />
        <${Slowest} targets=${s.targets} />
        <${Certificate} targets=${s.targets} />
        <${Programs} sources=${sourcesOf('scrape', 'otlp').filter((x) => x.up !== null)} />`}
    <//>`
}

/** @param {{ health: Status['health'] }} props */
function Health({ health }) {
  const low = health.parts.filter((p) => p.score !== null && p.score < 70).sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
  const words = low.length > 0 ? `low: ${low.map((p) => `${p.part} ${Math.round(p.score ?? 0)}`).join(', ')}` : health.score === null ? 'not known yet' : 'of 100'
  return html`
    <${Row} name="health" metric=${SCORE} figure=${html`<${Figure} value=${health.score} unit="score" series=${SCORE} label="Health score, of 100" why=${health.missing.map((m) => `${m.part}: ${m.why}`).join('; ') || 'Not computed yet.'} />`}
      detail=${words && html`<a href=${address('application')} title=${low.map((p) => `${p.part}: ${p.why}`).join('; ') || undefined}>${words}</a>`} spark=${html`<${Spark} selector=${own(SCORE)} top=${100} />`} />`
}

/** A figure that stands alone: a dash with the reason where there is none. @param {string} why */
const none = (why) => html`<span class="figure figure-none" title=${why}>${DASH}</span>`

/** @param {{ targets: Target[] }} props */
function Targets({ targets }) {
  const down = targets.filter((t) => t.up === false).sort((a, b) => (a.since ?? 0) - (b.since ?? 0))
  const unknown = targets.filter((t) => t.up === null)
  const [first] = down
  if (targets.length === 0) return html`<${Row} name="targets" figure=${none('No target is probed: name one in Settings.toml as [probes.check.NAME]')} detail=${html`<a href=${address('application')}>none is probed</a>`} />`
  const trouble = first ? `${quoted(first.target)} is down${first.since === null ? '' : ` since ${since(first.since, minute.value)}`}${first.reason ? `: ${quoted(first.reason, 200)}` : ''}` : ''
  const detail = first ? html`<a href=${address('application', first.target)} title=${trouble}><bdi>${quoted(first.target)}</bdi> down${first.since === null ? '' : ` since ${since(first.since, minute.value)}`}</a>`
    : unknown.length > 0 ? html`<span title=${unknown.map((t) => `${quoted(t.target)}: ${t.reason ?? 'not checked yet'}`).slice(0, 10).join('; ')}>${unknown.length} not known</span>` : html`<a href=${address('application')}>all up</a>`
  return html`
    <${Row} name="targets" trouble=${trouble} figure=${html`<a class="figure" href=${address('explore', '', { query: 'probe_success' })} title="Targets that are up: show their history">${targets.length - down.length - unknown.length}/${targets.length}</a>`}
      detail=${html`<span data-down=${down.length}>${detail}</span>`} />`
}

/** What answered last and took longest. How long a refused connection took is no time of anything. @param {{ targets: Target[] }} props */
function Slowest({ targets }) {
  const [slowest] = targets.filter((t) => t.duration_seconds !== null && (t.up === true || t.http_status !== null)).sort((a, b) => (b.duration_seconds ?? 0) - (a.duration_seconds ?? 0))
  if (!slowest) return html`<${Row} name="slowest" figure=${none(targets.length > 0 ? 'No target has answered' : 'No target is probed')} />`
  const series = `probe_duration_seconds{target=${JSON.stringify(slowest.target)}}`
  const old = slowest.checked_at === null ? 0 : minute.value - slowest.checked_at
  return html`
    <${Row} name="slowest" metric="probe_duration_seconds" figure=${html`<${Figure} value=${slowest.duration_seconds} unit="seconds" series=${series} label=${`How long the check of ${quoted(slowest.target)} took`} />`}
      detail=${html`<a href=${address('application', slowest.target)} title=${slowest.target}><bdi>${slowest.target}</bdi></a>${old > MISSED * slowest.interval_seconds + 70 && html` <span class="stale-age">${age(old)} old</span>`}`}
      spark=${html`<${Spark} selector=${own(series)} />`} />`
}

/** @param {{ targets: Target[] }} props */
function Certificate({ targets }) {
  const [first] = targets.filter((t) => t.certificate_expires !== null).sort((a, b) => (a.certificate_expires ?? 0) - (b.certificate_expires ?? 0))
  if (!first || first.certificate_expires === null) return html`<${Row} name="certificate" figure=${none('No probed target has a certificate')} detail="none is seen" />`
  const left = first.certificate_expires - minute.value
  const trouble = left > SOON_S ? '' : `The certificate of ${quoted(first.target)} ${left < 0 ? `ended ${span(Math.round(-left))} ago` : `ends in ${span(Math.round(left))}`}`
  return html`
    <${Row} name="certificate" trouble=${trouble} figure=${html`<b class="figure" title=${`until ${since(first.certificate_expires, minute.value)}`}>${left < 0 ? 'ended' : age(left)}</b>`}
      detail=${html`<a href=${address('application', first.target)} title=${first.target}><bdi>${first.target}</bdi></a>`} />`
}

/** @param {{ sources: Source[] }} props */
function Programs({ sources }) {
  const failing = sources.filter((x) => x.up === false)
  const [first] = failing
  if (sources.length === 0) return html`<${Row} name="programs" figure=${none('No program sends or shows metrics')} detail=${html`<a href=${address('application')}>none shows metrics</a>`} />`
  const trouble = first ? `${quoted(first.source)} cannot be read: ${quoted(first.reason ?? 'no reason is known', 200)}` : ''
  return html`
    <${Row} name="programs" trouble=${trouble} figure=${html`<b class="figure">${format(sources.length - failing.length, 'count')}/${sources.length}</b>`}
      detail=${first ? html`<span title=${trouble}><bdi>${quoted(first.source)}</bdi> cannot be read</span>` : count(sources.length, 'source of metrics', 'sources of metrics')} />`
}
