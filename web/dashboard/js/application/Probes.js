/**
 * The probed targets: whether each answers, how long each phase of its last check took, how often it was up, its certificate.
 *
 * @import { Target } from '../types.js'
 * @import { Phase } from './phases.js'
 */
import { Figure } from '../components/Figure.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Swatch } from '../components/Swatch.js'
import { Table } from '../components/Table.js'
import { age, count, DASH, format, sentences, since, span } from '../format.js'
import { useAnswer, useSamples } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { now } from '../stores/clock.js'
import { address, period, place, range } from '../stores/place.js'
import { past } from '../stores/past.js'
import { newest } from '../stores/samples.js'
import { status } from '../stores/status.js'
import { answerTime, certificate, OTHER, PHASES, phasesOf, worstFirst } from './phases.js'

const BY_PHASE = own('probe_http_duration_seconds')
/** Checks that may be missed before what is known is old. */
const MISSED = 3
/** The share is worked out anew so often. */
const PACE_S = 30

export function Probes() {
  useSamples([BY_PHASE])
  const targets = status.value?.targets ?? []
  const seconds = Math.max(300, Math.round(range.value.seconds))
  const time = Math.floor(period.value.end / PACE_S) * PACE_S
  const { data } = useAnswer('/api/v1/query', { query: `avg_over_time(${own('probe_success')}[${seconds}s])`, time })
  const shares = new Map((data?.result ?? []).map((/** @type {any} */ r) => [r.metric.target, Number(r.value[1])]))
  const samples = newest(BY_PHASE)
  const rows = worstFirst(targets).map((target, order) => ({
    target, order, share: shares.get(target.target) ?? null,
    phases: phasesOf(target, new Map(samples.filter((s) => s.metric.target === target.target).map((s) => [s.metric.phase ?? '', s.v]))),
  }))
  const slowest = Math.max(1e-9, ...rows.map((r) => r.phases.reduce((/** @type {number} */ sum, p) => sum + p.seconds, 0)))
  const face = !status.value ? 'loading' : targets.length ? 'data' : 'empty'
  return html`
    <${Panel} title="Probes" note=${targets.length ? `${count(targets.length, 'target')}${stateWords(targets)}` : ''} name="probes" face=${face}
      aside=${targets.length > 0 && html`<ul class="phase-key">${[...PHASES, OTHER].map((p) => html`<li key=${p.phase}><${Swatch} colour=${p.colour} />${p.word}</li>`)}</ul>`}
      empty=${html`<p class="face-title">Nothing is probed</p><p>Say in Settings.toml what your users need, and start the service again:</p><pre class="copy">[probes.check.shop]${'\n'}url = "https://shop.example/health"</pre>
        <p class="quiet">Whether it answers, how long each phase takes, and until when its certificate is good will stand here.</p>`}>
      <${Table} name="probes" label="Probed targets" rows=${rows} keyOf=${(/** @type {any} */ r) => r.target.target} initial="state" thing="target" shown=${30} chosen=${place.value.item} columns=${columnsOf(slowest, seconds)} />
    <//>`
}

/** @param {number} slowest @param {number} seconds @returns {import('../components/Table.js').Column[]} */
function columnsOf(slowest, seconds) {
  return [
    { key: 'state', title: 'State', value: (r) => r.order, cell: (r) => html`<${State} target=${r.target} />` },
    { key: 'name', title: 'Target', value: (r) => r.target.target, cell: (r) => html`<a class="link" href=${address('application', r.target.target)} data-target=${r.target.target} data-up=${String(r.target.up)} title=${r.target.address}><bdi>${r.target.target}</bdi></a> <span class="quiet">${r.target.kind}</span>` },
    { key: 'phases', title: 'Last check by phase', value: () => null, cell: (r) => (r.phases.length ? html`<${Bar} phases=${r.phases} slowest=${slowest} />` : html`<span class="reason" title=${r.target.reason ?? undefined}>${r.target.reason ?? 'not checked yet'}</span>`) },
    { key: 'time', title: 'Answer', num: true, value: (r) => answerTime(r.target), cell: (r) => html`<${Figure} value=${answerTime(r.target)} unit="seconds" series=${`probe_duration_seconds{target=${JSON.stringify(r.target.target)}}`} label=${`How long ${r.target.target} took to answer`} why=${r.target.reason ?? 'It has not been checked yet.'} />` },
    { key: 'share', title: 'Up', num: true, help: `share of the checks of the last ${span(seconds)} that succeeded`, value: (r) => r.share, cell: (r) => html`<${Figure} value=${r.share} unit="ratio" series=${`probe_success{target=${JSON.stringify(r.target.target)}}`} label=${`Share of the checks of ${r.target.target} that succeeded`} why="It was not checked in this time." />` },
    { key: 'certificate', title: 'Certificate', num: true, help: 'when the first certificate of its chain ends', value: (r) => r.target.certificate_expires, cell: (r) => html`<${Certificate} expires=${r.target.certificate_expires} kind=${r.target.kind} />` },
    { key: 'since', title: 'Since', num: true, value: (r) => r.target.since, cell: (r) => (r.target.since === null ? DASH : since(r.target.since, now.value)) },
  ]
}

/** How many are down, and of how many nobody knows. @param {Target[]} targets */
export function stateWords(targets) {
  const down = targets.filter((t) => t.up === false).length
  const unknown = targets.filter((t) => t.up === null).length
  if (unknown === 0) return down > 0 ? `, ${down} down` : ', none down'
  return `${down > 0 ? `, ${down} down` : ''}, ${unknown} not known`
}

/** @param {{ target: Target }} props */
function State({ target }) {
  const word = target.up === null ? (target.checked_at === null && past.value === null ? 'not checked yet' : 'not known') : target.up ? 'up' : 'down'
  const old = target.checked_at === null ? 0 : now.value - target.checked_at
  return html`<span class="state-word"><${Mark} kind=${target.up ? 'ok' : target.up === false ? 'error' : 'none'} word="" />${word}${old > MISSED * target.interval_seconds + 10 && html` <span class="stale-age">${age(old)} old</span>`}</span>`
}

/** @param {{ phases: Phase[], slowest: number }} props */
function Bar({ phases, slowest }) {
  const words = phases.map((p) => `${p.word} ${format(p.seconds, 'seconds')}`).join(', ')
  let x = 0
  return html`
    <svg class="phases" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label=${words}>
      <title>${words}</title>
      ${phases.map((p) => {
        const width = (p.seconds / slowest) * 100
        x += width
        return html`<rect key=${p.phase} data-phase=${p.phase} x=${x - width} width=${width} height="12" fill=${`var(${p.colour})`} />`
      })}
    </svg>`
}

/** @param {{ expires: number|null, kind: string }} props */
function Certificate({ expires, kind }) {
  const found = certificate(expires, now.value)
  if (!found) return html`<span class="quiet" title=${kind === 'http' ? 'It showed no certificate.' : 'Only HTTPS shows a certificate.'}>${DASH}</span>`
  const days = Math.abs(found.days) < 2 ? span(Math.round(Math.abs(found.days) * 86_400)) : count(Math.floor(Math.abs(found.days)), 'day')
  return html`<span title=${since(/** @type {number} */ (expires), now.value)}>${found.state !== 'ok' && html`<${Mark} kind=${found.state === 'over' ? 'error' : 'warning'} word="" /> `}${found.state === 'over' ? `ended ${days} ago` : `${days} left`}</span>`
}

/** What is said of a target that is chosen, besides its charts. @param {{ target: Target }} props */
export function TargetFacts({ target }) {
  return html`
    <p class="trouble"><${Mark} kind=${target.up ? 'ok' : target.up === false ? 'error' : 'none'} word="" />
      <span>${target.up ? 'Up' : target.up === false ? 'Down' : 'Not known'}${target.since !== null && ` since ${since(target.since, now.value)}`}. ${sentences([target.reason])} <code>${target.address}</code>, checked every ${span(target.interval_seconds)}${target.http_status !== null ? `, last status ${target.http_status}` : ''}.</span></p>`
}
