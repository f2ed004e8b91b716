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
import { html } from '../lib.js'
import { Ribbon } from '../ribbon/Ribbon.js'

export function Now() {
  return html`
    <div class="now">
      <${Verdict} />
      <${Causes} />
      <${Away} />
      <${Ribbon} />
      <div class="cards">
        <${BoardCard} />
        <${CiCard} />
        <${MachineCard} />
        <${ApplicationCard} />
      </div>
    </div>`
}
