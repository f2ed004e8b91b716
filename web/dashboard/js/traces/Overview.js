/**
 * The whole trace, small: every span a stroke. A pull marks the stretch that the waterfall shows.
 *
 * @import { View } from './view.js'
 */
import { penOf } from '../canvas.js'
import { colour } from '../colour.js'
import { useWidth } from '../hooks.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { repaint } from '../stores/theme.js'

const HEIGHT = 48
const LEAST_PULL_PX = 4
const MOST_STROKE = 6

/** @param {{ view: View, window: [number, number], whole: [number, number], setZoom: (to: [number, number]|null) => void }} props */
export function Overview({ view, window, whole, setZoom }) {
  const [box, width] = useWidth()
  const canvas = useRef(/** @type {HTMLCanvasElement|null} */ (null))
  const [pull, setPull] = useState(/** @type {[number, number]|null} */ (null))
  useEffect(() => { if (canvas.current && width > 0) paint(canvas.current, view, width, whole[1]) }, [view, width, repaint.value])
  /** @param {PointerEvent} event */
  const timeAt = (event) => {
    const edge = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect()
    return (Math.max(0, Math.min(edge.width, event.clientX - edge.left)) / Math.max(1, edge.width)) * whole[1]
  }
  /** @param {PointerEvent} event */
  const down = (event) => {
    if (event.button !== 0) return
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId)
    setPull([timeAt(event), timeAt(event)])
  }
  /** @param {PointerEvent} event */
  const move = (event) => { if (pull) setPull([pull[0], timeAt(event)]) }
  const up = () => {
    if (pull) {
      const [from, to] = pull[0] < pull[1] ? pull : [pull[1], pull[0]]
      if (((to - from) / whole[1]) * width >= LEAST_PULL_PX) setZoom([from, to])
    }
    setPull(null)
  }
  const [from, to] = pull ? [Math.min(...pull), Math.max(...pull)] : window
  const part = (/** @type {number} */ seconds) => `${(100 * seconds) / whole[1]}%`
  return html`
    <div class="overview" ref=${box} title="Pull to look at a part of the time" onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${() => setPull(null)} onDblClick=${() => setZoom(null)}>
      <canvas ref=${canvas} aria-hidden="true"></canvas>
      ${(from > 0 || to < whole[1]) && html`<i class="overview-rest" style=${{ left: '0', width: part(from) }}></i><i class="overview-rest" style=${{ left: part(to), right: '0' }}></i>`}
    </div>`
}

/** @param {HTMLCanvasElement} canvas @param {View} view @param {number} width @param {number} length */
function paint(canvas, { tree, colours }, width, length) {
  const pen = penOf(canvas, width, HEIGHT)
  if (!pen) return
  const each = (HEIGHT - 4) / Math.max(1, tree.nodes.length)
  const stroke = Math.max(1, Math.min(MOST_STROKE, each * 0.7))
  // Errors above all others, or those would hide them.
  for (const errors of [false, true]) {
    tree.nodes.forEach(({ span, from, to }, at) => {
      if (!span || (span.status === 'error') !== errors) return
      pen.fillStyle = colour(errors ? '--error' : colours.get(span.service) ?? '--data')
      pen.fillRect((from / length) * width, 2 + at * each, Math.max(errors ? 3 : 1, ((to - from) / length) * width), stroke)
    })
  }
}
