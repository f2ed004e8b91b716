/**
 * Painting the ribbon on a canvas: lanes of bars, lines of figures beneath, and the time axis.
 *
 * Everything is worked out from the period, so that a pan paints the same bars elsewhere. Colours come from CSS.
 *
 * @import { Bar, Lane, State } from './lanes.js'
 * @import { Line } from '../points.js'
 * @typedef {{ name: string, lines: Line[], top: number|null, unit: import('../format.js').Unit }} Track
 * @typedef {{ start: number, end: number, now: number, left: number, width: number, lanes: Lane[], tracks: Track[], marked: Bar|null, cursor: number|null, utc: boolean }} Scene
 */
import { colour } from '../colour.js'
import { gapLimit, lowerBound } from '../points.js'

export const LANE_H = 24
export const TRACK_H = 34
export const AXIS_H = 22
const BAR_H = 12
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'

/** @type {Record<State, string>} */
const COLOURS = {
  progress: '--series-progress', review: '--series-review', done: '--series-done', stopped: '--series-pending', ok: '--ok', failed: '--error', neutral: '--info',
  waiting: '--line-2', down: '--error', warning: '--warning', error: '--error', critical: '--critical',
}

/** @param {Scene} scene */
export const heightOf = ({ lanes, tracks }) => lanes.length * LANE_H + tracks.length * TRACK_H + AXIS_H

/** @param {Scene} scene @param {number} t */
export const xOf = ({ start, end, left, width }, t) => left + ((t - start) / (end - start)) * (width - left)
/** @param {Scene} scene @param {number} x */
export const timeAt = ({ start, end, left, width }, x) => start + ((x - left) / (width - left)) * (end - start)

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {number} ratio device pixels a CSS pixel */
export function paint(pen, scene, ratio) {
  const { lanes, tracks, width, left } = scene
  const height = heightOf(scene)
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, width, height)
  pen.font = FONT
  pen.textBaseline = 'middle'
  grid(pen, scene, height)
  pen.save()
  pen.beginPath()
  pen.rect(left, 0, width - left, height)
  pen.clip()
  lanes.forEach((lane, i) => paintLane(pen, scene, lane, i * LANE_H))
  tracks.forEach((track, i) => paintTrack(pen, scene, track, lanes.length * LANE_H + i * TRACK_H))
  pen.restore()
  if (scene.cursor !== null) vertical(pen, scene, scene.cursor, height - AXIS_H, '--ink-3')
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {number} t @param {number} height @param {string} property */
function vertical(pen, scene, t, height, property) {
  const x = Math.round(xOf(scene, t)) + 0.5
  if (x < scene.left) return
  pen.strokeStyle = colour(property)
  pen.lineWidth = 1
  pen.beginPath()
  pen.moveTo(x, 0)
  pen.lineTo(x, height)
  pen.stroke()
}

const TICKS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600]

/** Lines at round times, and what they are. @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {number} height */
function grid(pen, scene, height) {
  const { start, end, width, left, utc } = scene
  const room = Math.max(1, Math.floor((width - left) / 90))
  const step = TICKS.find((t) => (end - start) / t <= room) ?? TICKS[TICKS.length - 1]
  const zone = utc ? 0 : new Date(start * 1000).getTimezoneOffset() * 60
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: step < 60 ? '2-digit' : undefined, timeZone: utc ? 'UTC' : undefined })
  const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: utc ? 'UTC' : undefined })
  pen.strokeStyle = colour('--line')
  pen.fillStyle = colour('--ink-3')
  pen.textAlign = 'center'
  pen.lineWidth = 1
  for (let t = Math.ceil((start - zone) / step) * step + zone; t <= end; t += step) {
    const x = Math.round(xOf(scene, t)) + 0.5
    pen.beginPath()
    pen.moveTo(x, 0)
    pen.lineTo(x, height - AXIS_H + 4)
    pen.stroke()
    const midnight = (t - zone) % 86_400 === 0
    const text = midnight || step >= 86_400 ? days.format(t * 1000) : clock.format(t * 1000)
    const half = pen.measureText(text).width / 2
    pen.fillText(text, Math.min(Math.max(x, left + half), width - half), height - AXIS_H / 2 + 2)
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Lane} lane @param {number} top */
function paintLane(pen, scene, lane, top) {
  const y = top + (LANE_H - BAR_H) / 2
  pen.strokeStyle = colour('--line')
  pen.beginPath()
  pen.moveTo(scene.left, top + LANE_H - 0.5)
  pen.lineTo(scene.width, top + LANE_H - 0.5)
  pen.stroke()
  let before = -Infinity
  for (const bar of lane.bars) {
    const from = xOf(scene, bar.start)
    const to = xOf(scene, bar.end ?? scene.now)
    if (to < scene.left || from > scene.width) continue
    // Bars that would be less than a pixel apart are one picture.
    if (to - from < 3 && from - before < 1 && bar !== scene.marked) continue
    before = from
    paintBar(pen, scene, lane, bar, from, Math.max(to, from + 3), y)
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Lane} lane @param {Bar} bar @param {number} from @param {number} to @param {number} y */
function paintBar(pen, scene, lane, bar, from, to, y) {
  const ink = colour(COLOURS[bar.state])
  pen.fillStyle = ink
  // Failure has a shape of its own, so that it is read without its colour too.
  const sharp = bar.state === 'failed' || bar.state === 'down' || bar.state === 'error' || bar.state === 'critical'
  pen.globalAlpha = bar.state === 'stopped' || bar.state === 'waiting' ? 0.6 : 1
  pen.beginPath()
  pen.roundRect(from, sharp ? y - 2 : y, to - from, sharp ? BAR_H + 4 : BAR_H, sharp ? 0 : 3)
  pen.fill()
  pen.globalAlpha = 1
  if (lane.usual !== null && lane.group === 'task') {
    const usual = xOf(scene, bar.start + lane.usual)
    if (usual < scene.width && usual > from) {
      pen.fillStyle = colour('--ink')
      pen.fillRect(Math.round(usual), y - 3, 1.5, BAR_H + 6)
    }
  }
  if (bar.end === null) {
    // It goes on: an open end.
    pen.fillStyle = colour('--panel')
    pen.beginPath()
    pen.moveTo(to - 4, y + 2)
    pen.lineTo(to - 1, y + BAR_H / 2)
    pen.lineTo(to - 4, y + BAR_H - 2)
    pen.fill()
  }
  if (bar === scene.marked) {
    pen.strokeStyle = colour('--ink')
    pen.lineWidth = 1.5
    pen.strokeRect(from - 1.5, y - 3.5, to - from + 3, BAR_H + 7)
    pen.lineWidth = 1
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {Track} track @param {number} top */
function paintTrack(pen, scene, { lines, top: most }, top) {
  const high = TRACK_H - 6
  const bottom = top + TRACK_H - 2
  const peak = most ?? Math.max(...lines.flatMap((l) => l.v.map((v) => v ?? 0)), 1e-9)
  for (const line of lines) {
    const limit = gapLimit(line.t, 0)
    pen.fillStyle = colour('--data')
    pen.strokeStyle = colour('--data')
    pen.lineWidth = 1.25
    let from = Math.max(0, lowerBound(line.t, scene.start) - 1)
    /** @type {Array<[number, number]>} */
    let run = []
    const close = () => {
      if (run.length > 1) {
        pen.globalAlpha = 0.18
        pen.beginPath()
        pen.moveTo(run[0][0], bottom)
        for (const [x, y] of run) pen.lineTo(x, y)
        pen.lineTo(run[run.length - 1][0], bottom)
        pen.fill()
        pen.globalAlpha = 1
        pen.beginPath()
        run.forEach(([x, y], i) => (i === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)))
        pen.stroke()
      }
      run = []
    }
    for (; from < line.t.length && line.t[from] <= scene.end; from += 1) {
      const v = line.v[from]
      if (v === null || (from > 0 && line.t[from] - line.t[from - 1] > limit)) close()
      if (v !== null) run.push([xOf(scene, line.t[from]), bottom - Math.min(1, v / peak) * high])
    }
    close()
  }
}
