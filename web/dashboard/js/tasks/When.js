/**
 * Who was in progress when: a lane for each task worked on in the period in view.
 *
 * @import { Board } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html } from '../lib.js'
import { taskLanes } from '../ribbon/lanes.js'
import { Strip } from '../ribbon/Ribbon.js'
import { events } from '../stores/events.js'
import { period } from '../stores/place.js'

/** More lanes than these are no picture. */
const MOST = 24

/** @param {{ board: Board }} props */
export function When({ board }) {
  const { start, end, words, live } = period.value
  const { lanes, left } = taskLanes(events.value ?? [], board, start, end, MOST)
  const face = events.value === null ? 'loading' : lanes.length ? 'data' : 'empty'
  return html`
    <${Panel} title="Who was in progress when" name="when" kind="when" face=${face} live=${false}
      note=${`${words}${lanes.length ? ` · ${count(lanes.length, 'task')}` : ''}${left > 0 ? ` of ${lanes.length + left}` : ''}`}
      empty=${html`<p>No task was in progress in this time. A longer period may show some.</p>`}>
      <${Strip} lanes=${lanes} tracks=${[]} start=${start} end=${end} live=${live} />
    <//>`
}
