/**
 * Who was in progress when: a lane for each task worked on in the period in view.
 *
 * @import { Board } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html, useMemo } from '../lib.js'
import { taskBars, taskLanes, wantedTasks } from '../ribbon/lanes.js'
import { knownFrom } from '../ribbon/model.js'
import { Strip } from '../ribbon/Strip.js'
import { byName } from '../order.js'
import { now } from '../stores/clock.js'
import { events } from '../stores/events.js'
import { address, go, period } from '../stores/place.js'

/** More lanes than these are no picture. */
const MOST = 24

/** @param {{ board: Board }} props */
export function When({ board }) {
  const { start, end, words } = period.value
  const from = knownFrom.value
  const bars = useMemo(() => taskBars(events.value ?? [], board, from), [events.value, board, from])
  // Sorting thousands of tasks is for when the board changes, not for each pixel that time moves on.
  const wanted = useMemo(() => wantedTasks(board, bars).filter((id) => bars.has(id)), [board, bars])
  const inView = wanted.filter((id) => bars.get(id)?.some((b) => (b.end ?? now.peek()) >= start && b.start <= end))
  // Chosen by what is newest, shown by number: a task that moves on keeps its place.
  const shown = inView.slice(0, MOST).sort(byName)
  const key = shown.join('\n')
  const lanes = useMemo(() => taskLanes(shown, board, bars), [key, board, bars])
  const left = inView.length - lanes.length
  const face = events.value === null ? 'loading' : lanes.length ? 'data' : 'empty'
  return html`
    <${Panel} title="Who was in progress when" name="when" kind="when" face=${face} live=${false}
      note=${`${words}${lanes.length ? ` · ${count(lanes.length, 'task')}` : ''}${left > 0 ? ` of ${inView.length}` : ''}`}
      empty=${html`<p>No task was in progress in this time. A longer period may show some.</p>`}>
      <${Strip} lanes=${lanes} tracks=${[]} onOpen=${(/** @type {import('../ribbon/lanes.js').Bar} */ bar) => go(address('tasks', bar.item))} />
    <//>`
}
