/**
 * Where the minutes go: from workflow to job to outcome, as thick as the time it took.
 *
 * @import { CiJobs, CiRepository } from '../types.js'
 * @import { Box } from './streams.js'
 */
import { count, day, since, span } from '../format.js'
import { useAnswer, useWidth } from '../hooks.js'
import { html, useMemo } from '../lib.js'
import { now } from '../stores/clock.js'
import { period } from '../stores/place.js'
import { listFace } from '../components/faces.js'
import { Panel } from '../components/Panel.js'
import { Sideways } from '../components/Sideways.js'
import { flow, streams, UNKNOWN } from './streams.js'
import { runMark } from '../statuses.js'

const HEIGHT = 264
/** Narrower than this, names say nothing: the picture scrolls. */
const LEAST_W = 520
const MARGIN = 8
const COLUMN = 8
const GAP = 8
const MOST_WORKFLOWS = 6
const MOST_JOBS = 14
const DAY_S = 86_400
/** The beginning moves in steps, so that it is not asked for anew with each pixel. */
const PACE_S = 300

/** @param {{ repository: CiRepository }} props */
export function Flow({ repository }) {
  const { start, end, live, words } = period.value
  const short = end - start < DAY_S
  const from = Math.floor((short ? end - DAY_S : start) / PACE_S) * PACE_S
  const newest = repository.runs.find((run) => run.ended !== null)
  const { data, error, failedAt, state, retry } = useAnswer('/api/v1/ci/jobs', live ? { start: from } : { start: from, end: Math.ceil(end) }, `${newest?.id} ${newest?.attempt} ${repository.jobs_wanted}`)
  const found = /** @type {CiJobs|null} */ (data)?.repositories.find((r) => r.repo === repository.repo)
  const list = useMemo(() => streams(found?.jobs ?? [], MOST_WORKFLOWS, MOST_JOBS), [found])
  const note = [short ? (live ? 'last 24 hours' : `24 hours to ${day(end)}`) : words, found && found.runs > 0 ? `${span(Math.round(found.seconds))} of jobs in ${count(found.runs, 'run')}` : ''].filter(Boolean).join(' · ')
  return html`
    <${Panel} title="Where the minutes go" note=${note} name="ci-flow" face=${listFace(state, list.length)} error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.value) : undefined} retry=${retry} live=${false}
      empty=${html`<p>${repository.jobs_wanted > 0 ? `The jobs of ${count(repository.jobs_wanted, 'run')} are still to be read.` : 'No run with jobs ended in this time. A longer period may hold some.'}</p>`}>
      ${list.length > 0 && html`<${Picture} list=${list} total=${found?.seconds ?? 0} />`}
    <//>`
}

/** @param {{ list: import('./streams.js').Stream[], total: number }} props */
function Picture({ list, total }) {
  const [box, room] = useWidth()
  const width = room > 0 ? Math.max(LEAST_W, room) : 0
  const { columns, bands } = useMemo(() => flow(list, HEIGHT, GAP), [list])
  const names = Math.min(132, Math.max(64, width * 0.2))
  const x = [names, (width - names) / 2 - COLUMN / 2 - 20, width - names - COLUMN]
  const words = list.map((s) => `${s.workflow}, ${s.job}, ${s.outcome}: ${span(Math.round(s.seconds))}`).join('; ')
  return html`
    <div class="flow-room" ref=${box} data-seconds=${total}>
      ${width > 0 && html`<${Sideways} kind="flow-box" label="Where the minutes go">
        <svg class="flow" width=${width} height=${HEIGHT + 2 * MARGIN} viewBox=${`0 ${-MARGIN} ${width} ${HEIGHT + 2 * MARGIN}`} role="img" aria-label=${words}>
          ${bands.map((b) => html`
            <path key=${`${b.column} ${b.from.key} ${b.to.key} ${b.outcome}`} class=${`flow-band flow-${look(b.outcome)}`} d=${ribbon(x[b.column] + COLUMN, b.y1, b.h1, x[b.column + 1], b.y2, b.h2)}>
              <title>${`${b.from.name} → ${b.to.name}, ${b.outcome}: ${span(Math.round(b.seconds))}`}</title></path>`)}
          ${columns.map((boxes, c) => boxes.map((b) => html`<${Node} key=${`${c} ${b.key}`} box=${b} x=${x[c]} column=${c} room=${c === 0 ? names - 8 : c === 1 ? (width - 2 * names) / 2 - 40 : names - 8} />`))}
        </svg><//>`}
    </div>`
}

/** @param {{ box: Box, x: number, column: number, room: number }} props */
function Node({ box, x, column, room }) {
  const time = span(Math.round(box.seconds))
  // About as many letters as find room beside their time.
  const most = Math.max(4, Math.floor(room / 6.4) - time.length - 1)
  const name = box.name.length > most ? `${box.name.slice(0, most - 1)}…` : box.name
  const small = box.height < 9 && column === 1
  return html`
    <g class="flow-node" data-column=${column} data-name=${box.name} data-seconds=${box.seconds}><title>${`${box.name}: ${time}`}</title>
      <rect class="flow-box-rect" x=${x} y=${box.y} width=${COLUMN} height=${Math.max(1, box.height)} />
      ${!small && html`<text x=${column === 0 ? x - 6 : x + COLUMN + 6} y=${box.y + box.height / 2 + 4} text-anchor=${column === 0 ? 'end' : 'start'}>${name} <tspan class="flow-time">${time}</tspan></text>`}
    </g>`
}

/** @param {string} outcome */
const look = (outcome) => (outcome === UNKNOWN ? 'none' : runMark(outcome))

/** @param {number} x1 @param {number} y1 @param {number} h1 @param {number} x2 @param {number} y2 @param {number} h2 */
function ribbon(x1, y1, h1, x2, y2, h2) {
  const middle = (x1 + x2) / 2
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}V${y2 + h2}C${middle} ${y2 + h2} ${middle} ${y1 + h1} ${x1} ${y1 + h1}Z`
}
