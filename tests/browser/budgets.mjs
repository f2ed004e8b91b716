/**
 * Money of today beside the budget of the day.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withService } from './fixture.mjs'
import { until } from './service.mjs'

const PATIENCE = { timeout: 20_000 }
/** A time zone in which it is about noon, so that no day ends meanwhile. The sign is that of POSIX: west is positive. */
const west = new Date().getUTCHours() - 12
const zone = `Etc/GMT${west < 0 ? west : `+${west}`}`
const BUDGETS = `[optimizer]\ninterval = "10s"\n[costs]\ntimezone = "${zone}"\n
[costs.budgets.agents]\namount = 20\ncurrency = "USD"\nper = "day"\nof = ["agents"]\n
[costs.budgets.month]\namount = 5\ncurrency = "USD"\nper = "month"\nof = ["agents"]\n`

const { service, withPage } = await withService(BUDGETS, async (service) => {
  const sample = { name: 'claude_code_cost_usage_USD_total', labels: { session_id: 's' }, value: 4.1 }
  await fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples: [sample] }) })
  await until('the budget is added up', async () => {
    const { data } = await (await fetch(`${service.url}/api/v1/budgets`)).json()
    return data.find((/** @type {any} */ budget) => budget.name === 'agents')?.used === 4.1
  })
})

test('the first line says what is spent today, of how much', () => withPage(async ({ page }) => {
  await page.goto(service.url)
  const money = page.locator('.verdict [data-fact="money"]')
  await money.waitFor(PATIENCE)
  assert.equal(await money.innerText(), '$4.10 of $20.00 today')
  assert.match(await money.getAttribute('title') ?? '', /the budget is agents$/)
}, { timezoneId: zone }))
