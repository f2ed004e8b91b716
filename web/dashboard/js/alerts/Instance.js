/**
 * One alert: what it says, since when, and taking note of it, with a note, which can be taken back.
 *
 * @import { AgentAtWork, Alert } from '../types.js'
 */
import { agentName, folderName, keyOf, shortId } from '../agents/words.js'
import { Mark } from '../components/Mark.js'
import { DASH, format, quoted, since, span, unitOf } from '../format.js'
import { headline } from '../headline.js'
import { useAction } from '../hooks.js'
import { html, useState } from '../lib.js'
import { print } from '../selector.js'
import { markOf } from '../statuses.js'
import { acknowledge, alerts as allAlerts, takeBack } from '../stores/alerts.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { address, historyOf } from '../stores/place.js'
import { heldNow } from '../stores/silences.js'
import { standOf, standWords } from './grouping.js'
import { follow, takesFocus } from './focus.js'
import { holdingOf } from './holding.js'
import { Silence, SilenceOf } from './Silence.js'

const LONGEST_NOTE = 500

/** @param {{ alert: Alert, alone: boolean }} props `alone`: the only one of its row, whose headline says the same */
export function Instance({ alert, alone }) {
  const words = headline(alert, minute.value)
  const [asking, ask] = useState(false)
  const holding = holdingOf([alert], heldNow.value, allAlerts.value ?? [], minute.value)
  const id = `alert ${alert.id}`
  return html`
    <li class="instance" data-alert=${alert.id} data-stand=${standOf(alert)}>
      ${!alone && html`
        <${Mark} kind=${alert.state === 'pending' ? 'info' : markOf(alert.severity)} word=${alert.state} />
        <a class="instance-title" href=${historyOf(print(alert.metric))}><bdi>${words}</bdi></a>
        <span class="need-since">${standWords([alert], minute.value)}${holding.words && ` · ${holding.words}`}</span>`}
      ${!alone && html`<span class="need-buttons"><${Acknowledge} alert=${alert} />${alert.state !== 'pending' && html`<${Silence} id=${id} title=${words} silences=${holding.silences} open=${asking} toggle=${() => ask(!asking)} />`}</span>`}
      ${asking && html`<${SilenceOf} id=${id} title=${words} alerts=${[alert]} alone close=${() => ask(false)} />`}
      <${Details} alert=${alert} />
    </li>`
}

/** @param {{ alert: Alert }} props */
export function Acknowledge({ alert }) {
  const { busy, error, run } = useAction()
  // Nobody takes note of what was.
  if (replayed.value !== null) return null
  const acked = alert.acked_at !== null
  const words = headline(alert, minute.value)
  const act = () => {
    follow(alert.id)
    run(() => (acked ? takeBack(alert.id) : acknowledge(alert.id)))
  }
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    <button type="button" class="button" data-act="acknowledge" ref=${takesFocus(alert.id)} aria-disabled=${busy} aria-label=${acked ? `Undo: ${words} is acknowledged` : `Acknowledge: ${words}`} onClick=${() => { if (!busy) act() }}>${acked ? 'Undo' : 'Acknowledge'}</button>`
}

/** @param {{ alert: Alert }} props */
function Details({ alert }) {
  const name = alert.metric.__name__ ?? ''
  // What was busy and what moved, in words that claim no cause.
  const why = alert.explanation?.lines ?? alert.busiest
  const said = alert.explanation?.said ?? []
  const agents = alert.explanation?.agents ?? []
  return html`
    <dl class="pairs instance-details">
      <dt>Value</dt><dd><a class="figure" href=${historyOf(print(alert.metric))}>${alert.value === null ? DASH : format(alert.value, unitOf(name))}</a> <span class="quiet">at ${since(alert.last_sample, minute.value)}</span></dd>
      ${alert.state === 'pending' && html`<dt>Fires</dt><dd>when it has lasted ${span(alert.for_seconds)}</dd>`}
      ${alert.state === 'unknown' && alert.reason && html`<dt>Not known</dt><dd><bdi>${alert.reason}</bdi></dd>`}
      ${why.length > 0 && html`<dt>Beside it</dt><dd>${why.map((line) => html`<p class="why" key=${line}><bdi>${line}</bdi></p>`)}</dd>`}
      ${agents.length > 0 && html`<dt>Agents</dt><dd>${agents.map((one) => html`<p class="why" key=${keyOf(one)}><${AtWork} one=${one} /></p>`)}</dd>`}
      ${said.length > 0 && html`<dt>Said</dt><dd>${said.map(({ at, text }) => html`<p class="why" key=${`${at} ${text}`}><code><bdi>${text}</bdi></code> <span class="quiet">${since(at, minute.value)}</span></p>`)}</dd>`}
      ${alert.acked_at !== null && html`<dt>Acknowledged</dt><dd>${since(alert.acked_at, minute.value)}</dd><dt>Note</dt><dd><${Note} alert=${alert} /></dd>`}
      <dt>Series</dt><dd><code><bdi>${print(alert.metric)}</bdi></code></dd>
    </dl>`
}

/** A session that worked then, leading to it; that it is why, nobody says. @param {{ one: AgentAtWork }} props */
function AtWork({ one }) {
  const { task, folder, commit } = one
  const where = [task && `task ${quoted(task, 24)}`, folder && quoted(folderName(folder), 40)].filter(Boolean).join(', ')
  return html`<a class="link" href=${address('agents', '', { session: keyOf(one) })}>${agentName(one.agent)} <span class="task-id">${shortId(one.id)}</span></a> ${where} <span class="quiet">${commit ? html`the failed run was of its commit <code>${commit.slice(0, 10)}</code>` : 'worked then, and its processes used much of it'}</span>`
}

/** @param {{ alert: Alert }} props */
function Note({ alert }) {
  const [draft, setDraft] = useState(/** @type {string|null} */ (null))
  const { busy, error, run } = useAction()
  if (draft === null) return html`<bdi>${alert.note ?? ''}</bdi> ${replayed.value === null && html`<button type="button" class="button" ref=${takesFocus(`note ${alert.id}`)} onClick=${() => { follow(`field ${alert.id}`); setDraft(alert.note ?? '') }}>${alert.note ? 'Change' : 'Add a note'}</button>`}`
  const keep = () => run(async () => {
    follow(`note ${alert.id}`)
    if (draft.trim() !== '') await acknowledge(alert.id, draft.trim())
    setDraft(null)
  })
  return html`
    <form class="note-form" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); keep() }}>
      <input type="text" maxlength=${LONGEST_NOTE} aria-label="Why it asks for nothing now" value=${draft} ref=${takesFocus(`field ${alert.id}`)}
        onInput=${(/** @type {any} */ e) => setDraft(e.target.value)} onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape') { follow(`note ${alert.id}`); setDraft(null) } }} />
      <button type="submit" class="button" disabled=${busy}>Keep</button>
      ${error && html`<span class="problem" role="alert">${error}</span>`}
    </form>`
}
