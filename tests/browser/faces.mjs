/**
 * The faces of panels that have nothing to show: refused, failed, without an answer; each says what to do next, and that helps.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withEverything } from './fixture.mjs'

const PATIENCE = { timeout: 20_000 }
/** What of each page asks the REST interface itself; the rest comes by the live stream. @type {Array<[string, string[]]>} */
const PANELS = [
  ['now', ['board', 'ci']], ['tasks', ['tasks']], ['agents', ['sessions']], ['agents?tab=costs', ['agent-costs']], ['agents?tab=budgets', ['budgets']], ['ci', ['ci']], ['system', ['network']], ['application', ['chart-application', 'chart-probe-success']], ['logs', ['log-volume', 'log-lines']],
  ['alerts', ['ended', 'rules', 'silences', 'maintenance', 'channels', 'unusual', 'noise']], ['explore?query=up', ['answer']],
]

const { service, withPage: onPage } = await withEverything()

/** @type {Array<[string, (route: import('playwright-core').Route) => Promise<void>, string, RegExp, { role: 'link'|'button', name: string }]>} what happens, how, the face, its words, what can be pressed */
const CASES = [
  ['without a login, or with a wrong token', (route) => route.fulfill({ status: 401, json: { status: 'error', error: 'wrong token' } }), 'denied', /Log in to see this/, { role: 'link', name: 'Log in' }],
  ['without permission', (route) => route.fulfill({ status: 403, json: { status: 'error', error: 'only from this machine' } }), 'denied', /You may not see this.*only from this machine.*can allow it/s, { role: 'button', name: 'Try again' }],
  ['refused by a proxy', (route) => route.fulfill({ status: 403, contentType: 'text/html', body: '<h1>No</h1>' }), 'denied', /You may not see this/, { role: 'button', name: 'Try again' }],
  ['when the service fails', (route) => route.fulfill({ status: 500, json: { status: 'error', error: 'out of order' } }), 'error', /out of order/, { role: 'button', name: 'Try again' }],
]

for (const [what, how, face, words, { role, name }] of CASES) {
  test(`each panel says what to do ${what}`, () => onPage(async ({ page, complaints }) => {
    await page.route((url) => url.pathname.startsWith('/api/'), how)
    await page.goto(service.url)
    for (const [at, panels] of PANELS) {
      await page.evaluate((hash) => { location.hash = `#/${hash}` }, at)
      for (const panel of panels) {
        const box = page.locator(`[data-panel="${panel}"]`)
        await box.waitFor(PATIENCE)
        await box.evaluate((e) => e.scrollIntoView())
        // A query that is not answered is no fault of the panel that holds all queries.
        if (panel !== 'answer') await page.locator(`[data-panel="${panel}"][data-face="${face}"]`).waitFor(PATIENCE)
        await box.getByRole(role, { name }).first().waitFor(PATIENCE)
        assert.match(await box.innerText(), panel === 'answer' && face === 'error' ? /Could not be answered/ : words, `${panel}: ${what}`)
      }
    }
    if (role === 'button') {
      await page.unrouteAll()
      await page.evaluate(() => { location.hash = '#/alerts' })
      await page.locator('[data-panel="rules"]').getByRole(role, { name }).click(PATIENCE)
      await page.locator('[data-panel="rules"][data-face="data"]').waitFor(PATIENCE)
    } else {
      assert.match(String(await page.locator('main').getByRole(role, { name }).first().getAttribute('href')), /^\/login/)
    }
    // The browser writes of each refusal; nothing else may be there.
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !/status of (401|403|500)/.test(text)))
  }))
}

test('a panel that was never filled says so when the service is gone', () => onPage(async ({ page, serverMayBeGone }) => {
  serverMayBeGone(true)
  await page.route((url) => url.pathname.startsWith('/api/'), (route) => route.abort('connectionrefused'))
  await page.routeWebSocket(/\/ws$/, (socket) => { socket.close() })
  await page.goto(service.url)
  const box = page.locator('[data-panel="application"][data-face="error"]')
  await box.waitFor(PATIENCE)
  assert.match(await box.innerText(), /does not answer/)
  await box.getByRole('button', { name: 'Try now' }).waitFor(PATIENCE)
}))
