/**
 * Advice: what should be changed, what was decided, and whether it helped; what is looked for, and what is missing to find it.
 */
import { Advisors } from '../advice/Advisors.js'
import { Experiments } from '../advice/Experiments.js'
import { followKeys } from '../advice/keys.js'
import { partsOf } from '../advice/life.js'
import { Pieces } from '../advice/Pieces.js'
import { Fold } from '../alerts/Fold.js'
import { PageSkeleton } from '../components/PageSkeleton.js'
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html, useEffect, useState } from '../lib.js'
import { decidedAdvice, recommendations } from '../stores/advice.js'
import { replayed } from '../stores/clock.js'
import { useExperiments } from '../stores/experiments.js'
import { place, setParams } from '../stores/place.js'

/** Who waits longer for an answer is shown what is there. */
const PATIENCE_MS = 1000

export function Advice() {
  useEffect(followKeys, [])
  useItem()
  const experiments = useExperiments()
  const [patient, lose] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => lose(false), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  // Drawn as a whole, so that nothing moves while it fills.
  if (recommendations.value === null || (experiments.state === 'loading' && patient)) return html`<${PageSkeleton} />`
  const { open, accepted, done, aside } = partsOf([...recommendations.value, ...decidedAdvice.value])
  const past = replayed.value !== null
  return html`
    <div class="alerts-page advice-page">
      <div class="alerts-column">
        <${Panel} title="To decide" name="advice" note=${noteOf(open.length)} face=${open.length ? 'data' : 'empty'} live=${false}
          empty=${past ? html`<p>No advice was open then, as far as the time line is kept.</p>` : html`<p>No advice is open. It comes when the kept history shows something to change, such as a disk that fills, a workflow that became slower or a board that stands still.</p>`}>
          <${Pieces} list=${open} stand="open" />
        <//>
        ${accepted.length > 0 && html`<${Panel} title="To do" name="accepted" note=${noteOf(accepted.length)} face="data" live=${false}><${Pieces} list=${accepted} stand="accepted" /><//>`}
        ${done.length > 0 && html`<${Panel} title="Done" name="applied" note=${noteOf(done.length)} face="data" live=${false}><${Pieces} list=${done} stand="applied" /><//>`}
      </div>
      <div class="alerts-column">
        <${Experiments} answer=${experiments} />
        <${Panel} title="Behind it" name="behind" face="data" live=${false}>
          <ul class="alert-rows">
            ${aside.length > 0 && html`<${Fold} name="aside" title=${html`<span class="fold-title fold-plain">Set aside: ${noteOf(aside.length)}</span>`}>${() => html`<${Pieces} list=${aside} stand="aside" />`}<//>`}
            ${!past && html`<${Advisors} />`}
          </ul>
        <//>
      </div>
    </div>`
}

/** A link to a piece opens it. */
function useItem() {
  const { item, params } = place.value
  useEffect(() => { if (item && !params.open) setParams({ open: `advice ${item}` }, { replace: true }) }, [item])
}

/** A count above a list is the number of its rows. @param {number} n */
const noteOf = (n) => (n > 0 ? count(n, 'piece', 'pieces') : '')
