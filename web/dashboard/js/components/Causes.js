/**
 * What needs the reader, at most three causes: each one sentence with one action. All of them are on the pages Alerts and Advice.
 *
 * A row in view keeps its place while others come; the worst stand first when the page opens.
 * Where Ack takes a row away, `frame/focus.js` hands the focus to the row that follows.
 *
 * @import { Cause } from '../stores/needs.js'
 */
import { age, count, sentences, since } from '../format.js'
import { useAction } from '../hooks.js'
import { bind } from '../keys.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { inPlace } from '../order.js'
import { isOn } from '../statuses.js'
import { acknowledge, alerts, takeBack } from '../stores/alerts.js'
import { replayed } from '../stores/clock.js'
import { causes, doubt, needed, outOfDate } from '../stores/needs.js'
import { minute } from '../stores/pace.js'
import { address, go } from '../stores/place.js'
import { Mark } from './Mark.js'
import { Next } from './Next.js'

const SHOWN = 3
/** The pages that list causes. @type {Record<string, string>} */
const PAGES = { alerts: 'Alerts', advice: 'Advice', status: 'Status', application: 'Application', tasks: 'Tasks', agents: 'Agents' }

export function Causes() {
  const list = causes.value
  const before = useRef(/** @type {string[]} */ ([]))
  const shown = inPlace(before.current, list.slice(0, SHOWN), (cause) => cause.key)
  before.current = shown.map((cause) => cause.key)
  const rest = list.filter((cause) => !shown.includes(cause))
  const [noted, note] = useState(/** @type {Cause|null} */ (null))
  useEffect(() => bind([{ keys: 's', words: 'Silence the alert', group: 'Now', run: silence }]), [])
  return html`
    <section class="panel causes" data-panel="needs" data-count=${list.length} aria-label="What needs you">
      <header class="panel-head"><h2>Needs you</h2>${noted && replayed.value === null && html`<span class="panel-aside"><${Undo} key=${noted.key} cause=${noted} /></span>`}</header>
      <ul class="needs" aria-label="What needs you">
        ${shown.map((cause) => html`<${Row} key=${cause.key} cause=${cause} note=${note} />`)}
      </ul>
      ${rest.length > 0 && html`<${Rest} list=${rest} />`}
      ${needed.value === 0 && html`<${Nothing} />`}
    </section>`
}

/** How many more there are, leading to the pages that list them. @param {{ list: Cause[] }} props */
function Rest({ list }) {
  const pages = [...new Set(list.map((cause) => cause.page))]
  if (pages.length === 1) return html`<p class="causes-more"><a class="link" href=${address(pages[0])}>and ${list.length} more</a></p>`
  return html`<p class="causes-more">and ${list.length} more: ${pages.map((page, i) => html`${i > 0 && ', '}<a class="link" key=${page} href=${address(page)}>${list.filter((cause) => cause.page === page).length} on ${PAGES[page] ?? page}</a>`)}</p>`
}

/** Leads to where the alert that has the focus, or else the first one, is silenced. */
function silence() {
  const row = document.activeElement?.closest('[data-rule]') ?? document.querySelector('.causes [data-rule]')
  const rule = row?.getAttribute('data-rule')
  if (rule) go(address('alerts', '', { silence: `firing ${rule}` }))
}

/** Why the list is empty. */
function Nothing() {
  const unsure = outOfDate.value ? `${outOfDate.value.words}: what needs you is not known` : doubt.value
  if (unsure) return html`<p class="all-quiet quiet" data-doubt="true"><${Mark} kind="none" word="not known" /> <span>${unsure}.</span></p>`
  const noted = (alerts.value ?? []).filter((a) => isOn(a)).length
  const fires = noted === 0 ? 'no alert fires' : `${count(noted, 'alert')} that you took note of ${noted === 1 ? 'fires' : 'fire'}`
  return html`<p class="all-quiet"><${Mark} kind="ok" word="fine" /> <span>Nothing. All that is watched can be read, ${fires}, no advice is open.</span></p><${Next} />`
}

/** The way back from the last Ack, while its alerts go on. @param {{ cause: Cause }} props */
function Undo({ cause: { title, alerts: noted } }) {
  const { busy, error, run } = useAction()
  const ids = new Set(noted.map((a) => a.id))
  const left = (alerts.value ?? []).filter((a) => ids.has(a.id) && a.acked_at !== null)
  const undo = () => { if (!busy) run(() => Promise.all(left.map((a) => takeBack(a.id)))) }
  useEffect(() => bind([{ keys: 'u', words: 'Undo the last Ack', group: 'Now', run: undo }]), [left.length])
  return left.length > 0 && html`${error && html`<span class="problem" role="alert">${error}</span> `}<button type="button" class="button" aria-disabled=${busy} aria-label=${`Undo the Ack: ${title}`} onClick=${undo}>Undo Ack</button>`
}

/** @param {{ cause: Cause, note: (cause: Cause) => void }} props `note`: this one is taken note of */
function Row({ cause, note }) {
  const { busy, error, run } = useAction()
  const { key, mark, word, title, detail, since: from, until, page, item, open, params, alerts, advice } = cause
  const href = address(page, item, { ...(open ? { open } : {}), ...params })
  const act = () => {
    if (busy) return
    note(cause)
    run(() => Promise.all(alerts.map((a) => acknowledge(a.id))))
  }
  const many = alerts.length > 1 ? ` ${count(alerts.length, 'alert')}` : ''
  return html`
    <li class="need cause" data-cause=${key} data-failure=${alerts.length || advice ? undefined : key} data-alert=${alerts[0]?.id} data-rule=${alerts[0]?.rule} data-advice=${advice?.id}>
      <${Mark} kind=${mark} word=${word} />
      <div class="cause-text">
        <a class="need-title" href=${href} title=${sentences([title, detail])}><bdi>${title}</bdi></a>
        <span class="cause-detail" title=${detail}>${error ? html`<span class="problem" role="alert">${error}</span>` : html`<bdi>${detail}</bdi>`}</span>
      </div>
      <span class="cause-since" title=${from === null ? 'Since when is not known' : `since ${since(from, minute.value)}${until === null ? '' : `, known until ${since(until, minute.value)}`}`}>${from === null ? '' : age(Math.max(60, (until ?? minute.value + 60) - from))}</span>
      ${alerts.length > 0 && replayed.value === null
        ? html`<button type="button" class="button cause-action" aria-disabled=${busy} aria-label=${`Ack${many}: ${title}`} title="Take note: it leaves this list" onClick=${act}>Ack${many}</button>`
        : html`<a class="button cause-action" href=${href} aria-label=${`${advice ? 'Advice' : 'Open'}: ${title}`}>${advice ? 'Advice' : 'Open'}</a>`}
    </li>`
}
