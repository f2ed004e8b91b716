/**
 * The lane of events below the charts: one row a source, a mark an event, on the charts' time axis.
 *
 * @import { Event as TimelineEvent } from '../types.js'
 */
import { exactTime } from '../format.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { markOf } from '../statuses.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { events, pointedEvent } from '../stores/events.js'
import { range } from '../stores/route.js'
import { sourceWord } from './Timeline.js'
import { Panel } from './Panel.js'

/** Marks closer than this share of the lane would overlap: only the most severe is shown. */
const CLOSEST = 0.004

export function Lane() {
  const { seconds, words } = range.value
  const end = now.value
  const shown = (events.value ?? []).filter((e) => e.time >= end - seconds && e.time <= end)
  const face = events.value === null ? 'loading' : shown.length ? 'data' : 'empty'
  const sources = [...new Set(shown.map((e) => e.source))].sort()
  return html`
    <${Panel} title="Events" note=${words} face=${face} kind="lane" name="lane" live=${false}
      empty=${html`<p>Nothing changed in the ${words}: moved tasks, alerts, restarts and advice would be marked here.</p>`}>
      ${sources.map((source) => html`
        <div class="lane-row" key=${source}>
          <span class="lane-name">${sourceWord(source)}</span>
          <div class="lane-track" onKeyDown=${walk}>
            ${apart(shown.filter((e) => e.source === source), seconds).map((event, i) => html`
              <${Tick} key=${event.id} event=${event} at=${1 - (end - event.time) / seconds} first=${i === 0} />`)}
          </div>
        </div>`)}
    <//>`
}

/** Left and right lead along a row: Tab would stop at every one of hundreds of marks. @param {KeyboardEvent} event */
function walk(event) {
  const mark = /** @type {HTMLElement} */ (event.target)
  // Newest first in the document, newest at the right on the lane.
  const next = event.key === 'ArrowLeft' ? mark.nextElementSibling : event.key === 'ArrowRight' ? mark.previousElementSibling : null
  if (next instanceof HTMLElement) {
    event.preventDefault()
    next.focus()
  }
}

/** @param {{ event: TimelineEvent, at: number, first: boolean }} props */
function Tick({ event, at, first }) {
  const button = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => { if (button.current) button.current.style.left = `${(at * 100).toFixed(2)}%` })
  const point = () => {
    cursor.value = event.time
    pointedEvent.value = event.id
  }
  const leave = () => {
    cursor.value = null
    pointedEvent.value = null
  }
  const show = () => document.getElementById(`event-${event.id}`)?.scrollIntoView({ block: 'nearest' })
  return html`
    <button type="button" ref=${button} tabindex=${first ? 0 : -1} class="tick tick-${markOf(event.severity)}" title=${`${exactTime(event.time)} ${event.title}`}
      aria-label=${`${exactTime(event.time)} ${event.title}`} onMouseEnter=${point} onMouseLeave=${leave} onFocus=${point} onBlur=${leave} onClick=${show}></button>`
}

/** @param {TimelineEvent[]} list newest first @param {number} seconds */
function apart(list, seconds) {
  /** @type {TimelineEvent[]} */
  const kept = []
  for (const event of list) {
    const last = kept[kept.length - 1]
    if (!last || last.time - event.time > seconds * CLOSEST) kept.push(event)
    else if (markOf(last.severity) === 'info' && markOf(event.severity) !== 'info') kept[kept.length - 1] = event
  }
  return kept
}
