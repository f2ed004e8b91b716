/**
 * Now: is it fine, what needs the reader, what happened meanwhile, what goes on; then a card for each source.
 */
import { ApplicationCard } from '../components/ApplicationCard.js'
import { BoardCard } from '../components/BoardCard.js'
import { CiCard } from '../components/CiCard.js'
import { MachineCard } from '../components/MachineCard.js'
import { Mark } from '../components/Mark.js'
import { Needs } from '../components/Needs.js'
import { Panel } from '../components/Panel.js'
import { count, span } from '../format.js'
import { html } from '../lib.js'
import { Ribbon } from '../ribbon/Ribbon.js'
import { now } from '../stores/clock.js'
import { needed } from '../stores/needs.js'
import { address } from '../stores/place.js'
import { verdict } from '../stores/verdict.js'
import { lastSeen, news } from '../stores/visits.js'

export function Now() {
  return html`
    <div class="now">
      <${Verdict} />
      <section class="panel needs-panel" data-panel="needs">
        <header class="panel-head"><h2>Needs you</h2>${needed.value > 0 && html`<span class="note">${count(needed.value, 'thing')}</span>`}</header>
        <${Needs} />
      </section>
      <${Away} />
      <${Ribbon} />
      <div class="cards">
        <${BoardCard} />
        <${CiCard} />
        <${MachineCard} />
        <${ApplicationCard} />
      </div>
    </div>`
}

function Verdict() {
  const { state, words, facts } = verdict.value
  return html`
    <p class="verdict verdict-${state}" role="status" data-state=${state}>
      <${Mark} kind=${state === 'unknown' ? 'none' : state} word="" /><b>${words}</b>
      ${facts.map((fact) => html`<span key=${fact}>${fact}</span>`)}
    </p>`
}

/** What happened since the reader looked last. */
function Away() {
  const list = news.value
  const since = lastSeen.value
  const face = list === null ? 'loading' : list.length ? 'data' : 'empty'
  return html`
    <${Panel} title="Since you looked away" note=${since === null ? '' : span(Math.max(60, Math.round((now.value - since) / 60) * 60))} kind="away" name="away" face=${face} live=${false}
      empty=${html`<p>${since === null ? 'This is your first visit. What happens while you are away will be told here.' : 'Nothing happened.'}</p>`}>
      <ul class="news">
        ${list?.map((item) => html`<li key=${item.key}><a href=${address(item.page, item.item)}><${Mark} kind=${item.mark} word="" /><span>${item.words}</span></a></li>`)}
      </ul>
    <//>`
}
