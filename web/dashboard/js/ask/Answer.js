/**
 * The answer to a question in plain words: a sentence, its rows, a picture and the query that was used; or why it is not understood, with
 * the nearest questions that are.
 */
import { Strip } from '../advice/Strip.js'
import { count, quoted } from '../format.js'
import { useAnswer } from '../hooks.js'
import { html } from '../lib.js'
import { pageOf } from '../pages.js'
import { now } from '../stores/clock.js'
import { address, utc } from '../stores/place.js'
import { readAnswer, sent } from './reading.js'

/** `yesterday` is the reader's. */
const zoneName = () => (utc.value ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone)

/** @param {{ question: string, close: () => void, ask: (question: string) => void }} props `close`: a link is followed */
export function Answer({ question, close, ask }) {
  const { data, error, state, retry } = useAnswer('/api/v1/ask', { q: sent(question), tz: zoneName() })
  if (state === 'loading') return html`<div class="answer"><p class="quiet" role="status">Asking</p></div>`
  if (state === 'error') return html`<div class="answer"><p class="problem" role="alert"><bdi>${quoted(error, 400)}</bdi></p><p><button type="button" class="button" onClick=${retry}>Try again</button></p></div>`
  const { understood, as, sentence, notes, columns, rows, more, charts, query, nearest, page } = readAnswer(data, now.peek())
  const shown = page && page !== 'explore' ? pageOf(page) : undefined
  return html`
    <section class="answer" aria-label="Answer" data-understood=${understood}>
      ${as && html`<p class="answer-as">Understood as: <bdi>${quoted(as, 300)}</bdi></p>`}
      <p class="answer-sentence" role="status"><bdi>${quoted(sentence, 1000)}</bdi></p>
      ${notes.map((note) => html`<p key=${note} class="quiet"><bdi>${quoted(note, 400)}</bdi></p>`)}
      ${nearest.length > 0 && html`<p>${understood ? 'Ask on:' : 'These are understood:'}</p><ul class="answer-nearest">${nearest.map((near) => html`<li key=${near}><button type="button" class="button" onClick=${() => ask(near)}><bdi>${near}</bdi></button></li>`)}</ul>`}
      ${rows.length > 0 && html`
        <div class="table-wrap" tabindex="0" role="region" aria-label="Rows of the answer"><table class="answer-table">
          <thead><tr>${columns.map((column, i) => html`<th key=${column} class=${i > 0 ? 'num' : ''}>${column}</th>`)}</tr></thead>
          <tbody>${rows.map((row, i) => html`<tr key=${i}>${row.map((cell, j) => html`<td key=${j} class=${j > 0 ? 'num' : ''}><bdi>${quoted(cell, 160)}</bdi></td>`)}</tr>`)}</tbody>
        </table></div>
        ${more > 0 && html`<p class="quiet">and ${count(more, 'more row')}</p>`}`}
      ${charts.map((chart) => html`<${Strip} key=${`${chart.query} ${chart.start}`} query=${chart.query} start=${chart.start} end=${chart.end} title=${quoted(question, 120)} follow=${close} />`)}
      ${query && charts.length === 0 && html`<p><a class="link" href=${address('explore', '', { query })} onClick=${close}>Open in Explore</a> <code class="quiet"><bdi>${quoted(query, 300)}</bdi></code></p>`}
      ${query && charts.length > 0 && !charts.some((chart) => chart.query === query) && html`<p>Asked by <a class="link" href=${address('explore', '', { query })} onClick=${close}>its query</a> <code class="quiet"><bdi>${quoted(query, 300)}</bdi></code></p>`}
      ${shown && html`<p><a class="link" href=${address(shown.name)} onClick=${close}>More on the page ${shown.title}</a></p>`}
    </section>`
}
