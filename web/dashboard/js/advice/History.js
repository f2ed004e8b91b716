/**
 * Advice that is over, and what became of it: asked when it is opened.
 */
import { Fold } from '../alerts/Fold.js'
import { Mark } from '../components/Mark.js'
import { count, quoted, since } from '../format.js'
import { useAnswer } from '../hooks.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { endsOf } from './life.js'

/** Rows that are shown. */
const MOST = 50

export const History = () => html`<${Fold} by="behind" name="over" title=${html`<span class="fold-title fold-plain">Over: earlier advice, and what became of it</span>`}>${() => html`<${List} />`}<//>`

function List() {
  const { data, error, state, retry } = useAnswer('/api/v1/recommendations', { state: 'all' }, '')
  if (state === 'error') return html`<p class="problem" role="alert">${error} <button type="button" class="button" onClick=${retry}>Try again</button></p>`
  if (state === 'loading') return html`<p class="quiet" role="status">Loading</p>`
  const list = endsOf(/** @type {import('./life.js').Piece[]} */ (data))
  if (list.length === 0) return html`<p>No advice is over yet. What is withdrawn, since its cause is gone, and each earlier try are kept here.</p>`
  return html`
    <ul class="advice-attempts">${list.slice(0, MOST).map(({ key, title, at, word, mark, sentence }) => html`
      <li key=${key}><${Mark} kind=${mark} word="" /> <span><span class="num">${since(at, now.peek())}</span> <bdi>${quoted(title, 160)}</bdi>: ${word}${sentence && html`. <bdi class="quiet">${quoted(sentence, 300)}</bdi>`}</span></li>`)}</ul>
    ${list.length > MOST && html`<p class="quiet">and ${count(list.length - MOST, 'earlier one')}</p>`}`
}
