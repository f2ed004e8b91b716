/**
 * What a piece of advice says when it is open.
 *
 * @import { Evidence, Experiment } from '../types.js'
 * @import { Piece } from './life.js'
 */
import { Mark } from '../components/Mark.js'
import { capital, format, quoted, since } from '../format.js'
import { html } from '../lib.js'
import { minute } from '../stores/pace.js'
import { historyOf } from '../stores/place.js'
import { BeforeAfter } from './BeforeAfter.js'
import { confidenceOf, effortOf, expectedOf, isMoment, outcomeOf, stepsOf } from './life.js'
import { Strip } from './Strip.js'

/** @param {{ advice: Piece, experiment: Experiment|null }} props `experiment`: what follows it, where that is known */
export function Inside({ advice, experiment }) {
  const { status, why, matters, evidence, query, start, end, title, attempts = [] } = advice
  const steps = stepsOf(advice)
  return html`
    <div class="advice-inside">
      <div class="advice-words">
        ${status !== 'open' && status !== 'accepted' && html`<h3>What was seen</h3><p><bdi>${why}</bdi></p>`}
        ${matters && html`<h3>Why it matters</h3><p><bdi>${matters}</bdi></p>`}
        ${steps.length > 0 && html`<h3>What to do</h3>${steps.length === 1 ? html`<p><bdi>${steps[0]}</bdi></p>` : html`<ol>${steps.map((step, i) => html`<li key=${i}><bdi>${step}</bdi></li>`)}</ol>`}`}
        <${Facts} advice=${advice} experiment=${experiment} />
        ${evidence.length > 0 && html`
          <div class="table-wrap" tabindex="0" role="region" aria-label=${`Evidence: ${quoted(title)}`}><table class="evidence-table"><thead><tr><th>Evidence</th><th class="num">Figure</th><th class="num">95 % between</th></tr></thead>
            <tbody>${evidence.map((e) => html`<tr key=${e.name}><td>${e.name}</td><td class="num">${figure(e)}</td><td class="num">${range(e)}</td></tr>`)}</tbody></table></div>`}
        ${attempts.length > 0 && html`<h3>What became of it before</h3><ul class="advice-attempts">${[...attempts].reverse().map((attempt) => html`<${Before} key=${attempt.at} attempt=${attempt} />`)}</ul>`}
      </div>
      <div class="advice-pictures">
        ${experiment && experiment.pairs.length > 0 && html`<h3>Before and after</h3><${BeforeAfter} experiment=${experiment} />`}
        ${query && html`<${Strip} query=${query} start=${start} end=${end} title=${title} moments=${evidence.filter(isMoment).map(({ value }) => value)} />`}
      </div>
    </div>`
}

/** @param {{ advice: Piece, experiment: Experiment|null }} props */
function Facts({ advice, experiment }) {
  const { expected, expected_missing: unexpected, refuted_by: refuted, measure_missing: unmeasured, gone_at: gone, verdict } = advice
  const [effort, confidence] = [effortOf(advice), confidenceOf(advice)]
  const missing = verdict?.missing ?? experiment?.missing
  return html`
    <dl class="pairs advice-facts">
      ${expected && html`<dt>To expect</dt><dd>${capital(expectedOf(advice))} <span class="quiet">taken from ${expected.basis}</span></dd>`}
      ${!expected && unexpected && html`<dt>To expect</dt><dd class="quiet">${capital(unexpected)}</dd>`}
      ${effort && html`<dt>Effort</dt><dd>${capital(effort)}</dd>`}
      ${confidence && html`<dt>Confidence</dt><dd>${capital(confidence)}</dd>`}
      ${refuted && html`<dt>Refuted by</dt><dd>${refuted}</dd>`}
      ${unmeasured && html`<dt>Effect</dt><dd class="quiet">${capital(unmeasured)}</dd>`}
      ${gone !== null && gone !== undefined && html`<dt>No longer seen</dt><dd>since ${since(gone, minute.value)}</dd>`}
      ${missing && html`<dt>Missing</dt><dd><bdi>${missing}</bdi></dd>`}
      ${experiment && experiment.others.length > 0 && html`<dt>Changed too</dt><dd>${experiment.others.map((other) => html`<div key=${other.id}><bdi>${other.title}</bdi>, ${since(other.at, minute.value)}</div>`)}</dd>`}
      ${experiment && html`<dt>Compared</dt><dd><a class="link" href=${historyOf(experiment.expr)}>Look at its history</a> <code class="quiet"><bdi>${quoted(experiment.expr, 200)}</bdi></code></dd>`}
    </dl>`
}

/** @param {{ attempt: import('../types.js').Attempt }} props */
function Before({ attempt }) {
  const { word, mark } = outcomeOf(attempt)
  return html`<li><${Mark} kind=${mark} word="" /> <span><span class="num">${since(attempt.at, minute.value)}</span>: ${word}${attempt.sentence && html`. <bdi class="quiet">${quoted(attempt.sentence, 400)}</bdi>`}</span></li>`
}

/** A figure; a moment is said as one. @param {Evidence} e */
const figure = (e) => said(e, e.value)
/** One of the numbers of a figure. @param {Evidence} e @param {number|null} value */
const said = (e, value) => (isMoment(e) && value !== null ? since(value, minute.value) : format(value, unit(e)))

/** The interval of an estimate. One without an upper end may never come. @param {Evidence} e */
const range = (e) => e.low === null ? 'counted' : e.high === null ? `${said(e, e.low)} and never` : `${said(e, e.low)} and ${said(e, e.high)}`

/** @param {Evidence} e */
const unit = (e) => /** @type {import('../format.js').Unit} */ (e.unit)
