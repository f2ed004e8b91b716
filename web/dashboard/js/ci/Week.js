/**
 * When runs happen and when they fail: a cell for each hour of the week over the last four weeks.
 */
import { count } from '../format.js'
import { useQuery } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { utc } from '../stores/place.js'
import { listFace } from '../components/faces.js'
import { Panel } from '../components/Panel.js'
import { Sideways } from '../components/Sideways.js'
import { week } from './hours.js'

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const CELL = 20
const LEFT = 36
const TOP = 18
const FOUR_WEEKS = 28 * 86_400

/** @param {{ repo: string }} props */
export function Week({ repo }) {
  const { lines, state, error, retry } = useQuery({
    query: `sum by (conclusion) (count_over_time(${own(`github_actions_run_duration_seconds{repo=${JSON.stringify(repo)}}`)}[1h]))`, seconds: FOUR_WEEKS, step: 3600,
  })
  const cells = week(lines, utc.value)
  const most = Math.max(1, ...cells.flat().map((c) => c.runs))
  const total = cells.flat().reduce((sum, c) => sum + c.runs, 0)
  return html`
    <${Panel} title="When runs happen" note="last 4 weeks, by hour" name="ci-week" face=${listFace(state, total)} error=${error} retry=${retry} live=${false} empty=${html`<p>No run has ended in the last four weeks.</p>`}>
      <${Sideways} kind="week" label="Runs by weekday and hour">
        <svg viewBox=${`0 0 ${LEFT + 24 * CELL} ${TOP + 7 * CELL}`} role="img" aria-label=${summary(cells)}>
          ${[0, 6, 12, 18].map((hour) => html`<text key=${hour} x=${LEFT + hour * CELL} y="12">${hour}:00</text>`)}
          ${DAYS.map((day, row) => html`<text key=${day} x="0" y=${TOP + row * CELL + 14}>${day}</text>`)}
          ${cells.map((hours, row) => hours.map((cell, hour) => html`
            <g key=${`${row} ${hour}`}>
              <title>${`${DAYS[row]} ${hour}:00: ${count(cell.runs, 'run')}, ${cell.failed} failed`}</title>
              <rect class="week-cell" x=${LEFT + hour * CELL} y=${TOP + row * CELL} width=${CELL - 2} height=${CELL - 2} rx="3" fill-opacity=${cell.runs === 0 ? 0.06 : 0.2 + 0.8 * (cell.runs / most)} />
              ${cell.failed > 0 && html`<rect class="week-failed" x=${LEFT + hour * CELL + 5} y=${TOP + row * CELL + 5} width="8" height="8" />`}
            </g>`))}
        </svg>
      <//>
      <p class="quiet">The darker, the more runs. A square within: at least one failed.</p>
    <//>`
}

/** @param {import('./hours.js').Cell[][]} cells */
function summary(cells) {
  const failed = cells.flat().reduce((sum, c) => sum + c.failed, 0)
  const runs = cells.flat().reduce((sum, c) => sum + c.runs, 0)
  let best = { row: 0, hour: 0, runs: -1 }
  cells.forEach((hours, row) => hours.forEach((cell, hour) => { if (cell.runs > best.runs) best = { row, hour, runs: cell.runs } }))
  return `${count(runs, 'run')}, ${failed} failed; most on ${DAYS[best.row]} at ${best.hour}:00`
}
