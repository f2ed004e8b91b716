/**
 * What Lighthouse says of each page, and which audits cost points: `node tests/browser/lighthouse.mjs [--url URL] [--desktop] [--runs 3] [--pages now,tasks]`.
 *
 * Lighthouse is no dependency of the tests: `npm install --prefix FOLDER lighthouse`, and `LIGHTHOUSE=FOLDER/node_modules/lighthouse`.
 * Without a URL a project of its own is looked at, in which each page has something to show. Figures, no test: they depend on the machine, and
 * of several runs the best says most, since what else runs on it only costs points.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { freePort, everything } from './service.mjs'

const PAGES = ['now', 'tasks', 'ci', 'system', 'application', 'logs', 'alerts', 'explore', 'status']
const CATEGORIES = ['performance', 'accessibility', 'best-practices']
const { values } = parseArgs({ options: { url: { type: 'string' }, desktop: { type: 'boolean' }, runs: { type: 'string', default: '1' }, pages: { type: 'string', default: PAGES.join() } } })

const folder = process.env.LIGHTHOUSE
if (!folder) throw new Error('LIGHTHOUSE names the folder of the package: npm install --prefix FOLDER lighthouse')
/** @param {string} file @returns {Promise<any>} */
const load = (file) => import(pathToFileURL(path.resolve(folder, file)).href)
const { default: lighthouse } = await load('core/index.js')
const { default: desktop } = await load('core/config/desktop-config.js')

const port = await freePort()
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [`--remote-debugging-port=${port}`, '--no-sandbox'] })
const made = values.url ? null : await everything()
try {
  for (const page of values.pages.split(',')) {
    const address = `${values.url ?? made?.service.url}/#/${page === 'now' ? '' : page}`
    /** @type {any} */
    let lhr = null
    for (let run = 0; run < Number(values.runs); run += 1) {
      const found = (await lighthouse(address, { port, output: 'json', logLevel: 'error', onlyCategories: CATEGORIES }, values.desktop ? desktop : undefined)).lhr
      if (!lhr || found.categories.performance.score > lhr.categories.performance.score) lhr = found
    }
    console.log(`${page.padEnd(12)} ${CATEGORIES.map((category) => `${category} ${Math.round((lhr.categories[category].score ?? 0) * 100)}`).join(', ')}`)
    for (const category of CATEGORIES) {
      for (const { id, weight } of lhr.categories[category].auditRefs) {
        const { score, title, displayValue = '', details } = lhr.audits[id]
        if (weight === 0 || score === null || score >= 0.9) continue
        console.log(`  ${Math.round(score * 100)} ${category}: ${title} ${displayValue}`)
        for (const item of (details?.items ?? []).slice(0, 4)) if (item.node) console.log(`     ${item.node.selector}`)
      }
    }
  }
} finally {
  await browser.close()
  await made?.remove()
}
