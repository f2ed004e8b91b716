/**
 * What a chart's lines are called, and their figures over the period or at the cursor. A line is hidden and shown by its name.
 *
 * Figures are signals, so that a new sample costs no new rendering; while they are live and nobody points at them, `writing.js` has them drawn.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { ChartLine } from './model.js'
 * @import { ReadonlySignal } from '../../vendor/signals-core.js'
 */
import { Swatch } from '../components/Swatch.js'
import { count } from '../format.js'
import { computed, effect, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { axis } from '../stores/buckets.js'
import { now } from '../stores/clock.js'
import { cursor } from '../stores/cursor.js'
import { compareWords, follows, utc } from '../stores/place.js'
import { pointLabel } from './axis.js'
import { bucketAt, figuresOf, gapOf } from './series.js'
import { beat } from './stage.js'
import { columnFigure, tableUnit } from './words.js'
import { useWriting } from './writing.js'

/** Above so many lines the legend can be searched. */
const SEARCHED = 8
/** So many rows find room below a small chart. */
const ROOM = 3

/** @param {{ spec: ChartSpec, lines: ChartLine[], hidden: ReadonlySet<string>, toggle: (key: string, alone: boolean) => void, shown: boolean, ahead: Map<string, string> }} props `ahead`: what is forecast of each line */
export function Legend({ spec, lines, hidden, toggle, shown, ahead }) {
  const [search, setSearch] = useState('')
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const writing = useWriting(box, shown)
  // The plot goes to its worker first, which draws while rows are made. Both are there in the same frame.
  const [there, come] = useState(false)
  useLayoutEffect(() => queueMicrotask(() => come(true)), [])
  const own = lines.filter((l) => !l.before)
  const earlier = new Map(lines.filter((l) => l.before).map((l) => [l.key, l]))
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = !there ? [] : own.filter((l) => words.every((w) => l.name.toLowerCase().includes(w)))
  const head = useMemo(() => computed(() => (cursor.value === null ? 'last' : pointLabel(cursor.value, now.peek(), utc.value))), [])
  const rows = lines.length + ahead.size
  // What does not find room is scrolled to: how many there are is said where it cannot be cut.
  const corner = [rows > ROOM && count(lines.length, 'line'), tableUnit(spec.unit)].filter(Boolean).join(', ')
  return html`
    ${own.length > SEARCHED && html`<input class="legend-search" type="search" value=${search} placeholder=${`Search these ${own.length} lines`} aria-label=${`Search the ${own.length} lines of ${spec.title} that are drawn`}
      onInput=${(/** @type {any} */ e) => setSearch(e.target.value)} />`}
    <div class="legend-wrap" ref=${box} tabindex=${rows > ROOM ? 0 : undefined} role="region" aria-label=${`Figures of ${spec.title}`}>
      <table class="legend">
        <thead><tr><th>${corner || html`<span class="unseen">Line</span>`}</th><th class="num">${head}</th><th class="num">min</th><th class="num">mean</th><th class="num">max</th></tr></thead>
        <tbody>
          ${found.map((line) => html`
            <${Row} key=${line.key} spec=${spec} line=${line} alone=${own.length === 1} hidden=${hidden.has(line.key)} toggle=${toggle} shown=${shown} writing=${writing} />
            ${earlier.has(line.key) && html`<${Row} key=${`before ${line.key}`} spec=${spec} line=${earlier.get(line.key)} alone hidden=${hidden.has(line.key)} toggle=${toggle} shown=${shown} writing=${writing} />`}
            ${ahead.has(line.key) && html`<tr class="legend-ahead" key=${`ahead ${line.key}`}><td colspan="5">${ahead.get(line.key)}</td></tr>`}`)}
        </tbody>
      </table>
      <div class="legend-written"></div>
    </div>`
}

/** @param {{ spec: ChartSpec, line: ChartLine, alone: boolean, hidden: boolean, toggle: (key: string, alone: boolean) => void, shown: boolean, writing: import('./writing.js').Writing }} props */
function Row({ spec, line, alone, hidden, toggle, shown, writing }) {
  const texts = useFigures(spec, line, shown)
  const row = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => (row.current ? writeFigures(row.current, texts, writing.drawn) : undefined), [texts])
  useEffect(() => {
    if (!row.current) return undefined
    const added = { row: row.current, texts }
    writing.rows.add(added)
    writing.version.value += 1
    return () => { writing.rows.delete(added) }
  }, [texts])
  const name = line.before ? `the ${compareWords.value || 'time before'}` : line.name
  return html`
    <tr ref=${row} class=${line.before ? 'legend-before' : ''} data-series=${line.before ? undefined : line.series.key}>
      <td>${alone
        ? html`<span class="legend-name"><bdi>${name}</bdi></span>`
        : html`<button type="button" class="legend-name" aria-pressed=${!hidden} title=${`${name}\nShift: only this one`} onClick=${(/** @type {MouseEvent} */ e) => toggle(line.key, e.shiftKey)}>
            <${Swatch} colour=${line.colour} /><bdi>${name}</bdi></button>`}</td>
      ${texts.map((_, i) => html`<td class=${i === 0 ? 'num legend-last' : 'num'}><span class="legend-figure"></span></td>`)}
    </tr>`
}

/**
 * Keeps the figures of a row as text, or as the names of the pictures that show them. By hand: a signal for each text and attribute takes most of the time of a long legend.
 * @param {HTMLElement} row @param {ReadonlySignal<string>[]} texts @param {ReadonlySignal<boolean>} drawn @returns {() => void} ends it
 */
function writeFigures(row, texts, drawn) {
  const figures = [...row.querySelectorAll('.legend-figure')]
  /** What each says, and whether as a picture. @type {Array<{ text: string, picture: boolean }>} */
  const written = []
  return effect(() => {
    const picture = drawn.value
    texts.forEach(({ value: text }, i) => {
      const before = written[i]
      if (before?.text === text && before.picture === picture) return
      written[i] = { text, picture }
      const figure = figures[i]
      if (picture) figure.setAttribute('aria-label', text)
      if (before?.picture === picture && picture) return
      figure.textContent = picture ? '' : text
      if (picture) figure.setAttribute('role', 'img')
      else for (const name of ['role', 'aria-label']) figure.removeAttribute(name)
    })
  })
}

/** @param {ChartSpec} spec @param {ChartLine} line @param {boolean} shown nothing is worked out out of sight */
function useFigures({ unit }, { series, buckets }, shown) {
  return useMemo(() => {
    // Live figures are renewed together; where the view stands, with each answer.
    const renewed = () => (follows.value ? beat.value : buckets.version.value)
    const all = computed(() => {
      if (shown) renewed()
      const { start, end } = shown && !follows.value ? axis.value : axis.peek()
      return figuresOf(series, start, follows.peek() ? Infinity : end)
    })
    const last = computed(() => {
      const time = shown ? cursor.value : null
      if (time === null) return columnFigure(all.value.last, unit)
      renewed()
      const at = bucketAt(series, time, buckets.step, gapOf(series, buckets.step, buckets.sampling))
      return columnFigure(at < 0 ? null : series.v[at], unit)
    })
    return [last, ...(/** @type {const} */ (['min', 'mean', 'max'])).map((name) => computed(() => columnFigure(all.value[name], unit)))]
  }, [series, buckets, unit, shown])
}
