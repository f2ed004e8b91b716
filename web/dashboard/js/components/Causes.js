/**
 * What needs the reader, at most three causes: each one sentence with one action. All of them are on the page Alerts.
 *
 * After an action that takes its row away the focus goes to the row that follows, so that several can be dealt with one after the other.
 *
 * @import { Cause } from '../stores/needs.js'
 */
import { age, count, sentences, since } from '../format.js'
import { useAction } from '../hooks.js'
import { html, useLayoutEffect, useRef } from '../lib.js'
import { acknowledge } from '../stores/alerts.js'
import { causes, doubt, needed, outOfDate } from '../stores/needs.js'
import { minute } from '../stores/pace.js'
import { address } from '../stores/place.js'
import { Mark } from './Mark.js'

const SHOWN = 3

export function Causes() {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  /** The place in the list whose row an action is about to take away. */
  const leaving = useRef(/** @type {{ at: number, key: string }|null} */ (null))
  const list = causes.value
  const shown = list.slice(0, SHOWN)
  useLayoutEffect(() => {
    const gone = leaving.current
    if (!gone || shown.some((c) => c.key === gone.key)) return
    leaving.current = null
    // Only where the reader has not gone elsewhere meanwhile.
    if (document.activeElement !== document.body && document.activeElement !== null) return
    const actions = /** @type {NodeListOf<HTMLElement>|undefined} */ (box.current?.querySelectorAll('.cause-action'))
    const next = actions?.[Math.min(gone.at, actions.length - 1)] ?? box.current
    next?.focus()
  })
  const more = list.length - shown.length
  return html`
    <section class="panel causes" ref=${box} tabindex="-1" data-panel="needs" data-count=${list.length} aria-label="What needs you">
      <header class="panel-head"><h2>Needs you</h2></header>
      <ul class="needs" aria-label="What needs you">
        ${shown.map((cause, i) => html`<${Row} key=${cause.key} cause=${cause} leave=${() => { leaving.current = { at: i, key: cause.key } }} />`)}
      </ul>
      ${more > 0 && html`<p class="causes-more"><a class="link" href=${address('alerts')}>and ${more} more</a></p>`}
      ${needed.value === 0 && html`<${Nothing} />`}
    </section>`
}

/** Why the list is empty. */
function Nothing() {
  const unsure = outOfDate.value ? `${outOfDate.value.words}: what needs you is not known` : doubt.value
  if (unsure) return html`<p class="all-quiet quiet" data-doubt="true"><${Mark} kind="none" word="not known" /> <span>${unsure}.</span></p>`
  return html`<p class="all-quiet"><${Mark} kind="ok" word="fine" /> <span>Nothing. All that is watched can be read, no alert fires, no advice is open.</span></p>`
}

/** @param {{ cause: Cause, leave: () => void }} props */
function Row({ cause, leave }) {
  const { busy, error, run } = useAction()
  const { key, mark, word, title, detail, since: from, page, item, alerts, advice } = cause
  const href = address(page, item)
  const all = async () => {
    leave()
    await Promise.all(alerts.map((a) => acknowledge(a.id)))
  }
  const act = () => { if (!busy) run(all) }
  const many = alerts.length > 1 ? ` ${count(alerts.length, 'alert')}` : ''
  return html`
    <li class="need cause" data-cause=${key} data-failure=${alerts.length || advice ? undefined : key} data-alert=${alerts[0]?.id} data-advice=${advice?.id}>
      <${Mark} kind=${mark} word=${word} />
      <div class="cause-text">
        <a class="need-title" href=${href} title=${sentences([title, detail])}><bdi>${title}</bdi></a>
        <span class="cause-detail" title=${detail}>${error ? html`<span class="problem" role="alert">${error}</span>` : html`<bdi>${detail}</bdi>`}</span>
      </div>
      <span class="cause-since" title=${from === null ? 'Since when is not known' : `since ${since(from, minute.value)}`}>${from === null ? '' : age(Math.max(60, minute.value + 60 - from))}</span>
      ${alerts.length > 0
        ? html`<button type="button" class="button cause-action" aria-disabled=${busy} aria-label=${`Ack${many}: ${title}`} title="Take note: it leaves this list" onClick=${act}>Ack${many}</button>`
        : html`<a class="button cause-action" href=${href} aria-label=${`${advice ? 'Advice' : 'Open'}: ${title}`}>${advice ? 'Advice' : 'Open'}</a>`}
    </li>`
}
