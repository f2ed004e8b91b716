/**
 * The ribbon: one time axis with a lane for each task worked on, lanes of agents, CI runs, probes and alerts, CPU and memory beneath.
 *
 * Its height and the order of its lanes are fixed. `model.js` works out what it shows, `Strip.js` draws it.
 */
import { Panel } from '../components/Panel.js'
import { count, since } from '../format.js'
import { useFeeds } from '../hooks.js'
import { html, useEffect } from '../lib.js'
import { own } from '../own.js'
import { minute } from '../stores/pace.js'
import { address, range } from '../stores/place.js'
import { followCrashes } from './crashes.js'
import { MarkPanel } from './MarkPanel.js'
import { firstMark, known, lanes, tasksLeft } from './model.js'
import { beginsLate, viewStart } from './scale.js'
import { Strip } from './Strip.js'

const CPU = 'system_cpu_utilization_ratio'
const MEMORY = 'system_memory_utilization_ratio'

export function Ribbon() {
  useEffect(followCrashes, [])
  const [cpu, memory] = useFeeds([own(CPU), own(MEMORY)])
  const { words, step, seconds, live } = range.value
  const left = tasksLeft.value
  const tracks = [
    { name: 'CPU', selector: CPU, line: cpu.lines.get(CPU) ?? null, step },
    { name: 'memory', selector: MEMORY, line: memory.lines.get(MEMORY) ?? null, step },
  ]
  const sampled = Math.min(...tracks.map(({ line }) => line?.t[0] ?? Infinity))
  const first = Math.min(firstMark.value, sampled)
  const view = { start: minute.value - seconds, end: minute.value + 60, live }
  // What is drawn is shorter than the period where nothing was known for most of it. Without samples nobody knows since when there was something to know.
  const whole = sampled === Infinity || !beginsLate(view.start, view.end, first)
  const note = viewStart(view, first) > view.start ? `since ${since(first, minute.value)}` : whole ? words : `${words}, known since ${since(first, minute.value)}`
  return html`
    <${Panel} title="What went on" note=${note} kind="ribbon-panel" name="ribbon" face=${known.value ? 'data' : 'loading'}
      aside=${left > 0 && html`<a class="link" href=${address('tasks')}>${count(left, 'more task')} in Tasks</a>`}>
      <${Strip} lanes=${lanes.value} tracks=${tracks} />
      <${MarkPanel} />
    <//>`
}
