/**
 * A line without axes beside a number: its shape over the range in view, or since its data begins where that is much shorter.
 */
import { useFeeds } from '../hooks.js'
import { since } from '../format.js'
import { html } from '../lib.js'
import { gapLimit } from '../points.js'
import { print } from '../selector.js'
import { youngSince } from '../stores/buckets.js'
import { now, serverTime } from '../stores/clock.js'
import { range } from '../stores/place.js'

const WIDTH = 88
const HEIGHT = 22
const BUCKETS = 44

/** @param {{ selector: string, metric?: Record<string, string>, top?: number }} props `metric`: which of the series; `top`: fixed end of its scale */
export function Spark({ selector, metric, top }) {
  const [feed] = useFeeds([selector])
  const line = metric ? feed.lines.get(print(metric)) : feed.lines.values().next().value
  const { seconds: whole, step, words: period, end } = range.value
  const young = youngSince.value
  const begin = young ?? (end ?? serverTime()) - whole
  const seconds = young === null ? whole : serverTime() - young
  const words = young === null ? period : `since ${since(young, now.peek())}`
  const points = line ? stretchesOf(line, begin, seconds) : []
  const most = Math.max(top ?? 0, ...points.map((p) => p?.max ?? 0)) || 1
  const limit = line ? Math.max(gapLimit(line.t, step), (seconds / BUCKETS) * 1.5) : 0
  let path = ''
  let before = -Infinity
  for (const point of points) {
    if (!point) continue
    const x = (((point.i + 0.5) / BUCKETS) * WIDTH).toFixed(1)
    const y = (/** @type {number} */ v) => (HEIGHT - 1.5 - (v / most) * (HEIGHT - 3)).toFixed(1)
    path += `${point.t - before > limit ? 'M' : 'L'}${x} ${y(point.v)}${y(point.max) === y(point.min) ? '' : `V${y(point.max)}V${y(point.min)}V${y(point.v)}`}`
    before = point.t
  }
  return html`
    <svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${path ? `its course, ${words}` : `no course, ${words}`}>
      <title>${words}</title>${path && html`<path d=${path} />`}
    </svg>`
}

/** Mean, smallest and largest of equal stretches of time. @param {import('../chart/series.js').Series} line @param {number} start @param {number} seconds */
function stretchesOf({ t, v, min, max, count }, start, seconds) {
  /** @type {Array<{ i: number, t: number, v: number, min: number, max: number, n: number }|undefined>} */
  const found = Array(BUCKETS).fill(undefined)
  t.forEach((at, k) => {
    const i = Math.min(BUCKETS - 1, Math.floor(((at - start) / seconds) * BUCKETS))
    const value = v[k]
    if (i < 0 || value === null || !Number.isFinite(value)) return
    const [low, high] = [Number.isFinite(min[k]) ? min[k] : value, Number.isFinite(max[k]) ? max[k] : value]
    const held = found[i]
    if (held) {
      held.n += count[k]
      held.v += ((value - held.v) * count[k]) / held.n
      held.t = at
      held.min = Math.min(held.min, low)
      held.max = Math.max(held.max, high)
    } else {
      found[i] = { i, t: at, v: value, min: low, max: high, n: count[k] }
    }
  })
  return found
}
