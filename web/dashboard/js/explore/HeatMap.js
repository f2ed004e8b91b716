/**
 * A heat map on a canvas: time from left to right, buckets from below, colour by how many observations fell into each.
 *
 * The pointer, or the arrow keys, tell count and bounds of a cell. The time axis is that of the charts, and so are moving and zooming.
 *
 * @import { Heat } from './heat.js'
 * @import { Unit } from '../format.js'
 */
import { attach } from '../chart/gestures.js'
import { penOf } from '../canvas.js'
import { colour } from '../colour.js'
import { FONT_FACE } from '../fonts.js'
import { clockTime, count, day, digits, exactTime, format } from '../format.js'
import { useWidth } from '../hooks.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { cursor } from '../stores/cursor.js'
import { period } from '../stores/place.js'
import { repaint } from '../stores/theme.js'
import { offsetAt, utc } from '../zone.js'
import { CLASSES, classesOf, classOf, columnAt, ticksOf } from './heat.js'

const LEFT = 64
const BELOW = 22
const FONT = `11px ${FONT_FACE}`
const LABEL_SPACE = 16
const TICK_SPACE = 72

/** How strong the colour of a class is. @param {number} index */
const strength = (index) => 0.14 + (0.86 * (index + 1)) / CLASSES

/** @param {number} bound @param {Unit} unit */
const boundWords = (bound, unit) => (bound === Infinity ? '∞' : bound === -Infinity ? '−∞' : format(bound, unit))

/** @param {{ heat: Heat, unit: Unit, height?: number, label: string }} props */
export function HeatMap({ heat, unit, height = 320, label }) {
  const [box, width] = useWidth()
  const canvas = useRef(/** @type {HTMLCanvasElement|null} */ (null))
  const [cell, setCell] = useState(/** @type {[number, number]|null} */ (null))
  const classes = useMemo(() => classesOf(heat.most), [heat])
  const { start, end } = period.value
  const plane = { left: LEFT, width: Math.max(1, width - LEFT), height: height - BELOW, start, end }

  const held = useRef(plane)
  held.current = plane
  useEffect(() => {
    const into = canvas.current
    if (!into) return undefined
    const left = () => into.getBoundingClientRect().left + LEFT
    const timeAt = (/** @type {number} */ x) => held.current.start + ((x - left()) / held.current.width) * (held.current.end - held.current.start)
    return attach(into, { left, width: () => held.current.width, timeAt }, () => undefined)
  }, [])
  useEffect(() => {
    if (canvas.current && width > 0 && document.visibilityState === 'visible') paint(canvas.current, heat, classes, unit, { ...plane, full: width, total: height }, cell)
  }, [heat, unit, width, height, start, end, cell, repaint.value, utc.value])

  /** @param {PointerEvent} event */
  const onPointerMove = (event) => {
    const edge = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect()
    const time = start + ((event.clientX - edge.left - LEFT) / plane.width) * (end - start)
    const row = Math.floor((1 - (event.clientY - edge.top) / plane.height) * heat.buckets.length)
    const at = columnAt(heat, time)
    cursor.value = time >= start ? time : null
    const found = at >= 0 && row >= 0 && row < heat.buckets.length
    if (found ? cell?.[0] !== at || cell[1] !== row : cell !== null) setCell(found ? [at, row] : null)
  }
  const leave = () => {
    cursor.value = null
    setCell(null)
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key]
    if (event.key === 'Escape') leave()
    if (!step || heat.t.length === 0) return
    event.preventDefault()
    const [c, r] = cell ?? [heat.t.length, 0]
    const next = /** @type {[number, number]} */ ([Math.max(0, Math.min(heat.t.length - 1, c + step[0])), Math.max(0, Math.min(heat.buckets.length - 1, r + step[1]))])
    setCell(next)
    cursor.value = heat.t[next[0]] - heat.step / 2
  }
  return html`
    <div class="heat">
      <div class="heat-legend">
        <span class="quiet">observations a step of ${format(heat.step, 'seconds')}</span>
        <ol aria-label="Colours">${classes.map((to, i) => html`<li key=${i}><${Shade} at=${i} /><span class="num">≤ ${digits(to)}</span></li>`)}</ol>
      </div>
      <div class="heat-box" ref=${box}>
        <canvas ref=${canvas} tabindex="0" role="img" aria-label=${`${label}. Arrow keys go from cell to cell.`} data-cells=${heat.cells.length} data-most=${heat.most}
          onPointerMove=${onPointerMove} onPointerLeave=${leave} onKeyDown=${onKeyDown} onBlur=${leave}></canvas>
        ${cell && cell[0] < heat.t.length && html`<${Tip} heat=${heat} cell=${cell} unit=${unit} plane=${plane} />`}
      </div>
    </div>`
}

/** A colour of the scale. @param {{ at: number }} props */
function Shade({ at }) {
  const shade = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => { if (shade.current) shade.current.style.opacity = String(strength(at)) }, [at])
  return html`<i class="heat-shade" ref=${shade}></i>`
}

/** @param {{ heat: Heat, cell: [number, number], unit: Unit, plane: { left: number, width: number, height: number, start: number, end: number } }} props */
function Tip({ heat, cell: [c, r], unit, plane }) {
  const tip = useRef(/** @type {HTMLElement|null} */ (null))
  const { from, to } = heat.buckets[r]
  const value = heat.cells[c * heat.buckets.length + r]
  const time = heat.t[c]
  useLayoutEffect(() => {
    const parent = tip.current?.parentElement
    if (!tip.current || !parent) return
    const x = plane.left + ((time - heat.step / 2 - plane.start) / (plane.end - plane.start)) * plane.width
    const y = (1 - (r + 1) / heat.buckets.length) * plane.height
    tip.current.style.left = `${Math.max(0, Math.min(parent.clientWidth - tip.current.offsetWidth, x + 12))}px`
    tip.current.style.top = `${Math.max(0, y - tip.current.offsetHeight - 4)}px`
  })
  const clock = heat.step < 60 ? exactTime : clockTime
  return html`
    <div class="tip heat-tip" ref=${tip} role="status">
      <b>${value === null ? 'not measured' : count(value === Math.round(value) ? value : Number(value.toPrecision(3)), 'observation')}</b>
      <span>over ${boundWords(from, unit)}${to === Infinity ? '' : `, up to ${boundWords(to, unit)}`}</span>
      <span class="quiet">${day(time)} ${clock(time - heat.step)} to ${clock(time)}</span>
    </div>`
}

/**
 * @param {HTMLCanvasElement} canvas @param {Heat} heat @param {number[]} classes @param {Unit} unit
 * @param {{ left: number, width: number, height: number, start: number, end: number, full: number, total: number }} plane @param {[number, number]|null} chosen
 */
function paint(canvas, heat, classes, unit, { left, width, height, start, end, full, total }, chosen) {
  const to = penOf(canvas, full, total)
  if (!to) return
  const rows = heat.buckets.length
  const x = (/** @type {number} */ time) => left + ((time - start) / (end - start)) * width
  const y = (/** @type {number} */ row) => height - (row / rows) * height
  to.save()
  to.beginPath()
  to.rect(left, 0, width, height)
  to.clip()
  to.fillStyle = colour('--panel-2')
  heat.t.forEach((time) => to.fillRect(x(time - heat.step), 0, x(time) - x(time - heat.step), height))
  to.fillStyle = colour('--series-1')
  const scale = devicePixelRatio || 1
  const snap = (/** @type {number} */ at) => Math.round(at * scale) / scale
  heat.cells.forEach((value, i) => {
    const found = classOf(value, classes)
    if (found < 0) return
    const [c, r] = [Math.floor(i / rows), i % rows]
    const [x0, x1, y0, y1] = [snap(x(heat.t[c] - heat.step)), snap(x(heat.t[c])), snap(y(r + 1)), snap(y(r))]
    to.globalAlpha = strength(found)
    to.fillRect(x0, y0, Math.max(1 / scale, x1 - x0), Math.max(1 / scale, y1 - y0))
  })
  to.globalAlpha = 1
  if (chosen && chosen[0] < heat.t.length) {
    to.strokeStyle = colour('--ink')
    to.lineWidth = 1.5
    to.strokeRect(x(heat.t[chosen[0]] - heat.step), y(chosen[1] + 1), x(heat.t[chosen[0]]) - x(heat.t[chosen[0]] - heat.step), y(chosen[1]) - y(chosen[1] + 1))
  }
  to.restore()
  labels(to, heat, unit, { left, width, height, start, end, total }, x, y)
}

/** @param {CanvasRenderingContext2D} to @param {Heat} heat @param {Unit} unit @param {{ left: number, width: number, height: number, start: number, end: number, total: number }} plane @param {(t: number) => number} x @param {(row: number) => number} y */
function labels(to, heat, unit, { left, width, height, start, end, total }, x, y) {
  to.font = FONT
  to.fillStyle = colour('--ink-3')
  to.textAlign = 'right'
  to.textBaseline = 'middle'
  let free = height + LABEL_SPACE
  heat.buckets.forEach((bucket, row) => {
    // A label stands at the upper end of its bucket.
    const at = Math.max(6, y(row + 1))
    if (free - at < LABEL_SPACE) return
    free = at
    to.fillText(boundWords(bucket.to, unit), left - 8, at)
  })
  to.textBaseline = 'bottom'
  to.textAlign = 'center'
  const offset = offsetAt(start)
  for (const tick of ticksOf(start, end, width / TICK_SPACE, offset)) {
    const words = (tick + offset) % 86_400 === 0 ? day(tick) : end - start < 120 ? exactTime(tick) : clockTime(tick)
    const half = to.measureText(words).width / 2
    if (x(tick) - half >= left && x(tick) + half <= left + width) to.fillText(words, x(tick), total - 3)
  }
}
