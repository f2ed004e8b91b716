/**
 * What `numbers.mjs` measures with: noise of the machine, time of the main thread, heap, layout shift.
 */

/** @param {number[]} values */
export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]

/** Milliseconds of a fixed loop: what the machine is like at this moment. */
export function noise() {
  const begun = performance.now()
  let x = 1
  for (let i = 0; i < 5e7; i += 1) x = Math.imul(x, 1_103_515_245) + 12_345 | 0
  return x === 0 ? 0 : performance.now() - begun
}

/** @param {import('playwright-core').CDPSession} session @param {string} event @returns {Promise<any>} */
const once = (session, event) => new Promise((resolve) => session.once(/** @type {any} */ (event), resolve))

/**
 * Milliseconds of the processor that the page's main thread took while `during` ran, and the longest task of it.
 * @param {import('playwright-core').Page} page @param {() => Promise<unknown>} during
 */
export async function mainThread(page, during) {
  const session = await page.context().newCDPSession(page)
  const mark = `numbers ${Math.random()}`
  /** @type {any[]} */
  const events = []
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value))
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'blink.user_timing', 'disabled-by-default-devtools.timeline'] } })
  await page.evaluate((name) => { performance.mark(name) }, mark)
  await during()
  const complete = once(session, 'Tracing.tracingComplete')
  await session.send('Tracing.end')
  await complete
  await session.detach()
  const own = events.find((e) => e.name === mark)
  // Time of its thread, not of the clock: what other programs take of the machine is not the page's. `ThreadControllerImpl::RunTask` is the same task once more.
  const tasks = events.filter((e) => e.pid === own?.pid && e.tid === own?.tid && e.name === 'RunTask' && e.dur && e.ts > own.ts).map((e) => (e.tdur ?? e.dur) / 1000)
  return { total: tasks.reduce((sum, ms) => sum + ms, 0), longest: Math.max(0, ...tasks) }
}

/** Bytes of the heap that are still in use after two collections. @param {import('playwright-core').Page} page */
export async function heap(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  return usedSize
}

/** Notes every layout shift and what moved, from the first moment of the page. @param {import('playwright-core').Page} page */
export const watchShifts = (page) => page.addInitScript(() => {
  /** @type {Array<{ at: number, value: number, moved: string[] }>} */
  const shifts = []
  Object.assign(window, { shifts })
  /** @param {any} node */
  const name = (node) => {
    const element = node?.nodeType === 1 ? node : node?.parentElement
    const panel = element?.closest?.('[data-panel]')?.getAttribute('data-panel') ?? ''
    return element ? `${panel && `${panel}: `}${element.localName}.${String(element.className?.baseVal ?? element.className ?? '').split(' ').join('.')}` : 'gone'
  }
  new PerformanceObserver((list) => {
    for (const entry of /** @type {any[]} */ (list.getEntries())) {
      const moved = entry.sources.map((/** @type {any} */ s) => {
        const [a, b] = [s.previousRect, s.currentRect].map((r) => [r.x, r.y, r.width, r.height].map(Math.round).join(' '))
        return `${name(s.node)} [${a}] → [${b}]`
      })
      // A shift right after an input is its effect, and counts for nobody.
      if (!entry.hadRecentInput) shifts.push({ at: Math.round(entry.startTime), value: entry.value, moved })
    }
  }).observe({ type: 'layout-shift', buffered: true })
})

/** @param {import('playwright-core').Page} page @returns {Promise<Array<{ at: number, value: number, moved: string[] }>>} */
export const shiftsOf = (page) => page.evaluate(() => /** @type {any} */ (window).shifts.splice(0))

/** Makes the page believe that it is hidden or shown again; Chromium without a screen cannot hide it. @param {import('playwright-core').Page} page @param {boolean} hidden */
export const hide = (page, hidden) => page.evaluate((state) => {
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => state === 'hidden' })
  document.dispatchEvent(new Event('visibilitychange'))
}, hidden ? 'hidden' : 'visible')
