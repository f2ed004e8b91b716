/**
 * What a chart's lines are called and their values: the newest, or those at the cursor.
 *
 * @import { ChartSpec } from './specs.js'
 * @import { Line } from '../points.js'
 */
import { clockTime, exactTime } from '../format.js'
import { html } from '../lib.js'
import { valueAt } from '../points.js'
import { cursor } from '../stores/cursor.js'
import { range } from '../stores/place.js'
import { Figure } from '../components/Figure.js'
import { Swatch } from '../components/Swatch.js'

/** @param {{ spec: ChartSpec, lines: Line[], colours: string[] }} props */
export function Legend({ spec, lines, colours }) {
  const { step } = range.value
  const at = cursor.value
  return html`
    <ul class="legend">
      ${lines.map((line, i) => {
        const name = spec.name(line.metric)
        const end = line.t[line.t.length - 1]
        return html`
          <li key=${line.key}>
            ${lines.length > 1 && html`<${Swatch} colour=${colours[i]} />`}
            ${lines.length > 1 && html`<span class="legend-name" title=${name}>${name}</span>`}
            <${Figure} value=${valueAt(line, at ?? end, step)} unit=${spec.unit} label=${`${spec.title} ${name}`}
              series=${line.key} why="Nothing was measured at this time." />
          </li>`
      })}
      ${at !== null && html`<li class="legend-time">${step === 0 ? exactTime(at) : clockTime(at)}</li>`}
    </ul>`
}
