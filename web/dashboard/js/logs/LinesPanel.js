/**
 * The lines: the newest first, a page at a time; and those that come in, at the top, without moving what is being read.
 *
 * @import { Counted, Found } from './asking.js'
 * @import { Mistake } from '../explore/mistakes.js'
 */
import { Panel } from '../components/Panel.js'
import { count, grouped, since, span } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { param, setParams } from '../stores/place.js'
import { MOST_LINES, PAGE } from './asking.js'
import { ofLevels, totalOf } from './bars.js'
import { nsOf, timeOf } from './lines.js'
import { Parts } from './Parts.js'
import { useTail } from './useTail.js'

/** @typedef {{ older: () => void, stop: () => void }} Asking */
/** A search that takes longer shows how long it has taken. */
const SLOW_S = 1

/** @param {{ asking: Asking, found: Found, counted: Counted, levels: Set<string>|null, text: string, following: boolean, toggle: () => void, again: () => void, words: string, mistake: Mistake|null }} props */
export function LinesPanel({ asking, found, counted, levels, text, following, toggle, again, words, mistake }) {
  const wrap = param('wrap')
  const tail = useTail(following && found.state === 'ready' && !found.busy ? found : null)
  const shown = found.count + tail.tail.count
  const face = found.state === 'ready' ? (shown > 0 || following ? 'data' : 'empty') : mistake ? 'empty' : found.state
  const error = found.error === 'stopped' ? 'The search was stopped.' : found.error
  const empty = mistake ? html`<p>The query could not be answered: ${mistake.to > 0 ? 'its mistake is marked above' : 'above stands why'}.</p>` : html`<${Nothing} text=${text} words=${words} />`
  const aside = html`
    <span class="log-tools">
      ${following && html`<button key="pause" type="button" class="button" aria-pressed=${tail.paused} onClick=${tail.pause}>${tail.paused ? 'Go on' : 'Pause'}</button>`}
      <button key="tail" type="button" class=${`button ${following ? 'button-main' : ''}`} aria-pressed=${following} title="Lines as they come in" onClick=${toggle}>Live tail</button>
      <button key="wrap" type="button" class="button" aria-pressed=${wrap.value === 'on'} title="Show all of each line" onClick=${() => { wrap.value = wrap.value === 'on' ? '' : 'on' }}>Wrap</button>
      ${!following && html`<button key="again" type="button" class="button" title="Search again: with what came in since" onClick=${again}>Refresh</button>`}
    </span>`
  return html`
    <${Panel} title="Lines" name="log-lines" kind="logs-lines" face=${face} live=${following} aside=${aside} note=${found.state === 'ready' && noteOf(found, counted, levels)}
      error=${error} failedAt=${found.failedAt ? since(found.failedAt, now.peek()) : ''} retry=${again} empty=${empty}>
      ${following && html`<${Following} tail=${tail} />`}
      ${found.busy && html`<${Slow} since=${found.since} stop=${asking.stop} />`}
      <div class="log-box" ref=${tail.box} data-wrap=${wrap.value === 'on'} aria-busy=${found.busy} onMouseEnter=${() => tail.hover(true)} onMouseLeave=${() => tail.hover(false)}>
        ${tail.waiting > 0 && html`<button type="button" class="button button-main log-new" onClick=${tail.show}>${count(tail.waiting, 'new line')}</button>`}
        ${tail.tail.count > 0 && html`<${Parts} key="tail" parts=${tail.tail.parts} text=${text} />`}
        ${tail.tail.left > 0 && html`<p key="gap" class="log-between" role="note">${count(tail.tail.left, 'line')} between came in and went: a tail keeps ${grouped(tail.most)}. <button type="button" class="button" onClick=${again}>Search again</button></p>`}
        <${Parts} key="found" parts=${found.parts} text=${text} />
      </div>
      <${End} found=${found} asking=${asking} />
    <//>`
}

/** How many of how many. @param {Found} found @param {Counted} counted @param {Set<string>|null} levels */
function noteOf(found, counted, levels) {
  const all = counted.volume && totalOf(ofLevels(counted.volume, levels))
  const until = `until ${timeOf(nsOf(found.end), now.peek()).slice(0, -4)}`
  if (found.count === 0) return until
  return `${all !== null && all >= found.count ? `${grouped(found.count)} of ${count(all, 'line')}` : `${count(found.count, 'line')}${found.more ? ' and more' : ''}`}, the newest first, ${until}`
}

/** @param {{ tail: ReturnType<typeof useTail> }} props */
function Following({ tail }) {
  const { state, dropped, gap } = tail.link
  const words = state === 'lost' ? 'The connection is lost: it is opened again by itself.' : state === 'opening' ? 'Opening.' : tail.paused ? 'Paused: what comes in waits.' : tail.holds ? 'New lines wait while you read.' : 'New lines come in at the top.'
  return html`
    <p class="log-following" role="status" data-state=${state}>
      <span class="log-beat" aria-hidden="true"></span> ${words}
      ${dropped > 0 && html` <b class="log-dropped">${count(dropped, 'line')} came in faster than they could be sent, and are not shown here.</b>`}
      ${gap && html` <b class="log-dropped">Some lines of the time without a connection may be missing here: search again.</b>`}
    </p>`
}

/** @param {{ since: number, stop: () => void }} props */
function Slow({ since: begun, stop }) {
  now.value // read: goes on with the clock
  const waited = (performance.now() - begun) / 1000
  return waited < SLOW_S ? null : html`<p class="note" role="status">Searching for ${span(Math.round(waited))}. <button type="button" class="button" onClick=${stop}>Stop</button></p>`
}

/** What follows below the last line. @param {{ found: Found, asking: Asking }} props */
function End({ found, asking }) {
  if (found.count === 0) return null
  if (!found.more) return html`<p class="log-end quiet">These are all lines of this time.</p>`
  if (found.count >= MOST_LINES) return html`<p class="log-end quiet" role="note">There are more than ${grouped(MOST_LINES)} lines. Choose a shorter time or another filter to read on.</p>`
  const failed = found.older !== '' && found.older !== 'busy'
  return html`
    <p class="log-end">
      <button type="button" class="button" onClick=${asking.older}>${found.older === 'busy' ? 'Loading' : `Load ${PAGE} older`}</button>
      ${failed && html` <span class="problem" role="alert">They could not be read: ${found.older}</span>`}
    </p>`
}

/** @param {{ text: string, words: string }} props */
function Nothing({ text, words }) {
  return html`
    <p>${text.trim() === '' ? `No line was kept of this time (${words}).` : `No line of this time (${words}) is what the query asks for.`} A longer time may hold some${text.trim() === '' ? '' : ', or a filter less'}.</p>
    <p class="log-tools">
      <button type="button" class="button" onClick=${() => setParams({ range: '24h', from: '', to: '' })}>Look at the last 24 hours</button>
      <button type="button" class="button" onClick=${() => setParams({ range: '7d', from: '', to: '' })}>Look at the last 7 days</button>
      ${text.trim() !== '' && html`<button type="button" class="button" onClick=${() => setParams({ query: '', kind: '' })}>All lines</button>`}
    </p>`
}
