/**
 * Painting the ribbon on a canvas: lanes of bars, lines of figures beneath, and the time axis.
 *
 * Called once a frame at the most. It looks up the bars in view by binary search and makes no object for a mark; bars that would lie on one
 * pixel are painted once, as the worst of them.
 *
 * @import { Bar, Lane, State } from './lanes.js'
 * @import { Series } from '../chart/series.js'
 * @import { Scale } from './scale.js'
 * @typedef {{ name: string, selector: string, line: Series|null, step: number }} Track  a ratio over time
 * @typedef {Scale & { now: number, width: number, lanes: Lane[], tracks: Track[], marked: Bar|null, chosen: Bar|null, cursor: number|null, utc: boolean }} Scene
 */
import { colour } from '../colour.js'
import { FONT_FACE } from '../fonts.js'
import { clockTime, day, exactTime } from '../format.js'
import { gapLimit, lowerBound } from '../points.js'
import { visible } from './lanes.js'
import { firstTick, tickStep, xOf } from './scale.js'

export const LANE_H = 24
export const TRACK_H = 32
export const AXIS_H = 24
const BAR_H = 12
/** Bars of a lane that have round corners. */
const MANY = 200
/** Lines of a hatched bar are so far apart. */
const HATCH_PX = 4
/** A bar is at least so wide, to be met. */
const LEAST_PX = 3
const FONT = `11px ${FONT_FACE}`

/** Which colour a state has, how much it weighs against others on the same pixel, and whether it has corners: failure is seen by its shape too. @type {Record<State, { ink: string, weight: number, sharp: boolean, pale: boolean }>} */
const LOOKS = {
  unknown: { ink: '--ink-3', weight: 0, sharp: false, pale: false },
  waiting: { ink: '--line-2', weight: 0, sharp: false, pale: false },
  stopped: { ink: '--series-pending', weight: 1, sharp: false, pale: true },
  neutral: { ink: '--info', weight: 2, sharp: false, pale: true },
  ok: { ink: '--ok', weight: 3, sharp: false, pale: false },
  done: { ink: '--series-done', weight: 3, sharp: false, pale: false },
  review: { ink: '--series-review', weight: 4, sharp: false, pale: false },
  progress: { ink: '--series-progress', weight: 4, sharp: false, pale: false },
  warning: { ink: '--warning', weight: 5, sharp: false, pale: false },
  failed: { ink: '--error', weight: 6, sharp: true, pale: false },
  down: { ink: '--error', weight: 6, sharp: true, pale: false },
  error: { ink: '--error', weight: 6, sharp: true, pale: false },
  critical: { ink: '--critical', weight: 7, sharp: true, pale: false },
}
const INKS = ['--line', '--ink', '--ink-3', '--data', '--panel', '--accent', ...new Set(Object.values(LOOKS).map((look) => look.ink))]

/** @typedef {Record<string, string>} Palette */

/** The colours of the theme in force, looked up once for many frames. @returns {Palette} */
export const palette = () => Object.fromEntries(INKS.map((name) => [name, colour(name)]))

/** @param {number} lanes @param {number} tracks */
export const heightOf = (lanes, tracks) => lanes * LANE_H + tracks * TRACK_H + AXIS_H

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Palette} inks */
export function paint(pen, scene, inks) {
  const { lanes, tracks, left, right } = scene
  const height = heightOf(lanes.length, tracks.length)
  pen.font = FONT
  pen.textBaseline = 'middle'
  pen.lineWidth = 1
  axis(pen, scene, inks, height)
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, right - left, height)
  pen.clip()
  for (let i = 0; i < lanes.length; i += 1) paintLane(pen, scene, inks, lanes[i], i * LANE_H)
  for (let i = 0; i < tracks.length; i += 1) paintTrack(pen, scene, inks, tracks[i], lanes.length * LANE_H + i * TRACK_H)
  if (scene.cursor !== null) {
    pen.fillStyle = inks['--ink-3']
    pen.fillRect(xOf(scene, scene.cursor), 0, 1, height - AXIS_H)
  }
  pen.restore()
}

/** Lines at round times, and what they are. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Palette} inks @param {number} height */
function axis(pen, scene, inks, height) {
  const { start, end, left, right, utc } = scene
  const step = tickStep(scene)
  const zone = utc ? 0 : new Date(start * 1000).getTimezoneOffset() * 60
  const clock = step < 60 ? exactTime : clockTime
  pen.textAlign = 'center'
  for (let t = firstTick(start, step, zone); t <= end; t += step) {
    const x = xOf(scene, t)
    pen.fillStyle = inks['--line']
    pen.fillRect(x, 0, 1, height - AXIS_H + 4)
    const text = step >= 86_400 || (t - zone) % 86_400 === 0 ? day(t) : clock(t)
    const half = pen.measureText(text).width / 2
    pen.fillStyle = inks['--ink-3']
    // A name that would be cut off at an end is moved inside.
    pen.fillText(text, Math.min(Math.max(x + 0.5, left + half), right - half), height - AXIS_H / 2 + 2)
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Palette} inks @param {Lane} lane @param {number} top */
function paintLane(pen, scene, inks, lane, top) {
  const { start, end, now, left, right, marked, chosen } = scene
  const y = top + (LANE_H - BAR_H) / 2
  pen.fillStyle = inks['--line']
  pen.fillRect(left, top + LANE_H - 1, right - left, 1)
  const { bars, usual } = lane
  let before = -Infinity
  let weight = -1
  const first = visible(lane, start)
  // Round corners take their time, and among so many nobody sees them.
  const round = bars.length - first <= MANY
  for (let i = first; i < bars.length; i += 1) {
    const bar = bars[i]
    if (bar.start > end) break
    const until = bar.end ?? now
    if (until < start) continue
    const from = Math.max(left - 8, xOf(scene, bar.start))
    const to = Math.min(right + 8, Math.max(xOf(scene, until), xOf(scene, bar.start) + LEAST_PX))
    const look = LOOKS[bar.state]
    if (to - from <= LEAST_PX && from === before && look.weight <= weight) continue
    before = from
    weight = look.weight
    pen.fillStyle = inks[look.ink]
    if (bar.state === 'unknown') {
      hatch(pen, from, to, y)
      if (bar === marked || bar === chosen) frame(pen, inks[bar === chosen ? '--accent' : '--ink'], from, to, y)
      continue
    }
    if (look.pale) pen.globalAlpha = 0.7
    if (look.sharp || !round || to - from < 6) pen.fillRect(from, look.sharp ? y - 2 : y, to - from, look.sharp ? BAR_H + 4 : BAR_H)
    else {
      pen.beginPath()
      pen.roundRect(from, y, to - from, BAR_H, 3)
      pen.fill()
    }
    if (look.pale) pen.globalAlpha = 1
    if (bar.end === null) openEnd(pen, inks, to, y)
    if (!bar.seen) unseenStart(pen, inks, from, y)
    if (usual !== null && bar.end === null) usualMark(pen, scene, inks, bar, usual, y)
    if (bar === marked || bar === chosen) frame(pen, inks[bar === chosen ? '--accent' : '--ink'], from, to, y)
  }
}

/** Nobody knows what was. @param {CanvasRenderingContext2D} pen @param {number} from @param {number} to @param {number} y */
function hatch(pen, from, to, y) {
  // It may lie on a bar that went on through it.
  pen.clearRect(from, y, to - from, BAR_H)
  for (let x = Math.ceil(from / HATCH_PX) * HATCH_PX; x < to; x += HATCH_PX) pen.fillRect(x, y, 1, BAR_H)
}

/** It goes on. @param {CanvasRenderingContext2D} pen @param {Palette} inks @param {number} to @param {number} y */
function openEnd(pen, inks, to, y) {
  pen.fillStyle = inks['--panel']
  pen.beginPath()
  pen.moveTo(to - 5, y + 2)
  pen.lineTo(to - 1, y + BAR_H / 2)
  pen.lineTo(to - 5, y + BAR_H - 2)
  pen.fill()
}

/** It began before: its first pixels are hatched. @param {CanvasRenderingContext2D} pen @param {Palette} inks @param {number} from @param {number} y */
function unseenStart(pen, inks, from, y) {
  pen.fillStyle = inks['--panel']
  for (let x = 0; x < 9; x += 3) pen.fillRect(from + x, y, 1, BAR_H)
}

/** When a task in progress takes longer than tasks usually do. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Palette} inks @param {Bar} bar @param {number} usual @param {number} y */
function usualMark(pen, scene, inks, bar, usual, y) {
  if (!bar.seen || bar.start + usual > scene.end) return
  pen.fillStyle = inks['--ink']
  pen.fillRect(xOf(scene, bar.start + usual), y - 4, 2, BAR_H + 8)
}

/** @param {CanvasRenderingContext2D} pen @param {string} ink @param {number} from @param {number} to @param {number} y */
function frame(pen, ink, from, to, y) {
  pen.strokeStyle = ink
  pen.lineWidth = 1.5
  pen.strokeRect(from - 1.5, y - 3.5, to - from + 3, BAR_H + 7)
  pen.lineWidth = 1
}

/** A line over a light area, from 0 to 1; holes stay holes. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Palette} inks @param {Track} track @param {number} top */
function paintTrack(pen, scene, inks, { line, step }, top) {
  const bottom = top + TRACK_H - 4
  const high = TRACK_H - 8
  pen.fillStyle = inks['--line']
  pen.fillRect(scene.left, bottom, scene.right - scene.left, 1)
  if (!line || line.t.length === 0) return
  const limit = gapLimit(line.t, step)
  const first = Math.max(0, lowerBound(line.t, scene.start) - 1)
  const last = Math.min(line.t.length, lowerBound(line.t, scene.end) + 1)
  const xAt = (/** @type {number} */ t) => scene.left + ((t - scene.start) / (scene.end - scene.start)) * (scene.right - scene.left)
  const yAt = (/** @type {number} */ v) => bottom - Math.min(1, Math.max(0, v)) * high
  pen.fillStyle = pen.strokeStyle = inks['--data']
  for (const area of [true, false]) {
    pen.beginPath()
    let at = NaN
    for (let i = first; i < last; i += 1) {
      const v = line.v[i]
      const whole = v !== null && i > first && line.v[i - 1] !== null && line.t[i] - line.t[i - 1] <= limit
      if (area && !whole && !Number.isNaN(at)) pen.lineTo(at, bottom)
      if (v === null) {
        at = NaN
        continue
      }
      at = xAt(line.t[i])
      const y = yAt(v)
      if (whole) pen.lineTo(at, y)
      else {
        pen.moveTo(at, area ? bottom : y)
        if (area) pen.lineTo(at, y)
      }
    }
    if (area) {
      if (!Number.isNaN(at)) pen.lineTo(at, bottom)
      pen.globalAlpha = 0.16
      pen.fill()
      pen.globalAlpha = 1
    } else {
      pen.lineWidth = 1.25
      pen.stroke()
      pen.lineWidth = 1
    }
  }
  spread(pen, line, first, last, xAt, yAt)
}

/** From the smallest to the largest of a bucket, so that a spike of a moment is seen. @param {CanvasRenderingContext2D} pen @param {Series} line @param {number} first @param {number} last @param {(t: number) => number} xAt @param {(v: number) => number} yAt */
function spread(pen, line, first, last, xAt, yAt) {
  pen.globalAlpha = 0.5
  for (let i = first; i < last; i += 1) {
    if (line.count[i] < 2 || !(line.max[i] > line.min[i])) continue
    const top = yAt(line.max[i])
    pen.fillRect(Math.round(xAt(line.t[i]) - 0.5), top, 1, Math.max(1, yAt(line.min[i]) - top))
  }
  pen.globalAlpha = 1
}
