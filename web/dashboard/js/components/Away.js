/**
 * What happened since the reader looked last.
 */
import { count, since, span } from '../format.js'
import { html } from '../lib.js'
import { replayed } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { address } from '../stores/place.js'
import { ask, cut, firstVisit, lastSeen, markSeen, news, unknown } from '../stores/visits.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'

export function Away() {
  const list = news.value
  const from = lastSeen.value
  const at = replayed.value
  const later = at !== null && from !== null && from >= at
  const face = list === null ? (unknown.value ? 'error' : 'loading') : list.length > 0 ? 'data' : 'empty'
  const long = from === null || later ? '' : span(Math.max(60, Math.floor((minute.value + 60 - from) / 60) * 60))
  return html`
    <${Panel} title="Since you looked away" note=${long} kind="away" name="away" face=${face} live=${false} error=${unknown.value} retry=${ask}
      aside=${face === 'data' && at === null && html`<button type="button" class="button" onClick=${markSeen}>Mark as seen</button>`}
      empty=${html`<p>${firstVisit.value || from === null ? 'This is your first visit. What happens while you are away will be listed here.' : later ? 'You looked last after the time that is replayed, so nothing of it is news.' : `Nothing happened since ${since(from, minute.value)}.`}</p>`}>
      <ul class="news">
        ${list?.map((item) => html`
          <li key=${item.key} data-news=${item.key}><a href=${address(item.page, item.item)} title=${item.words}><${Mark} kind=${item.mark} word="" /><bdi>${item.words}</bdi></a></li>`)}
      </ul>
      ${cut.value && html`<p class="quiet">These are the newest ${count(1000, 'event')}; more happened before.</p>`}
    <//>`
}
