/**
 * What changed: the newest events in words. Pointing at one points at its time in all charts.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { day, clockTime, exactTime } from '../format.js'
import { html } from '../lib.js'
import { weightOf, wordsOf } from '../timeline.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { events, placeOf } from '../stores/events.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'

/** What a reader still reads; the rest is on the lane. */
const SHOWN = 40

/** @type {Record<string, string>} */
const WORDS = { taskmaster: 'board', alert: 'alert', service: 'service', advice: 'advice', github: 'CI', probe: 'probes' }

/** @param {string} source */
export const sourceWord = (source) => WORDS[source] ?? source

export function Timeline() {
  const list = events.value
  const face = list === null ? 'loading' : list.length ? 'data' : 'empty'
  return html`
    <${Panel} title="What changed" face=${face} kind="timeline" name="timeline" live=${false}
      empty=${html`<p>Nothing yet. Moved tasks, alerts, restarts and advice will be listed here as they happen.</p>`}>
      <ol class="timeline-list" tabindex="0" aria-label="What changed, newest first">
        ${list?.slice(0, SHOWN).map((event) => html`<${Entry} key=${event.id} event=${event} />`)}
      </ol>
    <//>`
}

/** @param {{ event: TimelineEvent }} props */
function Entry({ event }) {
  const mark = weightOf(event)
  const today = day(event.time) === day(now.value)
  const over = () => { cursor.value = event.time }
  const out = () => { cursor.value = null }
  return html`
    <li id=${`event-${event.id}`} onMouseEnter=${over} onMouseLeave=${out}>
      <time datetime=${new Date(event.time * 1000).toISOString()} title=${`${day(event.time)} ${exactTime(event.time)}`}>${today ? clockTime(event.time) : day(event.time)}</time>
      ${mark === 'info' ? html`<i class="dot"></i>` : html`<${Mark} kind=${mark} word=${event.severity} />`}
      <a class="entry-title" href=${placeOf(event)}>${wordsOf(event)}</a>
      <span class="note">${sourceWord(event.source)}</span>
    </li>`
}
