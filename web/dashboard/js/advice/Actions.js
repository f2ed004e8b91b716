/**
 * Automated actions: what the settings bind to advice, what became of it, and how it is undone. Shown where anything is bound.
 *
 * @import { ActionBinding, ActionReport, ActionRun, Actions } from '../types.js'
 * @import { Piece } from './life.js'
 */
import { Fold } from '../alerts/Fold.js'
import { follow, takesFocus } from '../alerts/focus.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { count, quoted, since, span } from '../format.js'
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { changeRun, runAction } from '../stores/actions.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { historyOf } from '../stores/place.js'
import { bindingOf, choicesOf, guardOf, guardValuesOf, isConfigured, modeOf, standingOf, stepOf, waitOf } from './runs.js'

/** Runs that are listed before the reader asks for all. */
const SHOWN = 8

/** @param {{ actions: Actions|null }} props */
export function ActionsPanel({ actions }) {
  const [all, show] = useState(false)
  if (actions === null || !isConfigured(actions)) return null
  const { off, bindings, runs } = actions
  // What needs somebody is there however old it is.
  const shown = runs.filter((run, i) => all || i < SHOWN || run.needs_person)
  const note = [count(bindings.length, 'binding'), runs.length > 0 && count(runs.length, 'run'), replayed.value !== null && 'as they are now'].filter(Boolean).join(' · ')
  return html`
    <${Panel} title="Automated actions" name="actions" note=${note} face="data" live=${false}>
      ${off !== null && html`<p class="row-said">Nothing runs: <bdi>${off}</bdi></p>`}
      <ul class="alert-rows" data-stand="bindings">${bindings.map((binding) => html`<${Bound} key=${binding.advisor} actions=${actions} binding=${binding} />`)}</ul>
      ${runs.length > 0 && html`<h3 class="actions-runs">Runs</h3><ul class="alert-rows" data-stand="runs">${shown.map((run) => html`<${RunRow} key=${run.id} run=${run} />`)}</ul>`}
      ${runs.length > shown.length && html`<p class="more"><button type="button" class="button" onClick=${() => show(true)}>Show ${count(runs.length - shown.length, 'more run')}</button></p>`}
    <//>`
}

/** That nothing is bound, and where to read on. */
export const NoActions = () => html`<p class="advice-none quiet">No advice is carried out automatically: no command is bound to any. How one is bound, watched and undone is in <code>docs/ACTIONS.md</code>.</p>`

/** @param {{ actions: Actions, binding: ActionBinding }} props */
function Bound({ actions, binding }) {
  const { advisor, guard } = binding
  const wait = waitOf(actions, binding, minute.value, (t) => since(t, minute.value))
  return html`
    <${Fold} name=${`binding ${advisor}`} title=${html`<span class="fold-title"><code><bdi>${advisor}</bdi></code></span><span class="quiet">runs ${modeOf(binding)}</span>`} aside=${wait && html`<span class="need-since">${wait}</span>`}>
      ${() => html`
        <dl class="pairs instance-details">
          <dt>Dry run</dt><dd><code><bdi>${binding.dry_run}</bdi></code></dd>
          <dt>Command</dt><dd><code><bdi>${binding.command}</bdi></code></dd>
          <dt>Undo</dt><dd><code><bdi>${binding.undo}</bdi></code></dd>
          <dt>Guard</dt><dd><a class="link" href=${historyOf(guard.query)}><code><bdi>${quoted(guard.query, 200)}</bdi></code></a> ${guardOf(guard)}</dd>
          <dt>Limits</dt><dd>each command ${span(binding.timeout)} at the most, the next run ${span(binding.cooldown)} after the last</dd>
        </dl>`}
    <//>`
}

/** @param {{ run: ActionRun }} props */
function RunRow({ run }) {
  const { id, title, state, reason, by, planned_at: planned, watch_until: until } = run
  const { word, mark } = standingOf(state)
  const { busy, error, run: work } = useAction()
  /** @param {'undo'|'resolve'} what */
  const act = (what) => {
    if (busy) return
    follow(`run ${id}`)
    work(() => changeRun(id, what))
  }
  const stand = state === 'watching' && until !== null ? `${word} until ${since(until, minute.value)}` : word
  const guard = guardValuesOf(run)
  return html`
    <${Fold} name=${`run ${id}`} title=${html`<${Mark} kind=${mark} word="" /><span class="fold-title"><bdi>${quoted(title, 200)}</bdi></span><span class="quiet">${stand}</span>`}
      aside=${html`<span class="need-since">${since(planned, minute.value)}</span><span class="need-buttons">
        ${error && html`<span class="problem" role="alert">${error}</span>`}
        ${replayed.value === null && choicesOf(run).map((what, i) => html`<button key=${what} type="button" class="button" ref=${i === 0 ? takesFocus(`run ${id}`) : undefined} data-act=${what} aria-disabled=${busy} aria-label=${`${WORDS[what]}: ${quoted(title, 200)}`} onClick=${() => act(what)}>${WORDS[what]}</button>`)}</span>`}
      below=${reason && html`<bdi>${quoted(reason, 400)}</bdi>`}>
      ${() => html`
        <p>${by === 'person' ? 'Asked for by a person' : 'By itself, as the settings allow'}${guard && `. The guard was ${guard}`}.</p>
        ${run.steps.map((step) => html`<${Said} key=${`${step.step} ${step.started}`} report=${step} />`)}`}
    <//>`
}

/** @type {Record<'undo'|'resolve', string>} */
const WORDS = { undo: 'Undo', resolve: 'Seen to' }

/** @param {{ report: ActionReport }} props */
const Said = ({ report }) => html`
  <p>The ${stepOf(report)} ended with ${report.exit} after ${span(Math.max(0, report.ended - report.started))}${report.output ? ':' : ' and printed nothing.'}</p>
  ${report.output && html`<pre class="run-output" tabindex="0" aria-label=${`What the ${stepOf(report)} printed`}><bdi>${report.output}</bdi></pre>`}`

/** Carries a piece out, where the settings bind a command to it: asked first. @param {{ actions: Actions|null, advice: Piece }} props */
export function RunPiece({ actions, advice: { id, status, title } }) {
  const [asking, ask] = useState(false)
  const { busy, error, run: work } = useAction()
  const binding = bindingOf(actions, id)
  if (actions === null || binding === null || replayed.value !== null || (status !== 'open' && status !== 'accepted')) return null
  const wait = waitOf(actions, binding, minute.value, (t) => since(t, minute.value))
  const back = () => {
    follow(`run button ${id}`)
    ask(false)
  }
  const start = () => work(async () => {
    await runAction(id)
    back()
  })
  if (wait) return html`<p class="row-said quiet">The settings have a command for this: ${wait}.</p>`
  if (!asking) {
    return html`<p class="row-said"><span>The settings have a command for this.</span> <button type="button" class="button" data-act="run" ref=${takesFocus(`run button ${id}`)} aria-label=${`Run: ${quoted(title, 200)}`} onClick=${() => { follow(`run form ${id}`); ask(true) }}>Run</button></p>`
  }
  return html`
    <form class="row-form" aria-label=${`Run: ${quoted(title, 200)}`} onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); start() }} onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { e.preventDefault(); back() } }}>
      <span class="row-form-wide"><code><bdi>${binding.command}</bdi></code> runs after its dry run. It is undone if <code><bdi>${quoted(binding.guard.query, 200)}</bdi></code> fails its guard: it ${guardOf(binding.guard)}.</span>
      <span class="row-form-buttons"><button type="submit" class="button button-main" ref=${takesFocus(`run form ${id}`)} aria-disabled=${busy}>Run it</button><button type="button" class="button" onClick=${back}>Cancel</button></span>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}
