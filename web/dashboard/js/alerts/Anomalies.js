/**
 * What was unusual in the period: each series in a sentence, with what was expected, and when.
 *
 * @import { Anomalies as Answer } from '../types.js'
 * @import { Unusual } from './unusual.js'
 */
import { listFace } from '../components/faces.js'
import { Panel } from '../components/Panel.js'
import { count, quoted, since } from '../format.js'
import { useAnswer } from '../hooks.js'
import { computed, html } from '../lib.js'
import { now } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { historyOf, period, range } from '../stores/place.js'
import { Fold } from './Fold.js'
import { Lane } from './Lane.js'
import { nothingWords, unusualOf, watchedWords } from './unusual.js'

/** Windows are judged as they close. */
const EVERY_S = 300
/** Series, and times of one, that are listed. */
const SHOWN = 20
const asked = computed(() => {
  const { end, seconds } = range.value
  const to = end ?? Math.ceil(now.value / EVERY_S) * EVERY_S
  return { start: to - seconds, end: to }
})

/** What was unusual in the period, asked while the page is on screen. */
export const useAnomalies = () => useAnswer('/api/v1/anomalies', asked.value)

/** @param {{ answer: ReturnType<typeof useAnomalies> }} props */
export function Anomalies({ answer: { data, error, failedAt, state, retry } }) {
  const { anomalies, watched } = /** @type {Answer} */ (data ?? { anomalies: [], watched: [] })
  const list = unusualOf(anomalies)
  const note = data ? [list.length > 0 && count(list.length, 'series', 'series'), watched.length > 0 && watchedWords(watched)].filter(Boolean).join(' · ') : ''
  return html`
    <${Panel} title="Unusual" name="unusual" note=${note} live=${false} face=${listFace(state, list.length)}
      error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}
      empty=${watched.length > 0 ? html`<p>${nothingWords(watched)}</p>` : html`<p>No series is watched yet. Which are is set in Settings.toml; each is judged beside its own history:</p><pre class="copy">[anomaly]
series = ["system_cpu_utilization_ratio", "probe_duration_seconds"]</pre>`}>
      <ul class="alert-rows" data-stand="unusual">${list.slice(0, SHOWN).map((row) => html`<${Row} key=${row.key} row=${row} />`)}</ul>
      ${list.length > SHOWN && html`<p class="quiet">and ${count(list.length - SHOWN, 'series', 'series')} more</p>`}
    <//>`
}

/** @param {{ row: Unusual }} props */
function Row({ row: { key, newest, list, spans } }) {
  const { start, end } = period.value
  return html`
    <${Fold} name=${`unusual ${key}`} title=${html`<span class="fold-title"><bdi>${quoted(newest.summary, 200)}</bdi></span>`}
      aside=${html`<${Lane} spans=${spans} start=${start} end=${end} mark="info" words=${`unusual ${count(list.length, 'time')}`} /><span class="need-since">${since(newest.time, minute.value)}</span>`}>
      ${() => html`
        <p><a class="link" href=${historyOf(key)}>Look at its history</a> <code class="quiet"><bdi>${key}</bdi></code></p>
        <ul class="times">
          ${list.slice(0, SHOWN).map((one) => html`<li key=${one.time}><span class="num">${since(one.time, minute.value)}</span><span><bdi>${quoted(one.summary, 300)}</bdi></span></li>`)}
          ${list.length > SHOWN && html`<li class="quiet">and ${count(list.length - SHOWN, 'time')} before</li>`}
        </ul>`}
    <//>`
}
