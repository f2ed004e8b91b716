/**
 * The course of a query over the time in which something was seen, in place.
 *
 * @import { BucketRow } from '../chart/series.js'
 * @import { Unit } from '../format.js'
 */
import { pointLabel } from '../chart/axis.js'
import { fromRow } from '../chart/series.js'
import { Swatch } from '../components/Swatch.js'
import { quoted } from '../format.js'
import { useAnswer, useWidth } from '../hooks.js'
import { html, useMemo, useState } from '../lib.js'
import { now } from '../stores/clock.js'
import { address, utc } from '../stores/place.js'
import { axisOf, figureAt, linesOf, MOST_LINES, pathsOf, questionOf, summaryOf, timesOf, unitOfQuery } from './course.js'

const HEIGHT = 120
/** Below the plot, for times. */
const TIMES = 18
/** Left of the plot, for figures. */
const FIGURES = 52
/** A label of a time needs so much room. */
const LABEL = 90
/** Keys move the cursor by this part of the time. */
const STEPS = 40

/** @param {{ query: string, start: number, end: number, unit?: Unit, title: string, moments?: number[], follow?: () => void }} props `moments`: when something changed; `follow`: its link is followed */
export function Strip({ query, start, end, unit, title, moments = [], follow }) {
  const question = useMemo(() => questionOf(query, start, end), [query, start, end])
  const { data, error, state, retry } = useAnswer('/api/v1/buckets', question)
  const lines = useMemo(() => linesOf((/** @type {BucketRow[]} */ (data?.result ?? [])).map((row) => fromRow(row)).filter(({ t }) => t.length > 0)), [data])
  const time = { ...question, step: data?.step ?? question.step }
  const whole = address('explore', '', { query: question.query, view: 'graph', range: '', from: String(question.start), to: String(question.end) })
  return html`
    <figure class="strip" data-face=${state === 'ready' ? (lines.length > 0 ? 'data' : 'empty') : state}>
      ${state === 'error' ? html`<div class="strip-room"><p class="problem" role="alert">${error} <button type="button" class="button" onClick=${retry}>Try again</button></p></div>`
        : state === 'loading' ? html`<div class="strip-room skeleton" role="status"><span class="unseen">Loading</span></div>`
          : lines.length === 0 ? html`<div class="strip-room"><p class="quiet">No sample of it is kept of that time.</p></div>`
            : html`<${Drawn} title=${title} lines=${lines} time=${time} moments=${moments} unit=${unit ?? unitOfQuery(query)} />`}
      <figcaption>
        ${data?.total > MOST_LINES && html`<span class="quiet">${MOST_LINES} of ${data.total} series are drawn. </span>`}<a class="link" href=${whole} onClick=${follow}>Look at its history</a> <code class="quiet"><bdi>${quoted(query, 200)}</bdi></code>
      </figcaption>
    </figure>`
}

/** @param {{ title: string, lines: import('./course.js').StripLine[], time: { start: number, end: number, step: number }, moments: number[], unit: Unit }} props */
function Drawn({ title, lines, time, moments, unit }) {
  const [box, width] = useWidth()
  const [at, point] = useState(/** @type {number|null} */ (null))
  const plot = Math.max(1, width - FIGURES)
  const axis = useMemo(() => axisOf(lines, unit), [lines, unit])
  const paths = useMemo(() => (width > 0 ? lines.map(({ series }) => pathsOf(series, time, axis, plot, HEIGHT)) : []), [lines, axis, plot, time.start, time.end])
  const { start, end, step } = time
  const x = (/** @type {number} */ t) => FIGURES + ((t - start) / (end - start)) * plot
  /** @param {MouseEvent} event */
  const follow = (event) => {
    const left = /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left + FIGURES
    point(start + Math.min(1, Math.max(0, (event.clientX - left) / plot)) * (end - start))
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key]
    const to = event.key === 'Home' ? start : event.key === 'End' ? end : by === undefined ? undefined : Math.min(end, Math.max(start, (at ?? (by > 0 ? start : end)) + (by * (end - start)) / STEPS))
    if (to === undefined) return
    point(to)
    event.preventDefault()
  }
  const name = (/** @type {import('./course.js').StripLine} */ line) => (lines.length > 1 ? `${quoted(line.name, 80)} ` : '')
  const summary = lines.map((line) => `${name(line)}${summaryOf(line.series, unit)}`).join('; ')
  return html`
    <div class="strip-room" ref=${box}>
      <div class="strip-plot" tabindex="0" role="group" aria-roledescription="chart" aria-label=${`${title}: ${summary}. Arrow keys move the cursor.`}
        onMouseMove=${follow} onMouseLeave=${() => point(null)} onBlur=${() => point(null)} onKeyDown=${onKeyDown}>
        ${width > 0 && html`
          <svg width=${width} height=${HEIGHT + TIMES} aria-hidden="true">
            ${axis.ticks.map(({ at: y, words }) => html`
              <path key=${words} class="strip-grid" d=${`M${FIGURES} ${((1 - y) * HEIGHT).toFixed(1)}H${width}`} />
              <text x=${FIGURES - 6} y=${Math.max(9, (1 - y) * HEIGHT + (y === 0 ? -2 : 4)).toFixed(1)} text-anchor="end">${words}</text>`)}
            ${lines.map(({ key, colour }, i) => html`<g key=${key} class=${colour.slice(2)} transform=${`translate(${FIGURES} 0)`}><path class="strip-band" d=${paths[i]?.band} /><path class="strip-line" d=${paths[i]?.line} /></g>`)}
            ${timesOf(start, end, Math.max(2, Math.floor(plot / LABEL)), now.peek()).map(({ t, words }, i, all) => html`<text key=${t} x=${x(t).toFixed(1)} y=${HEIGHT + TIMES - 4} text-anchor=${i === 0 ? 'start' : i === all.length - 1 ? 'end' : 'middle'}>${words}</text>`)}
            ${moments.filter((t) => t > start && t < end).map((t) => html`<path key=${t} class="strip-moment" d=${`M${x(t).toFixed(1)} 0V${HEIGHT}`} />`)}
            ${at !== null && html`<path class="strip-cursor" d=${`M${x(at).toFixed(1)} 0V${HEIGHT}`} />`}
          </svg>`}
      </div>
    </div>
    <ul class="strip-legend">
      ${lines.map((line) => html`<li key=${line.key}>${lines.length > 1 && html`<${Swatch} colour=${line.colour} /><bdi>${quoted(line.name, 80)}</bdi>`} <span class="num">${at === null ? summaryOf(line.series, unit) : figureAt(line.series, at, step, unit)}</span></li>`)}
      <li class="quiet">${at === null ? '' : pointLabel(at, now.peek(), utc.value)}</li>
    </ul>
    <span class="unseen" role="status">${at === null ? '' : `${pointLabel(at, now.peek(), utc.value)}: ${lines.map((line) => `${name(line)}${figureAt(line.series, at, step, unit)}`).join(', ')}`}</span>`
}
