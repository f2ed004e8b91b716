/**
 * One line of a source card: a name, a number, an explanation, a sparkline.
 */
import { html } from '../lib.js'

/** @param {{ name: string, figure: any, detail?: any, spark?: any }} props */
export function Row({ name, figure, detail, spark }) {
  return html`
    <div class="row">
      <span class="row-name">${name}</span>
      <span class="row-figure">${figure}</span>
      <span class="row-detail">${detail}</span>
      <span class="row-spark">${spark}</span>
    </div>`
}
