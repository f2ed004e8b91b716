/**
 * Pieces of advice as rows that open: what was seen, what to do, the figures behind it over the time in which they were seen.
 *
 * @import { Evidence, Recommendation } from '../types.js'
 */
import { Fold } from '../alerts/Fold.js'
import { Mark } from '../components/Mark.js'
import { format, quoted, since } from '../format.js'
import { html, useRef, useState } from '../lib.js'
import { inPlace } from '../order.js'
import { minute } from '../stores/pace.js'
import { Decide, DismissForm } from './Decide.js'
import { markOfAdvice } from './life.js'
import { Strip } from './Strip.js'

/** @type {Record<string, string>} */
const STANDS = { open: 'seen', accepted: 'accepted', dismissed: 'dismissed', applied: 'applied' }

/** Rows keep their place while others come: the most important stand first when the page opens. @param {{ list: Recommendation[], stand: string }} props */
export function Pieces({ list, stand }) {
  const before = useRef(/** @type {string[]} */ ([]))
  const shown = inPlace(before.current, list, ({ id }) => id)
  before.current = shown.map(({ id }) => id)
  return html`<ul class="alert-rows advice-rows" data-stand=${stand}>${shown.map((advice) => html`<${Row} key=${advice.id} advice=${advice} />`)}</ul>`
}

/** @param {{ advice: Recommendation }} props */
function Row({ advice }) {
  const { id, status, severity, title, why } = advice
  const [asking, ask] = useState(false)
  const open = status === 'open'
  return html`
    <${Fold} name=${`advice ${id}`} title=${html`<${Mark} kind=${markOfAdvice(advice)} word=${`advice, ${severity}`} /><span class="fold-title"><bdi>${quoted(title, 200)}</bdi></span>`}
      aside=${html`<span class="need-since">${STANDS[status] ?? status} ${open ? 'since ' : ''}${since(open ? advice.created : advice.updated, minute.value)}</span><span class="need-buttons"><${Decide} advice=${advice} dismiss=${() => ask(true)} /></span>`}
      below=${html`<bdi>${quoted(why, 600)}</bdi>${asking && open && html`<${DismissForm} advice=${advice} close=${() => ask(false)} />`}`}>
      ${() => html`<${Inside} advice=${advice} />`}
    <//>`
}

/** @param {{ advice: Recommendation }} props */
function Inside({ advice }) {
  const { action, evidence, query, start, end, title } = advice
  return html`
    <div class="advice-inside">
      <div class="advice-words">
        ${action && html`<h3>What to do</h3><p><bdi>${quoted(action, 600)}</bdi></p>`}
        ${evidence.length > 0 && html`
          <div class="table-wrap" tabindex="0" role="region" aria-label=${`Evidence: ${title}`}><table class="evidence-table"><thead><tr><th>Evidence</th><th class="num">Figure</th><th class="num">95 % between</th></tr></thead>
            <tbody>${evidence.map((e) => html`<tr key=${e.name}><td>${e.name}</td><td class="num">${format(e.value, unit(e))}</td><td class="num">${range(e)}</td></tr>`)}</tbody></table></div>`}
      </div>
      ${query && html`<${Strip} query=${query} start=${start} end=${end} title=${title} />`}
    </div>`
}

/** The interval of an estimate. One without an upper end may never come. @param {Evidence} e */
const range = (e) => e.low === null ? 'counted' : e.high === null ? `${format(e.low, unit(e))} and never` : `${format(e.low, unit(e))} and ${format(e.high, unit(e))}`

/** @param {Evidence} e */
const unit = (e) => /** @type {import('../format.js').Unit} */ (e.unit)
