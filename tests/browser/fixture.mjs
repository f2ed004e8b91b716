/**
 * What the tests of a file share: a service of its own and a browser, from before the first test until after the last.
 */
import { after, before } from 'node:test'
import { launch, withPage as onPage } from './browser.mjs'
import { everything, Service } from './service.mjs'

/** A browser for the tests of a file. @returns {(body: (w: import('./browser.mjs').Watched) => Promise<void>, options?: import('playwright-core').BrowserContextOptions) => Promise<void>} its pages */
function withBrowser() {
  /** @type {import('playwright-core').Browser} */
  let browser
  before(async () => { browser = await launch() })
  after(() => browser?.close())
  return (body, options) => onPage(browser, body, options)
}

/**
 * A project that is ready, whose service starts before the first test; and pages of one browser that look at it.
 * @param {string|((service: Service) => string)} [settings] @param {(service: Service) => Promise<void>} [fill] what is to be there before the first test
 */
export async function withService(settings = '', fill = async () => {}) {
  const service = await Service.prepare()
  await service.settings(typeof settings === 'string' ? settings : settings(service))
  before(async () => {
    await service.start()
    await fill(service)
  })
  after(() => service.remove())
  return { service, withPage: withBrowser() }
}

/** A project in which each page has something to show, and pages that look at it. */
export async function withEverything() {
  const { service, remove } = await everything()
  after(remove)
  return { service, withPage: withBrowser() }
}
