/**
 * The channels that people are notified over: how each is doing, and a test that says what became of it.
 *
 * @import { Channel, ChannelTest } from '../types.js'
 */
import { post } from '../api.js'
import { listFace } from '../components/faces.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { count, quoted, since } from '../format.js'
import { useAction, useAnswer } from '../hooks.js'
import { computed, html, useState } from '../lib.js'
import { now, replayed } from '../stores/clock.js'
import { epoch } from '../stores/connection.js'
import { minute } from '../stores/pace.js'
import { deliveryWords, markOfChannel, sentWords, testWords } from './delivery.js'
import { Fold } from './Fold.js'

/** Always there: they reach nobody who is not at the machine. */
const BUILT_IN = new Set(['console', 'file'])
/** How often it is asked how deliveries are doing. */
const EVERY_S = 15
const turn = computed(() => `${epoch.value} ${Math.floor(now.value / EVERY_S)}`)

/** How they are doing, asked while the page is on screen. */
export const useChannels = () => useAnswer('/api/v1/channels', {}, turn.value)

/** @param {{ answer: ReturnType<typeof useChannels> }} props */
export function Channels({ answer: { data, error, failedAt, state, retry } }) {
  const list = /** @type {Channel[]} */ (data ?? [])
  const note = [list.length > 0 && count(list.length, 'channel'), replayed.value !== null && 'as they are now'].filter(Boolean).join(' · ')
  return html`
    <${Panel} title="Channels" name="channels" note=${note} live=${false} face=${listFace(state, list.length)}
      error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry} empty=${html`<p>No notice leaves the service: its console and its file are switched off.</p><${Add} />`}>
      <ul class="alert-rows" data-stand="channels">${list.map((channel) => html`<${Row} key=${channel.name} channel=${channel} again=${retry} />`)}</ul>
      ${list.every(({ name }) => BUILT_IN.has(name)) && html`<${Add} />`}
    <//>`
}

/** What makes a channel. */
const Add = () => html`<p class="quiet">To be notified elsewhere, such as in a chat, on a phone or by a program, write a channel into Settings.toml:</p><pre class="copy">[notify.channels.phone]
kind = "ntfy"
url = "https://ntfy.sh/"
topic = "my-project"
severity = "warning"</pre>`

/** @param {{ channel: Channel, again: () => void }} props */
function Row({ channel, again }) {
  const { name, kind, target, state, waiting, oldest, last_sent: last, last_error: failure, last_error_at: failedAt, next_try: next } = channel
  const [outcome, say] = useState(/** @type {ChannelTest|null} */ (null))
  const { busy, error, run } = useAction()
  const test = () => {
    if (busy) return
    say(null)
    run(async () => {
      say(await post(`/api/v1/channels/${encodeURIComponent(name)}/test`))
      again()
    })
  }
  /** @param {number|null} at */
  const time = (at) => (at === null ? '' : since(at, minute.value))
  return html`
    <${Fold} name=${`channel ${name}`} title=${html`<${Mark} kind=${markOfChannel(channel)} word=${state === 'failing' ? 'fails' : state === 'waiting' ? 'waits' : 'works'} /><span class="fold-title"><bdi>${quoted(name)}</bdi></span>${kind !== name && html`<span class="quiet">${kind}</span>`}`}
      aside=${html`<span class="need-since channel-state">${deliveryWords(channel, minute.value)}</span>${replayed.value === null && html`<span class="need-buttons"><button type="button" class="button" aria-disabled=${busy} aria-label=${`Send a test over ${name}`} onClick=${test}>${busy ? 'Sending' : 'Test'}</button></span>`}`}
      below=${(outcome || error) && html`<p class=${`row-said ${outcome?.delivered ? '' : 'problem'}`} role="status">${outcome ? testWords(outcome) : error}</p>`}>
      ${() => html`
        <dl class="pairs instance-details">
          <dt>Sent to</dt><dd><code><bdi>${target}</bdi></code></dd>
          <dt>Deliveries</dt><dd>${sentWords(channel)}${last !== null ? `, the last ${time(last)}` : ''}</dd>
          ${waiting > 0 && html`<dt>Waiting</dt><dd>${count(waiting, 'notice')}${oldest === null ? '' : `, the oldest since ${time(oldest)}`}</dd>`}
          ${failure !== null && html`<dt>Last failure</dt><dd>${failedAt === null ? '' : `${time(failedAt)}: `}<bdi>${failure}</bdi></dd>`}
          ${next !== null && html`<dt>Next try</dt><dd>${time(next)}</dd>`}
          <dt>Set in</dt><dd><code>${BUILT_IN.has(name) ? `[alerts] ${name}` : `[notify.channels.${name}]`}</code> of Settings.toml</dd>
        </dl>`}
    <//>`
}
