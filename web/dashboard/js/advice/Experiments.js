/**
 * Did it help? Changes that were marked, each with what became of its series, and those that the reader has just removed.
 *
 * @import { Experiment } from '../types.js'
 */
import { listFace } from '../components/faces.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { count, since } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { now, replayed } from '../stores/clock.js'
import { removedHere, removeExperiment, restoreExperiment } from '../stores/experiments.js'
import { minute } from '../stores/pace.js'
import { historyOf } from '../stores/place.js'
import { Fold } from '../alerts/Fold.js'
import { follow, takesFocus } from '../alerts/focus.js'
import { Undone } from '../alerts/Undone.js'
import { BeforeAfter } from './BeforeAfter.js'
import { figures, nameOf, standing } from './helped.js'

/** @param {{ answer: ReturnType<typeof import('../stores/experiments.js').useExperiments>, own: Set<string> }} props `own`: those that are shown with the advice that they follow */
export function Experiments({ answer: { list, error, failedAt, state, retry }, own }) {
  const there = (list ?? []).filter(({ id }) => !own.has(id))
  const gone = removedHere.value.filter(({ id }) => !there.some((one) => one.id === id))
  const note = list ? [there.length > 0 && count(there.length, 'change'), replayed.value !== null && 'as they are now'].filter(Boolean).join(' · ') : ''
  return html`
    <${Panel} title="Did it help?" name="experiments" note=${note} live=${false} face=${listFace(state, there.length + gone.length)}
      error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}
      empty=${html`<p>No change is followed. Mark one in the menu of a chart, Did it help?: its series is compared with the same hours of the weeks before, for up to four weeks, and what became of it is said here.</p>`}>
      <ul class="alert-rows" data-stand="experiments">
        ${there.map((experiment) => html`<${Row} key=${experiment.id} experiment=${experiment} />`)}
        ${gone.map((experiment) => html`<${Undone} key=${`gone ${experiment.id}`} row=${`gone ${experiment.id}`} title=${nameOf(experiment)} word="removed" label=${`Undo: ${nameOf(experiment)} is no longer followed`} undo=${() => { follow(`experiment ${experiment.id}`); return restoreExperiment(experiment) }} />`)}
      </ul>
    <//>`
}

/** @param {{ experiment: Experiment }} props */
function Row({ experiment }) {
  const { id, state, sentence, at, final: over, judged_from: from } = experiment
  const { busy, error, run } = useAction()
  const { word, mark } = standing(state)
  const { means, interval } = figures(experiment)
  const remove = () => {
    if (busy) return
    follow(`gone ${id}`)
    run(() => removeExperiment(experiment))
  }
  const stand = state === 'too_early' && from !== null ? `${word}, from ${since(from, minute.value)} on` : over ? `${word}, for good` : word
  return html`
    <${Fold} name=${`experiment ${id}`} title=${html`<${Mark} kind=${mark} word="" /><span class="fold-title"><bdi>${nameOf(experiment)}</bdi></span><span class="quiet">${stand}</span>`}
      aside=${html`<span class="need-since num">${means}</span><span class="need-since num">${interval}</span><span class="need-buttons">
        ${error && html`<span class="problem" role="alert">${error}</span>`}
        ${replayed.value === null && html`<button type="button" class="button" ref=${takesFocus(`experiment ${id}`)} aria-disabled=${busy} aria-label=${`Remove: ${nameOf(experiment)}`} onClick=${remove}>Remove</button>`}</span>`}
      below=${html`<bdi>${sentence}</bdi>`}>
      ${() => html`
        <dl class="pairs instance-details">
          <dt>Changed</dt><dd>${since(at, minute.value)}</dd>
          <dt>Better is</dt><dd>${experiment.direction}</dd>
          ${experiment.missing && html`<dt>Missing</dt><dd><bdi>${experiment.missing}</bdi></dd>`}
          ${experiment.others.length > 0 && html`<dt>Changed too</dt><dd>${experiment.others.map((other) => html`<div key=${other.id}><bdi>${other.title}</bdi>, ${since(other.at, minute.value)}</div>`)}</dd>`}
          <dt>Query</dt><dd><a class="link" href=${historyOf(experiment.expr)}>Look at its history</a> <code class="quiet"><bdi>${experiment.expr}</bdi></code></dd>
        </dl>
        ${experiment.pairs.length > 0 && html`<${BeforeAfter} experiment=${experiment} />`}`}
    <//>`
}
