/**
 * Advice: what should be changed, what was decided, and whether it helped; what is looked for, and what is missing to find it.
 */
import { ActionsPanel, NoActions } from '../advice/Actions.js'
import { Advisors } from '../advice/Advisors.js'
import { Experiments } from '../advice/Experiments.js'
import { History } from '../advice/History.js'
import { followKeys } from '../advice/keys.js'
import { partsOf } from '../advice/life.js'
import { Pieces } from '../advice/Pieces.js'
import { isConfigured } from '../advice/runs.js'
import { Fold } from '../alerts/Fold.js'
import { PageSkeleton } from '../components/PageSkeleton.js'
import { Panel } from '../components/Panel.js'
import { count } from '../format.js'
import { html, useEffect, useState } from '../lib.js'
import { useActions } from '../stores/actions.js'
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
  const { actions, state: asked } = useActions()
  const [patient, lose] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => lose(false), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  // Drawn as a whole, so that nothing moves while it fills.
  if (recommendations.value === null || ((experiments.state === 'loading' || asked === 'loading') && patient)) return html`<${PageSkeleton} />`
  const { open, accepted, done, failed, dismissed } = partsOf([...recommendations.value, ...decidedAdvice.value])
  const past = replayed.value !== null
  const known = experiments.list ?? []
  // What follows a piece is shown with it.
  const own = new Set([...done, ...failed].flatMap(({ experiment }) => experiment ?? []))
  return html`
    <div class="alerts-page advice-page">
      <div class="alerts-column">
        <${Panel} title="To decide" name="advice" note=${noteOf(open.length)} face=${open.length ? 'data' : 'empty'} live=${false}
          empty=${past ? html`<p>No advice was open then, as far as the time line is kept.</p>` : html`<p>No advice is open. It comes when the kept history shows something to change, such as a disk that fills, a workflow that became slower or a board that stands still.</p>`}>
          <${Pieces} list=${open} stand="open" experiments=${known} actions=${actions} />
        <//>
        ${accepted.length > 0 && html`<${Panel} title="To do" name="accepted" note=${noteOf(accepted.length)} face="data" live=${false}><${Pieces} list=${accepted} stand="accepted" experiments=${known} actions=${actions} /><//>`}
        ${done.length > 0 && html`<${Panel} title="Done" name="applied" note=${noteOf(done.length)} face="data" live=${false}><${Pieces} list=${done} stand="applied" experiments=${known} actions=${actions} /><//>`}
      </div>
      <div class="alerts-column">
        <${ActionsPanel} actions=${actions} />
        <${Experiments} answer=${experiments} own=${own} />
        <${Panel} title="Behind it" name="behind" face="data" live=${false}>
          <ul class="alert-rows">
            ${failed.length > 0 && html`<${Fold} by="behind" name="failed" title=${html`<span class="fold-title fold-plain">Did not help: ${noteOf(failed.length)}</span>`}>${() => html`<${Pieces} list=${failed} stand="failed" experiments=${known} actions=${actions} />`}<//>`}
            ${dismissed.length > 0 && html`<${Fold} by="behind" name="dismissed" title=${html`<span class="fold-title fold-plain">Dismissed: ${noteOf(dismissed.length)}</span>`}>${() => html`<${Pieces} list=${dismissed} stand="dismissed" experiments=${known} actions=${actions} />`}<//>`}
            ${!past && html`<${History} /><${Advisors} />`}
          </ul>
          ${!past && !isConfigured(actions) && html`<${NoActions} />`}
        <//>
      </div>
    </div>`
}

/** A link to a piece opens it, and what it stands in. */
function useItem() {
  const { item: named, params } = place.value
  const known = decidedAdvice.value
  // What follows a piece is shown with it.
  const followed = /^experiment (.*)$/.exec(params.open ?? '')?.[1]
  const item = followed ? /** @type {import('../advice/life.js').Piece[]} */ (known).find(({ experiment }) => experiment === followed)?.id ?? '' : params.open ? '' : named
  useEffect(() => {
    if (!item) return
    const { failed, dismissed } = partsOf(known)
    const within = (/** @type {import('../advice/life.js').Piece[]} */ list) => list.some(({ id }) => id === item)
    setParams({ open: `advice ${item}`, behind: within(failed) ? 'failed' : within(dismissed) ? 'dismissed' : '' }, { replace: true })
  }, [item, recommendations.value === null])
}

/** A count above a list is the number of its rows. @param {number} n */
const noteOf = (n) => (n > 0 ? count(n, 'piece', 'pieces') : '')
