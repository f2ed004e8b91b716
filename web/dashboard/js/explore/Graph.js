/**
 * The answers of all queries as lines of one graph, and what each series was: last, lowest, mean, highest.
 *
 * @import { Answer } from './asking.js'
 * @import { Wanted } from './wanted.js'
 * @import { Line } from '../points.js'
 */
import { Plot } from '../chart/Chart.js'
import { lineColour } from '../chart/plot.js'
import { Swatch } from '../components/Swatch.js'
import { count, format } from '../format.js'
import { html, useMemo, useState } from '../lib.js'
import { withGaps } from '../points.js'
import { caption, print } from '../selector.js'
import { historyOf } from '../stores/place.js'
import { metricsOf } from './language.js'
import { unitFor } from './wanted.js'
import { useRows } from './windowed.js'
import { space } from './Browser.js'

/** Lines that are drawn: more make a carpet, and cost time at each new point. */
const DRAWN = 24
const ROW_PX = 28

/** @typedef {{ letter: string, query: string, line: Line, name: string, lowest: number|null, mean: number|null, highest: number|null, last: number|null }} Series */

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }> }} props */
export function Graph({ asked }) {
  const several = asked.length > 1
  const [hidden, hide] = useState(/** @type {Set<string>} */ (new Set()))
  const all = useMemo(() => asked.flatMap(({ wanted, answer }) => answer.lines.map((line) => seriesOf(wanted, line, several))), asked.map(({ answer }) => answer.lines))
  const units = new Set(asked.map(({ wanted }) => unitFor(wanted.text, metricsOf(wanted.text))))
  const unit = units.size === 1 ? [...units][0] : 'plain'
  const step = Math.max(...asked.map(({ answer }) => answer.step), 0)
  const shown = all.filter((s) => !hidden.has(s.line.key)).slice(0, DRAWN)
  const drawn = useMemo(() => shown.map((s) => withGaps(s.line, step)), [shown.map((s) => s.line.key).join('\n'), all, step])
  const colours = shown.map((s) => lineColour(all.indexOf(s), all.length))
  const spec = useMemo(() => {
    const names = new Map(all.map((s) => [s.line.metric, s.name]))
    return /** @type {import('../chart/specs.js').ChartSpec} */ ({
      id: 'explore', title: 'Graph', unit, selectors: [asked[0]?.wanted.text ?? ''], metricName: metricsOf(asked[0]?.wanted.text ?? '')[0],
      name: (metric) => names.get(metric) ?? caption(metric), fill: '',
    })
  }, [all, unit])
  if (drawn.length === 0 && all.length > 0) return html`<p class="face">All series are hidden.</p><${SeriesTable} all=${all} unit=${unit} colours=${new Map()} hidden=${hidden} hide=${hide} />`
  const label = `${asked.map(({ wanted }) => wanted.text).join('; ')}: ${count(all.length, 'series', 'series')}`
  return html`
    ${all.length > DRAWN && html`<p class="note" role="status">${shown.length} of ${count(all.length, 'series', 'series')} drawn: hide some to see others, or sum them up.</p>`}
    <${Plot} spec=${spec} lines=${drawn} colours=${colours} step=${step} height=${320} label=${label} />
    <${SeriesTable} all=${all} unit=${unit} colours=${new Map(shown.map((s, i) => [s.line.key, colours[i]]))} hidden=${hidden} hide=${hide} />`
}

/** @param {Wanted} wanted @param {Line} line @param {boolean} several @returns {Series} */
function seriesOf(wanted, line, several) {
  let [lowest, highest, sum, n] = [Infinity, -Infinity, 0, 0]
  for (const v of line.v) {
    if (v === null) continue
    lowest = Math.min(lowest, v)
    highest = Math.max(highest, v)
    sum += v
    n += 1
  }
  const words = caption(line.metric) || wanted.text
  // The same series of two queries are two lines.
  const key = several ? `${wanted.letter} ${line.key}` : line.key
  const own = { ...line, key, metric: { ...line.metric } }
  return {
    letter: wanted.letter, query: line.key.startsWith('{') || line.key === '' ? wanted.text : line.key, line: own, name: several ? `${wanted.letter} · ${words}` : words,
    lowest: n ? lowest : null, highest: n ? highest : null, mean: n ? sum / n : null, last: line.v.at(-1) ?? null,
  }
}

/** @param {{ all: Series[], unit: import('../format.js').Unit, colours: Map<string, string>, hidden: Set<string>, hide: (next: Set<string>) => void }} props */
function SeriesTable({ all, unit, colours, hidden, hide }) {
  const rows = useRows(all.length, ROW_PX)
  /** @param {string} key */
  const toggle = (key) => {
    const next = new Set(hidden)
    if (!next.delete(key)) next.add(key)
    hide(next)
  }
  return html`
    <div class="series-wrap" ref=${rows.box} onScroll=${rows.onScroll} tabindex="0" role="region" aria-label="Series">
      <table class="series-table" aria-rowcount=${all.length}>
        <thead><tr><th>Series</th><th class="num">Last</th><th class="num">Lowest</th><th class="num">Mean</th><th class="num">Highest</th></tr></thead>
        <tbody>
          <tr class="rows-before" aria-hidden="true" ref=${space(rows.from * ROW_PX)}></tr>
          ${all.slice(rows.from, rows.to).map((s) => html`
            <tr key=${s.line.key} class=${hidden.has(s.line.key) ? 'series-hidden' : ''}>
              <td class="series-name">
                <button type="button" class="series-mark" aria-pressed=${!hidden.has(s.line.key)} aria-label=${`Draw ${s.name}`} onClick=${() => toggle(s.line.key)}>
                  ${colours.has(s.line.key) ? html`<${Swatch} colour=${colours.get(s.line.key)} />` : html`<i class="series-none"></i>`}
                </button>
                <a href=${historyOf(s.query)} title=${print(s.line.metric) || s.query}><bdi>${s.name}</bdi></a>
              </td>
              ${[s.last, s.lowest, s.mean, s.highest].map((v) => html`<td class="num">${format(v, unit)}</td>`)}
            </tr>`)}
          <tr class="rows-after" aria-hidden="true" ref=${space((all.length - rows.to) * ROW_PX)}></tr>
        </tbody>
      </table>
    </div>`
}
