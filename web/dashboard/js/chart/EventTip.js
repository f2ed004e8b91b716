/**
 * What a tick below a chart stands for.
 */
import { count, since } from '../format.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { now } from '../stores/clock.js'
import { wordsOf } from '../timeline.js'

/** Events of nearly one time that are named; the others are counted. */
const NAMED = 4

/** @param {{ events: import('../types.js').Event[], left: number }} props `left`: where the tick is */
export function EventTip({ events, left }) {
  const tip = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!tip.current?.parentElement) return
    const room = tip.current.parentElement.clientWidth - tip.current.offsetWidth
    tip.current.style.left = `${Math.max(0, Math.min(room, left - tip.current.offsetWidth / 2))}px`
  })
  return html`
    <div class="tip tip-event" ref=${tip} role="status">
      ${events.slice(0, NAMED).map((event) => html`<span key=${event.id}><b dir="auto">${wordsOf(event)}</b> <span class="quiet">${since(event.time, now.peek())}</span></span>`)}
      ${events.length > NAMED && html`<span class="quiet">${count(events.length - NAMED, 'more event')}</span>`}
    </div>`
}
