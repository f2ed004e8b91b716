/**
 * Log lines: searched, counted over time, read, and followed as they come in. The query is in the address, as the time is.
 */
import { html, useMemo, useState } from '../lib.js'
import { useWidth } from '../hooks.js'
import { mistakeOf } from '../explore/mistakes.js'
import { follow as followTime, follows, param, period } from '../stores/place.js'
import { sourcesOf } from '../stores/status.js'
import { barsFor } from './bars.js'
import { Begin } from './Begin.js'
import { Filters } from './Filters.js'
import { Kinds } from './Kinds.js'
import { LinesPanel } from './LinesPanel.js'
import { Search } from './Search.js'
import { VolumePanel } from './VolumePanel.js'
import { levelsOf } from './query.js'
import { queryOf } from './query_shown.js'
import { useFound } from './useFound.js'

export function LogsFace() {
  const text = param('query').value
  const [box, width] = useWidth()
  const [turn, again] = useState(0)
  const asking = useFound(text, width === 0 ? 0 : barsFor(width), turn)
  const found = asking.found.value
  const counted = asking.counted.value
  const tail = param('tail')
  const following = tail.value === 'on' && follows.value
  const levels = useMemo(() => levelsOf(text), [text])
  const mistake = found.state === 'error' && found.refused && found.query === queryOf(text) ? mistakeOf(found.error, text) : null
  // Nothing was ever sent: the reader needs to know how to begin.
  const never = sourcesOf('logs').some((source) => source.source === 'logs' && source.up === null) && found.state === 'ready' && found.count === 0 && !following
  const toggle = () => {
    if (following) tail.value = ''
    else {
      if (!follows.peek()) followTime()
      // Searched again first, so that no line is missing between the list and the tail.
      again(turn + 1)
      tail.value = 'on'
    }
  }
  return html`
    <div class="logs" ref=${box}>
      <section class="panel logs-ask" aria-label="Search log lines">
        <${Search} text=${text} mistake=${mistake} again=${() => again(turn + 1)} busy=${found.busy && found.state !== 'loading'} stop=${asking.stop} />
        <${Filters} text=${text} />
      </section>
      ${never ? html`<${Begin} />` : html`
        ${!mistake && html`<${VolumePanel} counted=${counted} levels=${levels} text=${text} retry=${() => again(turn + 1)} />`}
        <${Kinds} text=${text} start=${found.start} end=${found.end} />
        <${LinesPanel} key="lines" asking=${asking} found=${found} counted=${counted} levels=${levels} text=${text} following=${following} toggle=${toggle} again=${() => again(turn + 1)} words=${period.peek().words} mistake=${mistake} />`}
    </div>`
}
