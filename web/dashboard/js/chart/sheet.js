/**
 * What is sent to where charts are drawn: sheets, each with what differs from the one before.
 *
 * A beat changes the newest buckets of a line or a band and the time, so that is all that a sheet has then. Numbers of all lines go one after another
 * onto a tape, which costs neither an object a point nor a copy on its way.
 *
 * @import { Tail, Tape } from './columns.js'
 * @import { Limit, LineStyle, Tick } from './draw.js'
 * @import { Frame, Size } from './frame.js'
 * @import { Series } from './series.js'
 * @import { TimeLabel } from './times.js'
 * @import { Unit } from '../format.js'
 * @typedef {{ series: Series, changes: import('./changes.js').Changes, colour: string, step: number, gap: number, dashed: boolean }} PictureLine
 * @typedef {{ name: string, t: number[], low: Array<number|null>, high: Array<number|null>, colour?: string }} Band  a range of values over time: what is expected, or a forecast
 * @typedef {{ data: [number[], ...Array<Array<number|null|undefined>>], colours: string[] }} Stack
 * @typedef {{
 *   lines: PictureLine[], stack: Stack|null, bands: Band[], thresholds: import('../stores/alerts.js').Threshold[], events: import('../types.js').Event[], marked: import('../types.js').Event|null,
 *   span: [number, number], live: boolean, utc: boolean, reach?: [number, number]
 * }} Picture  all that is drawn; `live`: its time goes on, and it ends with the end of a bucket; `reach`: values that marks over it need
 * @typedef {Omit<Frame, 'start'|'end'|'times'|'css'> & { live: boolean, lines: LineStyle[], bands: string[], limits: Limit[], ticks: Tick[], ink: string, grid: string, edge: string }} Fixed
 *   what stays from beat to beat; `bands`: their colours; `ink`, `grid`, `edge`: colours of labels, of lines of the axis, and of the lane of events
 * @typedef {{ fixed: Fixed|null, start: number, end: number, until: number, times: TimeLabel[], tails: Tail[], bands: Tail[], stack: { data: Stack['data'], inks: string[] }|null }} Sheet  `fixed`: null where it is as before
 */
import { lowerBound } from '../points.js'
import { same } from '../share.js'
import { COLUMNS, ENDS } from './columns.js'
import { frameOf, valuesOf } from './frame.js'
import { boundsOf } from './series.js'

/**
 * The sheets of one chart, each to be read after the one before.
 * @param {Unit} unit @param {(bounds: [number, number]|null) => [number, number]} scaleOf the ends of the value axis
 * @param {{ widthOf: (text: string) => number, colour: (property: string) => string, markOf: (severity: any) => string, weightOf: (event: any) => string }} words how texts are measured, and colours found
 * @returns {(picture: Picture, size: Size, tape: Tape) => { sheet: Sheet, frame: Frame }}
 */
export function sheets(unit, scaleOf, words) {
  /** @type {Fixed|null} */
  let fixed = null
  /** @type {Array<{ series: Series, version: number }>} */
  let sent = []
  /** @type {Band[]} */
  let sentBands = []
  const ticksOf = inkedTicks(words)
  /** @type {import('./frame.js').Values|null} */
  let axis = null
  let tall = 0
  return (picture, size, tape) => {
    const { colour } = words
    const [low, high] = scaleOf(boundsOfPicture(picture))
    if (!axis || axis.low !== low || axis.high !== high || tall !== size.height) axis = valuesOf(size.height, [low, high], unit, words.widthOf)
    tall = size.height
    const frame = frameOf(size, picture, axis, words.widthOf)
    const { start, end, times, css: _, ...place } = frame
    const next = {
      ...place, live: picture.live, ticks: ticksOf(picture, colour('--ink-3')), ink: colour('--ink-3'), grid: colour('--line'), edge: colour('--line-2'),
      lines: picture.lines.map(({ colour: property, step, gap, dashed }) => ({ ink: colour(property), step, gap, dashed })),
      bands: picture.bands.map(({ colour: property = '--accent' }) => colour(property)),
      limits: picture.thresholds.map(({ value, severity }) => ({ value, ink: colour(`--${words.markOf(severity)}`) })),
    }
    const differs = !fixed || !same(fixed, next)
    if (differs) fixed = next
    const tails = picture.lines.map((line, i) => tailOf(line, sent[i], tape))
    sent = picture.lines.map(({ series, changes }) => ({ series, version: changes.version }))
    const bands = picture.bands.map((band, i) => endsOf(band, sentBands[i], tape))
    sentBands = picture.bands
    const stack = picture.stack && { data: picture.stack.data, inks: picture.stack.colours.map(colour) }
    return { frame, sheet: { fixed: differs ? next : null, start, end, until: picture.live ? picture.span[1] : Infinity, times, tails, bands, stack } }
  }
}

/** @param {PictureLine} line @param {{ series: Series, version: number }|undefined} before what was sent of it @param {Tape} tape @returns {Tail} */
function tailOf({ series, changes }, before, tape) {
  const from = before?.series === series ? changes.since(before.version) : -Infinity
  const at = tape.length
  const begun = lowerBound(series.t, from)
  for (const name of COLUMNS) tape.add(series[name], begun)
  return { first: series.t[0] ?? -Infinity, from, at, count: series.t.length - begun }
}

/** Bands are made anew each time, so what differs is looked for. @param {Band} band not to be changed afterwards @param {Band|undefined} before what was sent of it @param {Tape} tape @returns {Tail} */
function endsOf(band, before, tape) {
  const first = band.t[0] ?? Infinity
  const from = before ? changedFrom(band, before, lowerBound(before.t, first)) : -Infinity
  const at = tape.length
  const begun = lowerBound(band.t, from)
  for (const name of ENDS) tape.add(band[name], begun)
  return { first, from, at, count: band.t.length - begun }
}

/** The first time at which two bands differ; ∞ where they do not. @param {Band} band @param {Band} before @param {number} gone so many of the one before are older */
function changedFrom(band, before, gone) {
  const length = Math.max(band.t.length, before.t.length - gone)
  for (let i = 0; i < length; i += 1) if (ENDS.some((name) => band[name][i] !== before[name][gone + i])) return Math.min(band.t[i] ?? Infinity, before.t[gone + i] ?? Infinity)
  return Infinity
}

/** Ticks of events; the same list for the same events, since there may be hundreds. @param {{ colour: (property: string) => string, weightOf: (event: any) => string }} words */
function inkedTicks({ colour, weightOf }) {
  /** @type {Tick[]} */
  let ticks = []
  /** @type {unknown[]} */
  let key = []
  return (/** @type {Picture} */ { events, marked }, /** @type {string} */ plain) => {
    // Another theme has another plain ink.
    const next = [events, marked, plain]
    if (next.some((part, i) => part !== key[i])) {
      key = next
      ticks = events.map((event) => {
        const weight = weightOf(event)
        return { time: event.time, marked: event === marked, ink: colour(event === marked ? '--accent' : weight === 'info' ? '--ink-3' : `--${weight}`) }
      })
    }
    return ticks
  }
}

/** @param {Picture} picture @returns {[number, number]|null} */
function boundsOfPicture({ lines, stack, bands, reach, span: [start, end] }) {
  const found = stack ? boundsOfStack(stack.data, start, end) : boundsOf(lines.map((l) => l.series), start, end)
  const [low, high] = [bands.flatMap((b) => b.low), bands.flatMap((b) => b.high)].map((list) => list.filter((v) => v !== null))
  if (low.length > 0 && high.length > 0) return within(reach, [Math.min(found?.[0] ?? Infinity, ...low), Math.max(found?.[1] ?? -Infinity, ...high)])
  return within(reach, found)
}

/**
 * The values of an axis that has room for marks. What lies far above the lines leaves them half of the height at the least.
 * @param {[number, number]|undefined} reach least and greatest value of the marks @param {[number, number]|null} found of the lines @returns {[number, number]|null}
 */
export function within(reach, found) {
  if (!reach || !found) return found
  const [low, high] = found
  return [Math.min(low, reach[0]), Math.max(high, Math.min(reach[1], 2 * Math.max(high, 0)))]
}

/** @param {Stack['data']} data @param {number} start @param {number} end @returns {[number, number]} */
function boundsOfStack([times, ...sums], start, end) {
  let high = 0
  const top = sums[sums.length - 1] ?? []
  times.forEach((t, i) => {
    if (t < start || t > end) return
    for (const sum of [top, ...sums]) high = Math.max(high, sum[i] ?? 0)
  })
  return [0, high]
}
