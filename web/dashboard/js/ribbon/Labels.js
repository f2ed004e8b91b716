/**
 * What stands around the ribbon's canvas: names before the lanes, figures behind them, and all marks as text for who does not see them.
 *
 * @import { Bar, Lane } from './lanes.js'
 * @import { Track } from './paint.js'
 */
import { DASH, format, money, since, span } from '../format.js'
import { html } from '../lib.js'
import { NO_TITLE } from '../timeline.js'
import { valueAt } from '../points.js'
import { board } from '../stores/boards.js'
import { cursor } from '../stores/cursor.js'
import { minute } from '../stores/pace.js'
import { address, historyOf, range } from '../stores/place.js'
import { spentToday } from '../stores/spent.js'
import { figureOf } from './model.js'
import { visible } from './lanes.js'

/** Marks of a lane that are read out: the newest. */
const TOLD = 10
/** @type {Record<Lane['group'], string>} */
const PAGE_OF = { task: 'tasks', agent: 'agents', ci: 'ci', probe: 'application', alert: 'alerts' }

/** Names are reached by pointer; by keyboard the marks lead to the same pages, with one stop for all. @param {{ lanes: Lane[], tracks: Track[] }} props */
export function Names({ lanes, tracks }) {
  const empty = !board.value
  const idle = lanes.every((lane) => lane.group !== 'task' || lane.name === '')
  return html`
    <ul class="ribbon-names">
      ${lanes.map((lane, i) => html`
        <li key=${lane.key} class="ribbon-name" title=${lane.title}>
          ${lane.group === 'task' && lane.name === '' ? i === 0 && (empty || idle) && html`<span class="quiet">${empty ? 'no board' : 'no task was worked on'}</span>`
            : lane.name !== '' && html`<a tabindex="-1" href=${address(PAGE_OF[lane.group], lane.group === 'task' ? lane.name : '')}>
                ${lane.group === 'task' ? html`<span class="task-id">${lane.name}</span><bdi class="ribbon-title">${lane.title || NO_TITLE}</bdi>` : lane.name}</a>`}
        </li>`)}
      ${tracks.map((track) => html`<li key=${track.name} class="ribbon-name ribbon-track"><a tabindex="-1" href=${historyOf(track.selector)}>${track.name}</a></li>`)}
    </ul>`
}

/** @param {{ lanes: Lane[], tracks: Track[] }} props */
export function Figures({ lanes, tracks }) {
  const start = (range.value.end ?? minute.value) - range.value.seconds
  return html`
    <ul class="ribbon-figures">
      ${lanes.map((lane) => {
        const { words, title } = figureOf(lane, start, minute.value)
        return html`<li key=${lane.key} class="ribbon-name" title=${title}><b>${words}</b>${lane.group === 'task' && lane.name !== '' && html`<${More} lane=${lane} />`}</li>`
      })}
      ${tracks.map((track) => html`<${TrackFigure} key=${track.name} track=${track} />`)}
    </ul>`
}

/** How long such tasks take, or what it cost where an agent tells of it. @param {{ lane: Lane }} props */
function More({ lane }) {
  const cost = board.value?.items.find((i) => i.id === lane.name)?.cost
  if (cost?.money !== undefined) return html`<span class="quiet">${money(cost.money, spentToday.value?.currency)}</span>`
  return lane.usual !== null && lane.bars.length > 0 && html`<span class="quiet">usual ${span(Math.round(lane.usual))}</span>`
}

/** At the cursor, else the newest. @param {{ track: Track }} props */
function TrackFigure({ track: { name, line, step, selector } }) {
  const at = cursor.value ?? line?.t[line.t.length - 1] ?? 0
  const text = format(line ? valueAt(line, at, step) : null, 'ratio')
  return html`<li class="ribbon-name ribbon-track" title=${text === DASH ? 'Nothing was measured at this time' : ''}><a tabindex="-1" class="figure" href=${historyOf(selector)} aria-label=${`${name}: ${text}`}>${text}</a></li>`
}

/** A mark in words. @param {Bar} bar @param {number} now */
export function timesOf(bar, now) {
  const from = bar.seen ? since(bar.start, now) : `before ${since(bar.start, now)}`
  const length = span(Math.max(1, Math.round((bar.end ?? now) - bar.start)))
  return `${from}${bar.end === null ? ', goes on' : ` to ${since(bar.end, now)}`}, ${bar.seen ? '' : 'at least '}${length}`
}

/** @param {{ lanes: Lane[] }} props */
export function Marks({ lanes }) {
  const start = (range.value.end ?? minute.value) - range.value.seconds
  return html`
    <ul class="unseen" aria-label="Marks of the ribbon">
      ${lanes.filter((lane) => lane.bars.length > 0).flatMap((lane) => lane.bars.slice(Math.max(visible(lane, start), lane.bars.length - TOLD))
        .map((bar) => html`<li key=${`${lane.key} ${bar.start} ${bar.title}`}>${bar.title}: ${bar.words}, ${timesOf(bar, minute.value)}</li>`))}
    </ul>`
}
