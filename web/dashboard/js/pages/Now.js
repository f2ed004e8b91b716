/**
 * Now: is it fine, what needs the reader, what happened meanwhile, what goes on; then a card for each source.
 */
import { ApplicationCard } from '../components/ApplicationCard.js'
import { Away } from '../components/Away.js'
import { BoardCard } from '../components/BoardCard.js'
import { Causes } from '../components/Causes.js'
import { CiCard } from '../components/CiCard.js'
import { MachineCard } from '../components/MachineCard.js'
import { Verdict } from '../components/Verdict.js'
import { html, useEffect, useState } from '../lib.js'
import { Ribbon } from '../ribbon/Ribbon.js'

/** Whether this page was drawn before: then it comes as a whole. */
let drawnBefore = false

export function Now() {
  const [drawn, set] = useState(drawnBefore)
  // The figures first: the ribbon takes as long to draw as all the rest.
  useEffect(() => {
    drawnBefore = true
    set(true)
  }, [])
  return html`
    <div class="now">
      <${Verdict} />
      <${Causes} />
      <${Away} />
      ${drawn ? html`<${Ribbon} />` : html`<div class="panel ribbon-panel" aria-hidden="true"><div class="skeleton"></div></div>`}
      <div class="cards">
        <${BoardCard} />
        <${CiCard} />
        <${MachineCard} />
        <${ApplicationCard} />
      </div>
    </div>`
}
