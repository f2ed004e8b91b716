/**
 * What the tests of a file share: a service of its own and a browser, from before the first test until after the last.
 */
import { after, before } from 'node:test'
import { launch, withPage as onPage } from './browser.mjs'
import { Service } from './service.mjs'

/** A project that is ready, whose service starts before the first test; and pages of one browser that look at it. @param {string} [settings] */
export async function withService(settings) {
  const service = await Service.prepare(settings)
  /** @type {import('playwright-core').Browser} */
  let browser

  before(async () => {
    await service.start()
    browser = await launch()
  })

  after(async () => {
    await browser?.close()
    await service.remove()
  })

  /** @param {(w: import('./browser.mjs').Watched) => Promise<void>} body @param {import('playwright-core').BrowserContextOptions} [options] */
  const withPage = (body, options) => onPage(browser, body, options)
  return { service, withPage }
}
