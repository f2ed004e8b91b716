/**
 * What was wrong in the period and is over: one row a rule, with each time inside.
 *
 * @import { Past as Group } from './grouping.js'
 */
import { Mark } from '../components/Mark.js'
import { count, quoted, since, span } from '../format.js'
import { ruleWords } from '../headline.js'
import { html } from '../lib.js'
import { print } from '../selector.js'
import { markOf } from '../statuses.js'
import { minute } from '../stores/pace.js'
import { historyOf, period } from '../stores/place.js'
import { Fold } from './Fold.js'
import { sinceOf } from './grouping.js'
import { Lane } from './Lane.js'

/** Times that a row lists. */
const SHOWN = 100

/** @param {{ groups: Group[] }} props */
export const Past = ({ groups }) => html`<ul class="alert-rows" data-stand="ended">${groups.map((group) => html`<${Row} key=${group.rule} group=${group} />`)}</ul>`

/** @param {{ group: Group }} props */
function Row({ group: { rule, severity, alerts, seconds, last } }) {
  const [newest] = alerts
  const { start, end } = period.value
  const title = alerts.length === 1 ? quoted(newest.summary, 400) : `${ruleWords(rule)}: ${count(alerts.length, 'time')}, ${span(Math.round(seconds))} in all`
  return html`
    <${Fold} name=${`ended ${rule}`} title=${html`<${Mark} kind=${markOf(severity)} word=${`${severity}, ended`} /><span class="fold-title"><bdi>${title}</bdi></span>`}
      aside=${html`<${Lane} spans=${alerts.map((a) => ({ from: sinceOf(a), to: a.resolved_at ?? end }))} start=${start} end=${end} mark=${markOf(severity)} words=${`fired ${count(alerts.length, 'time')}`} /><span class="need-since">${alerts.length === 1 ? 'ended' : 'last ended'} ${since(last, minute.value)}</span>`}>
      ${() => html`
        <ul class="times">
          ${alerts.slice(0, SHOWN).map((alert) => html`
            <li key=${`${alert.id} ${alert.resolved_at}`}>
              <span class="num">${since(sinceOf(alert), minute.value)} – ${alert.resolved_at === null ? '' : since(alert.resolved_at, minute.value)}</span>
              <a class="instance-title" href=${historyOf(print(alert.metric))}><bdi>${quoted(alert.summary, 400)}</bdi></a>
              <span class="quiet">${[alert.reason && `ended: ${alert.reason}`, alert.acked_at !== null && `acknowledged ${since(alert.acked_at, minute.value)}`, alert.note].filter(Boolean).join(' · ')}</span>
            </li>`)}
          ${alerts.length > SHOWN && html`<li class="quiet">and ${count(alerts.length - SHOWN, 'time')} before</li>`}
        </ul>`}
    <//>`
}
