/**
 * Traces as dots: when each began, and how long it took.
 *
 * Pure. Durations differ by powers of ten, so their axis goes by those.
 *
 * @import { TraceRow } from '../types.js'
 * @typedef {{ x: number, y: number, trace: TraceRow }} Dot
 * @typedef {{ dots: Dot[], ticks: Array<{ y: number, seconds: number }> }} Dots
 */
import { momentOf, unix } from './moments.js'

/** What is shorter stands on the lowest line. */
const LEAST_S = 1e-6

/** @param {TraceRow[]} traces @param {number} start @param {number} end Unix seconds @param {number} width @param {number} height of the plot, pixels @returns {Dots} */
export function dotsOf(traces, start, end, width, height) {
  const lengths = traces.map(({ duration_seconds: s }) => Math.max(LEAST_S, s))
  if (lengths.length === 0) return { dots: [], ticks: [] }
  const [low, high] = lengths.reduce(([a, b], s) => [Math.min(a, s), Math.max(b, s)], [Infinity, 0]).map(Math.log10)
  const [bottom, top] = [Math.floor(low + 1e-9), Math.max(Math.floor(low + 1e-9) + 1, Math.ceil(high - 1e-9))]
  const yOf = (/** @type {number} */ seconds) => height - ((Math.log10(seconds) - bottom) / (top - bottom)) * height
  const dots = traces.map((trace, i) => {
    const at = momentOf(trace.start)
    return { x: (((at ? unix(at) : start) - start) / Math.max(1e-9, end - start)) * width, y: yOf(lengths[i]), trace }
  })
  const ticks = []
  for (let power = bottom; power <= top; power += Math.ceil((top - bottom) / 4)) ticks.push({ y: yOf(10 ** power), seconds: 10 ** power })
  return { dots: dots.filter(({ x }) => x >= 0 && x <= width), ticks }
}

/** The nearest dot within reach; undefined where there is none. @param {Dot[]} dots @param {number} x @param {number} y @param {number} reach pixels */
export function nearest(dots, x, y, reach) {
  /** @type {Dot|undefined} */
  let found
  let least = reach
  for (const dot of dots) {
    const away = Math.hypot(dot.x - x, dot.y - y)
    if (away <= least) [found, least] = [dot, away]
  }
  return found
}
