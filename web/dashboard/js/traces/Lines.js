/**
 * What was said while a span ran: the first lines of its service that name its trace, its own before the others.
 *
 * @import { LogLine, Span } from '../types.js'
 * @import { View } from './view.js'
 */
import { Mark } from '../components/Mark.js'
import { count } from '../format.js'
import { html } from '../lib.js'
import { Text } from '../logs/Text.js'
import { logsAddress } from '../stores/place.js'
import { useAsked } from './asking.js'
import { momentOf, secondsTo } from './moments.js'
import { logsQuery } from './query.js'
import { around } from './view.js'
import { length, offset } from './words.js'

const ASKED = 100
const SHOWN = 6
/** Characters of a line. */
const MOST_SHOWN = 300
/** @type {Record<string, import('../statuses.js').Mark>} */
const MARKS = { warn: 'warning', error: 'error', fatal: 'critical' }

/** @param {{ view: View, span: Span }} props */
export function Lines({ view, span }) {
  const query = logsQuery(span.service, view.id)
  const { from, to, range } = around(view)
  const asked = useAsked('/api/v1/logs', { query, start: from, end: to, limit: ASKED, direction: 'forward' })
  /** @type {LogLine[]} */
  const lines = asked.data?.lines ?? []
  const own = lines.filter((line) => line.span_id === span.span_id)
  const shown = (own.length > 0 ? own : lines).slice(0, SHOWN)
  const many = (/** @type {number} */ n) => `${asked.data?.more ? 'at least ' : ''}${count(n, 'line')}`
  return html`
    <h3>Log lines</h3>
    ${asked.data === null
      ? html`<p class="quiet">${asked.error ? `Could not be read: ${asked.error}.` : 'Asking…'}</p>`
      : lines.length === 0
        ? html`<p class="quiet">None of <bdi>${span.service}</bdi> names this trace.</p>`
        : html`
          <p class="quiet">${own.length > 0 ? `${many(own.length)} of this span` : `None of this span; ${many(lines.length)} of its service in this trace`} · <a class="link" href=${logsAddress(logsQuery(span.service, view.id, own.length > 0 ? span.span_id : ''), { from, to, range })}>all of them</a></p>
          <ol class="span-lines">${shown.map((line) => {
            const at = momentOf(line.time)
            const seconds = at ? secondsTo(view.tree.begin, at) : 0
            return html`<li key=${line.ns}><span class="quiet">${at ? (seconds < 0 ? length(seconds) : offset(seconds)) : ''}</span> ${MARKS[line.severity] && html`<${Mark} kind=${MARKS[line.severity]} word=${line.severity} /> `}<${Text} text=${line.body} most=${MOST_SHOWN} flat /></li>`
          })}</ol>`}`
}
