/**
 * What charts cost the main thread of the page, with nothing else on it: figures, no test.
 *
 *     node tests/browser/measure_charts.mjs [--charts 20]
 *
 * Draws charts of 720 points that are followed live, all of them in sight, from the sources as they are. `TASKPULSE_BIN` names the binary.
 */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { launch, waitForState } from './browser.mjs'
import { hide, mainThread, median, noise } from './measure.mjs'
import { freePort, Service, until } from './service.mjs'

const STEP_S = 5
const POINTS = 720
const WINDOWS = 5
const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Series of an hour, and a sample more of each every five seconds. @param {Service} service @param {number} charts */
async function feed(service, charts) {
  const now = Math.floor(Date.now() / 1000 / STEP_S) * STEP_S
  const timestamps = Array.from({ length: POINTS }, (_, n) => (now - (POINTS - n) * STEP_S) * 1000)
  const lines = Array.from({ length: charts }, (_, n) => JSON.stringify({ metric: { __name__: `measured_${n}` }, values: timestamps.map((t) => 50 + 40 * Math.sin(t / 1e5 + n)), timestamps }))
  await fetch(`${service.url}/api/v1/import?format=jsonl`, { method: 'POST', body: `${lines.join('\n')}\n` })
  const timer = setInterval(() => {
    const samples = Array.from({ length: charts }, (_, n) => ({ name: `measured_${n}`, labels: {}, value: 50 + 40 * Math.random() }))
    fetch(`${service.url}/api/v1/ingest`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ samples }) }).catch(() => undefined)
  }, STEP_S * 1000)
  return () => clearInterval(timer)
}

/** Puts charts onto a page that has nothing else. @param {import('playwright-core').Page} page @param {number} charts */
const draw = (page, charts) => page.evaluate(async (count) => {
  const load = (/** @type {string} */ module) => import(module)
  const [{ html, render }, { Chart }] = await Promise.all([load('/js/lib.js'), load('/js/chart/Chart.js')])
  const specs = Array.from({ length: count }, (_, n) => ({ id: `measured-${n}`, title: `Chart ${n}`, unit: 'plain', selectors: [`measured_${n}`], name: () => 'value', fill: '' }))
  const into = /** @type {HTMLElement} */ (document.getElementById('main'))
  into.className = 'charts'
  into.style.cssText = 'display: grid; grid-template-columns: repeat(4, 800px); gap: 16px'
  render(html`${specs.map((spec) => html`<${Chart} key=${spec.id} spec=${spec} />`)}`, into)
}, charts)

/** @param {number} charts */
export async function measureCharts(charts) {
  const service = await Service.prepare()
  await service.start()
  const port = await freePort()
  const sources = spawn(process.execPath, [path.join(path.dirname(fileURLToPath(import.meta.url)), 'serve_sources.mjs'), '--service', service.url, '--port', String(port)], { stdio: 'ignore' })
  const browser = await launch()
  const stop = await feed(service, charts)
  try {
    const page = await browser.newPage({ viewport: { width: 3400, height: 1600 } })
    await until('the sources are served', async () => (await fetch(`http://127.0.0.1:${port}/`)).ok)
    await page.goto(`http://127.0.0.1:${port}/#/none?range=1h`)
    await waitForState(page, 'live')
    await sleep(2000)
    const windows = async () => {
      const found = []
      for (let i = 0; i < WINDOWS; i += 1) found.push((await mainThread(page, () => sleep(5000))).total)
      return median(found)
    }
    const without = await windows()
    await draw(page, charts)
    await page.waitForFunction((n) => document.querySelectorAll('.plot canvas').length === n, charts)
    await sleep(3000)
    const drawn = await windows()
    await hide(page, true)
    await sleep(8000)
    return { without, drawn, hidden: await windows() }
  } finally {
    stop()
    await browser.close()
    sources.kill()
    await service.remove()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { charts: { type: 'string', default: '20' } } })
  const before = noise()
  const { without, drawn, hidden } = await measureCharts(Number(values.charts))
  console.log(`main thread per 5 s: ${without.toFixed(1)} ms without charts, ${drawn.toFixed(1)} ms with ${values.charts} charts of ${POINTS} points, ${hidden.toFixed(1)} ms hidden`)
  console.log(`a loop of 50,000,000 steps took ${before.toFixed(0)} ms before and ${noise().toFixed(0)} ms after`)
}
