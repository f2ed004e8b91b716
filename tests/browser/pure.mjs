/**
 * The dashboard's pure modules, as the browser runs them, and the vendored files against their packages.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const DASHBOARD = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../web/dashboard')
const require = createRequire(import.meta.url)

/** Calls an exported function of a module in the page. @param {import('playwright-core').Page} page @param {string} module @param {string} name @param {unknown[]} args */
const call = (page, module, name, args) => page.evaluate(async ([from, what, given]) => {
  const found = await import(String(from))
  return found[String(what)](.../** @type {unknown[]} */ (given))
}, [module, name, args])

/** @type {Array<[string, unknown[], string]>} */
const FORMATS = [
  ['percent', [0.612], '61 %'], ['percent', [0.0941], '9.4 %'], ['percent', [0.002], '0.2 %'], ['percent', [1], '100 %'], ['percent', [0], '0 %'],
  ['bytes', [0], '0 B'], ['bytes', [1_288_490_188], '1.2 GiB'], ['bytes', [1000], '0.98 KiB'], ['bytes', [131_072], '128 KiB'],
  ['span', [430], '7 m 10 s'], ['span', [0], '0 s'], ['span', [0.212], '212 ms'], ['span', [3600], '1 h'], ['span', [273_600], '3 d 4 h'], ['span', [59.7], '1 m'],
  ['format', [null, 'ratio'], '–'], ['format', [Number.MAX_SAFE_INTEGER, 'score'], '9007199254740991'], ['format', [2.864, 'plain'], '2.86'],
  ['format', [1536, 'bytes_per_second'], '1.5 KiB/s'], ['digits', [12_345.6], '12 346'], ['count', [1, 'thing'], '1 thing'], ['count', [2, 'thing'], '2 things'],
]

/** @param {import('playwright-core').Page} page */
export async function checkFormats(page) {
  for (const [name, args, expected] of FORMATS) {
    const text = await call(page, '/js/format.js', name, args)
    assert.equal(String(text).replace(/[\u00a0\u202f]/g, ' '), expected, `${name}(${JSON.stringify(args)})`)
  }
}

/** @param {number[]} t @param {Array<number|null>} v */
const line = (t, v) => ({ key: 'k', metric: { __name__: 'm' }, t, v })

/** @param {import('playwright-core').Page} page */
export async function checkPoints(page) {
  /** @param {string} name @param {unknown[]} args */
  const points = (name, args) => call(page, '/js/points.js', name, args)
  const holed = line([0, 5, 10, 15, 60, 65], [1, 2, 3, 4, 5, 6])
  assert.deepEqual((await points('withGaps', [holed, 0])).v, [1, 2, 3, 4, null, 5, 6], 'a hole is a gap')
  assert.deepEqual((await points('withGaps', [line([0, 5, 10, 20, 25], [1, 2, 3, 4, 5]), 0])).v, [1, 2, 3, 4, 5], 'one lost sample is not')
  assert.deepEqual((await points('rate', [holed, 0])).v, [0.2, 0.2, 0.2, null, 0.2], 'no growth is drawn across a hole')
  assert.deepEqual((await points('rate', [line([0, 10, 20], [100, 200, 50]), 0])).v, [10, null], 'how much a reset counter grew is not known')
  assert.deepEqual(await points('align', [[line([0, 10], [1, 2]), line([10, 20], [3, 4])]]), [[0, 10, 20], [1, 2, undefined], [undefined, 3, 4]])
  assert.deepEqual(await points('isolated', [[1, 2, null, 3, undefined, null, 4]]), [3, 6])
  assert.deepEqual(await points('stack', [[line([0, 1, 2], [1, 1, 1]), line([0, 1, 2], [2, 3, 4])], 0]), [[0, 1, 2], [1, 1, 1], [3, 4, 5]])
  assert.equal(await points('valueAt', [holed, 30, 0]), 4, 'a little later it is still the last value')
  assert.equal(await points('valueAt', [holed, 40, 0]), null, 'in a hole there is none')
  const kept = await page.evaluate(async () => {
    const { append, merge, trim } = await import(String('/js/points.js'))
    const stepped = { key: 'k', metric: {}, t: [], v: [] }
    for (let t = 1; t <= 1000; t += 1) append(stepped, t, t, 60)
    const merged = { key: 'k', metric: {}, t: [1, 2, 9], v: [1, 2, 9] }
    merge(merged, [2, 3, 4], [20, 30, 40])
    trim(merged, 3.5)
    return { stepped: stepped.t.length, newest: stepped.t.at(-1), merged }
  })
  assert.deepEqual(kept, { stepped: 17, newest: 1000, merged: { key: 'k', metric: {}, t: [3, 4, 9], v: [30, 40, 9] } })
}

/** @type {Array<[string, Record<string, string>, boolean|null]>} selector, labels, whether it matches; null: not a selector */
const SELECTORS = [
  ['up', { __name__: 'up' }, true], ['up', { __name__: 'upper' }, false], ['system_*', { __name__: 'system_cpu' }, true],
  ['m{a="b"}', { __name__: 'm', a: 'b' }, true], ['m{a="b",c!="d"}', { __name__: 'm', a: 'b', c: 'd' }, false],
  ['m{a=~"x|y"}', { __name__: 'm', a: 'y' }, true], ['m{a!~"x.*"}', { __name__: 'm', a: 'xx' }, false], ['m{a=~"x"}', { __name__: 'm', a: 'xx' }, false],
  ['m{a="q\\"uote, {brace}"}', { __name__: 'm', a: 'q"uote, {brace}' }, true], ['m{', {}, null], ['sum(m)', {}, null], ['m{a="b" c="d"}', {}, null],
]

/** @param {import('playwright-core').Page} page */
export async function checkSelectors(page) {
  for (const [selector, metric, expected] of SELECTORS) {
    const answer = await page.evaluate(async ([text, labels]) => {
      const { matches, parse } = await import(String('/js/selector.js'))
      const parsed = parse(text)
      return parsed && matches(parsed, labels)
    }, /** @type {[string, Record<string, string>]} */ ([selector, metric]))
    assert.equal(answer, expected, `${selector} on ${JSON.stringify(metric)}`)
  }
  const printed = await call(page, '/js/selector.js', 'print', [{ __name__: 'm', b: '1', a: 'q"\\' }])
  assert.equal(printed, 'm{a="q\\"\\\\",b="1"}')
}

/** The vendored files are those of the packages named in package.json, but for the changes that their README names. */
export async function checkVendored() {
  const files = [
    ['preact.js', 'preact/dist/preact.mjs'], ['hooks.js', 'preact/hooks/dist/hooks.mjs'], ['signals-core.js', '@preact/signals-core/dist/signals-core.mjs'],
    ['signals.js', '@preact/signals/dist/signals.mjs'], ['htm.js', 'htm/dist/htm.mjs'], ['uplot.js', 'uplot/dist/uPlot.esm.js'], ['uplot.css', 'uplot/dist/uPlot.min.css'],
  ]
  const modules = path.join(path.dirname(require.resolve('uplot/package.json')), '..')
  for (const [file, origin] of files) {
    const original = (await readFile(path.join(modules, origin), 'utf8'))
      .replace(/\/\/# sourceMappingURL=.*/, '')
      .replaceAll('from"preact"', 'from"./preact.js"')
      .replaceAll('from"preact/hooks"', 'from"./hooks.js"')
      .replaceAll('from"@preact/signals-core"', 'from"./signals-core.js"')
    const vendored = await readFile(path.join(DASHBOARD, 'vendor', file), 'utf8')
    assert.equal(vendored.trim(), original.trim(), file)
  }
}
