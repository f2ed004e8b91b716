/**
 * The lines of the same stream around a line, whatever the query filters.
 *
 * @import { LogLine } from '../types.js'
 */
import { Failed } from '../components/Failure.js'
import { Mark } from '../components/Mark.js'
import { html, useState } from '../lib.js'
import { useAnswer } from '../hooks.js'
import { now } from '../stores/clock.js'
import { levelWord, markOf } from './bars.js'
import { keyOf, timeOf } from './lines.js'
import { streamOf } from './query.js'
import { Text } from './Text.js'

/** As many before and after, at first and at the most. */
const FEW = 5
const MOST = 50
const MOST_SHOWN = 500

/** @param {{ line: LogLine }} props */
export function Around({ line }) {
  const [many, setMany] = useState(FEW)
  const answer = useAnswer('/api/v1/logs', { query: streamOf(line.labels), start: line.ns, end: String(BigInt(line.ns) + 1n), limit: 100, context: many })
  if (answer.state === 'loading') return html`<div class="skeleton log-around" role="status"><span class="unseen">Loading</span></div>`
  if (answer.state === 'error') return html`<${Failed} error=${answer.error} retry=${answer.retry} />`
  const lines = /** @type {LogLine[]} */ (answer.data.lines)
  const found = lines.find((l) => keyOf(l) === keyOf(line)) ?? lines.find((l) => l.body === line.body) ?? lines[0]
  if (!found) return html`<p class="quiet">The line is no longer kept.</p>`
  const all = [...found.before ?? [], found, ...found.after ?? []]
  return html`
    <section class="log-around" aria-label="Lines around it, the oldest first">
      <ol>
        ${all.map((one, i) => html`
          <li key=${i} aria-current=${one === found ? 'true' : undefined}>
            <time>${timeOf(one.ns, now.peek())}</time><${Mark} kind=${markOf(one.severity)} word=${levelWord(one.severity)} />
            <span class="log-text"><${Text} text=${one.body} most=${MOST_SHOWN} flat=${true} /></span>
          </li>`)}
      </ol>
      ${many < MOST && html`<button type="button" class="button" onClick=${() => setMany(MOST)}>${MOST} before and after</button>`}
    </section>`
}
