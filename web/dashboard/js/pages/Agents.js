/**
 * Agents: who works on what, who waits and why, what it cost, and what is left of the budget.
 *
 * `tab` in the address says which face is in view, `session` which session stands beside it.
 */
import { Budgets } from '../agents/Budgets.js'
import { Connect } from '../agents/Connect.js'
import { Costs } from '../agents/Costs.js'
import { agents, follow, refreshAgents } from '../agents/follow.js'
import { Sessions } from '../agents/Sessions.js'
import { SessionSheet } from '../agents/SessionSheet.js'
import { tabOf, Tabs } from '../components/Tabs.js'
import { html, useEffect } from '../lib.js'
import { param } from '../stores/place.js'

/** @type {Array<[string, string]>} */
const TABS = [['sessions', 'Sessions'], ['costs', 'Costs'], ['budgets', 'Budgets']]

export function Agents() {
  useEffect(() => {
    follow()
    if (agents.peek().error) refreshAgents()
  }, [])
  const tab = tabOf(TABS)
  const session = param('session').value
  const { sessions } = agents.value
  const nobody = sessions?.length === 0
  return html`
    <div class="agents-page">
      <${Tabs} tabs=${TABS} label="Sessions, costs or budgets" face="agents-tab" />
      <div id="agents-tab" role="tabpanel" aria-labelledby=${`tab-${tab}`}>
        ${tab === 'costs' ? html`<${Costs} />` : tab === 'budgets' ? html`<${Budgets} />` : nobody ? html`<${Connect} />` : html`<${Sessions} />`}
      </div>
      ${session && html`<${SessionSheet} id=${session} />`}
    </div>`
}
