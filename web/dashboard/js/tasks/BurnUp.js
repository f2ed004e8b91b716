/**
 * The burn-up of a board: tasks done and tasks wanted since it was first seen, and the forecast of when the rest will be done.
 *
 * It has a time axis of its own, for it begins with the board and ends in the future.
 *
 * @import { Board } from '../types.js'
 */
import { Panel } from '../components/Panel.js'
import { splits, timeLabel } from '../chart/axis.js'
import { count, day, digits, since, span } from '../format.js'
import { useQuery, useWidth } from '../hooks.js'
import { html } from '../lib.js'
import { own } from '../own.js'
import { now } from '../stores/clock.js'
import { historyOf } from '../stores/place.js'
import { offsetAt, utc } from '../zone.js'
import { drawnLength, firstOf, lengthFor, quantiles, sheetOf, steps, ticks } from './progress.js'

const HEIGHT = 190
const DAY_S = 86_400
const MONTH_S = 30 * DAY_S
const POINTS = 360
/** As long as this without a sample, and nobody knows what the count was. */
const LOOKBACK_S = 300

/** @param {{ board: Board }} props */
export function BurnUp({ board }) {
  const labels = `project=${JSON.stringify(board.project)},tag=${JSON.stringify(board.tag)}`
  const doneQuery = `sum(${own(`taskmaster_tasks{${labels},status="done"}`)})`
  const wantedQuery = `sum(${own(`taskmaster_tasks{${labels},status!="cancelled"}`)})`
  const coarse = useQuery({ query: doneQuery, seconds: MONTH_S, step: 7200 })
  const length = lengthFor(firstOf(coarse.lines), now.peek())
  const step = Math.max(15, Math.ceil(length / POINTS / 15) * 15)
  const both = useQuery({ query: [[doneQuery, 'done'], [wantedQuery, 'wanted']].map(([query, name]) => `label_replace(${query}, "of", "${name}", "", "")`).join(' or '), seconds: length, step })
  const [done, wanted] = ['done', 'wanted'].map((name) => both.lines.find(({ metric }) => metric.of === name))
  const at = done?.t[done.t.length - 1] ?? now.peek()
  const drawn = drawnLength(both.lines, at, length)
  // The step may take away the first of it.
  const whole = drawn > length - 2 * step
  const face = done ? 'data' : coarse.state === 'loading' || both.state === 'loading' ? 'loading' : both.state === 'error' ? 'error' : 'empty'
  return html`
    <${Panel} title=${html`<a href=${historyOf(doneQuery)}>Burn-up</a>`} note=${done ? `done of what is wanted, ${whole ? `last ${length === DAY_S ? 'day' : span(length)}` : `since ${since(at - drawn, at)}`}` : ''} kind="chart burnup" name="burnup" face=${face} error=${both.error} retry=${both.retry} live=${false}
      empty=${html`<p>Filled as soon as the board has been read once.</p>`}>
      ${done && html`<${Picture} board=${board} done=${done} wanted=${wanted} at=${at} length=${whole ? length : drawn} step=${step} />`}
    <//>`
}

/** @param {{ board: Board, done: import('../points.js').Line, wanted: import('../points.js').Line|undefined, at: number, length: number, step: number }} props `at`: the newest point: the axis moves with the answers, not with each second */
function Picture({ board, done, wanted, at, length, step }) {
  const [box, width] = useWidth()
  const end = quantiles(board.forecast, at)
  const target = Object.values(board.tasks).reduce((a, b) => a + b, 0) - (board.tasks.cancelled ?? 0)
  const most = Math.max(target, ...done.v.map((v) => v ?? 0), ...(wanted?.v ?? []).map((v) => v ?? 0))
  const size = { width, height: HEIGHT, left: 40, right: 12, above: 10, below: 24 }
  const sheet = sheetOf(size, length, at, end.length ? end[end.length - 1].at : null, most)
  const gap = Math.max(step * 1.6, LOOKBACK_S)
  const [x0, y0] = [sheet.x(at), sheet.y(board.tasks.done ?? 0)]
  const [first, last] = [end[0], end[end.length - 1]]
  const likely = end.find((q) => q.share === 0.5)
  // Of a past time it is not kept.
  const early = board.forecast && !('missing' in board.forecast) && board.forecast.p5 !== null
  const earliest = early ? `, 5\u00a0% by ${first?.share < 0.5 ? since(first.at, now.value) : 'now'}` : ''
  const labels = ticks(sheet.start, sheet.end, Math.max(2, Math.floor(width / 84)), offsetAt(sheet.start))
  const words = `${count(board.tasks.done ?? 0, 'task')} done of ${target}${end.map((q) => `; ${Math.round(q.share * 100)} % of the trials were through by ${since(q.at, at)}`).join('')}`
  return html`
    <div class="burnup-box" ref=${box}>
      ${width > 0 && html`
        <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${words}>
          ${splits(0, sheet.top, 4, 'count').filter(Number.isInteger).map((v) => html`<g key=${v}><path class="grid" d=${`M${size.left} ${sheet.y(v)}H${width - size.right}`} /><text x=${size.left - 6} y=${sheet.y(v) + 4} text-anchor="end">${digits(v)}</text></g>`)}
          ${labels.map((t, i) => html`<text key=${t} x=${sheet.x(t)} y=${HEIGHT - 6} text-anchor="middle">${sheet.x(t) > size.left + 12 && sheet.x(t) < width - 20 ? (length > 3 * 86_400 ? day(t) : timeLabel(t, labels[i - 1], utc.value, labels[1] - labels[0] < 60)) : ''}</text>`)}
          <path class="burnup-now" d=${`M${x0} ${size.above}V${HEIGHT - size.below}`} />
          ${first && html`
            <path class="burnup-band" d=${`M${x0} ${y0}L${sheet.x(first.at)} ${sheet.y(target)}H${Math.min(width - size.right, sheet.x(last.at))}Z`} />`}
          ${likely && html`<path class="burnup-likely" d=${`M${x0} ${y0}L${sheet.x(likely.at)} ${sheet.y(target)}`} />`}
          <path class="burnup-wanted" d=${steps(sheet, wanted, gap)} />
          <path class="burnup-done" d=${steps(sheet, done, gap)} />
          ${end.filter((q) => sheet.x(q.at) <= width - 4).map((q) => html`
            <g key=${q.share}><title>${`${Math.round(q.share * 100)} % of the trials were through by ${since(q.at, at)}`}</title><circle class="burnup-mark" cx=${sheet.x(q.at)} cy=${sheet.y(target)} r="4" /></g>`)}
        </svg>`}
      <ul class="burnup-legend">
        <li><i class="key key-done"></i>done <b>${digits(board.tasks.done ?? 0)}</b></li>
        <li><i class="key key-wanted"></i>wanted <b>${digits(target)}</b></li>
        ${likely ? html`<li><i class="key key-band"></i><span>forecast: half of the trials by <b>${since(likely.at, now.value)}</b>${earliest}${last !== likely && html`, ${Math.round(last.share * 100)}\u00a0% by ${since(last.at, now.value)}`}</span></li>`
          : html`<li class="quiet">${board.forecast && 'missing' in board.forecast ? `no forecast: ${board.forecast.missing}` : board.open_tasks === 0 ? 'all is done' : 'no forecast within what can be told'}</li>`}
      </ul>
    </div>`
}
