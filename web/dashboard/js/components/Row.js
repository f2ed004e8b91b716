/**
 * One line of a source card: a name, a number, an explanation, a sparkline. Where an alert fires on it, it is marked in its place.
 */
import { headline } from '../headline.js'
import { html } from '../lib.js'
import { isOn, markOf } from '../statuses.js'
import { alerts } from '../stores/alerts.js'
import { minute } from '../stores/pace.js'
import { Mark } from './Mark.js'

/** @param {{ name: string, figure: any, detail?: any, spark?: any, metric?: string, trouble?: string }} props `metric`: whose alerts mark the line; `trouble`: what is wrong with it, in words */
export function Row({ name, figure, detail, spark, metric, trouble }) {
  const alert = metric ? alerts.value?.find((a) => isOn(a) && a.metric.__name__ === metric) : undefined
  const words = trouble || (alert && headline(alert, minute.value))
  return html`
    <div class="row" data-trouble=${words ? 'true' : undefined}>
      <span class="row-name">${name}${words && html` <span title=${words}><${Mark} kind=${alert ? markOf(alert.severity) : 'error'} word=${words} /></span>`}</span>
      <span class="row-figure">${figure}</span>
      <span class="row-detail">${detail}</span>
      <span class="row-spark">${spark}</span>
    </div>`
}
