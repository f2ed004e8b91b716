/**
 * Advice: what was seen, what to do, the figures behind it, and what the reader decided, which can be undone.
 *
 * @import { Evidence, Recommendation } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { format, since } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { markOf } from '../statuses.js'
import { decide } from '../stores/advice.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { historyOf } from '../stores/place.js'
import { Fold } from './Fold.js'
import { follow, takesFocus } from './focus.js'

/** @type {Record<string, string>} */
const STANDS = { open: 'open', accepted: 'accepted', dismissed: 'dismissed', applied: 'applied' }

/** @param {{ list: Recommendation[] }} props */
export const Advice = ({ list }) => html`<ul class="alert-rows" data-stand="advice">${list.map((advice) => html`<${Row} key=${advice.id} advice=${advice} />`)}</ul>`

/** @param {{ advice: Recommendation }} props */
function Row({ advice }) {
  const open = advice.status === 'open'
  return html`
    <${Fold} name=${`advice ${advice.id}`} title=${html`<${Mark} kind=${open ? markOf(advice.severity) : 'info'} word=${`advice, ${advice.severity}`} /><span class="fold-title"><bdi>${advice.title}</bdi></span>`}
      aside=${html`<span class="need-since">${STANDS[advice.status] ?? advice.status} since ${since(open ? advice.created : advice.updated, minute.value)}</span><span class="need-buttons"><${Decide} advice=${advice} /></span>`}>
      ${() => html`
        <p>${advice.why}</p>
        ${advice.action && html`<p><span class="quiet">Next</span> ${advice.action}</p>`}
        ${advice.evidence.length > 0 && html`
          <table class="evidence-table"><thead><tr><th>Evidence</th><th class="num">Figure</th><th class="num">95 % between</th></tr></thead>
            <tbody>${advice.evidence.map((e) => html`<tr key=${e.name}><td>${e.name}</td><td class="num">${format(e.value, unit(e))}</td><td class="num">${range(e)}</td></tr>`)}</tbody></table>`}
        ${advice.query && html`<p><a class="link" href=${historyOf(advice.query)}>Look at its history</a> <code class="quiet"><bdi>${advice.query}</bdi></code></p>`}`}
    <//>`
}

/** The interval of an estimate. One without an upper end may never come. @param {Evidence} e */
const range = (e) => e.low === null ? 'counted' : e.high === null ? `${format(e.low, unit(e))} and never` : `${format(e.low, unit(e))} and ${format(e.high, unit(e))}`

/** @param {Evidence} e */
const unit = (e) => /** @type {import('../format.js').Unit} */ (e.unit)

/** @param {{ advice: Recommendation }} props */
function Decide({ advice: { id, status, title } }) {
  const { busy, error, run } = useAction()
  if (replayed.value !== null) return null
  /** @param {'accept'|'dismiss'|'applied'|'reopen'} decision */
  const act = (decision) => {
    if (busy) return
    follow(id)
    run(() => decide(id, decision))
  }
  /** @param {'accept'|'dismiss'|'applied'|'reopen'} decision @param {string} words @param {string} [first] id where this one takes the focus */
  const button = (decision, words, first) => html`<button type="button" class="button" ref=${first ? takesFocus(first) : undefined} aria-disabled=${busy} aria-label=${`${words}: ${title}`} onClick=${() => act(decision)}>${words}</button>`
  return html`
    ${error && html`<span class="problem" role="alert">${error}</span>`}
    ${status === 'open' && html`${button('accept', 'Accept', id)}${button('dismiss', 'Dismiss')}`}
    ${status === 'accepted' && html`${button('applied', 'Applied')}${button('reopen', 'Undo', id)}`}
    ${(status === 'dismissed' || status === 'applied') && button('reopen', 'Undo', id)}`
}
