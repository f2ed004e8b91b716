/**
 * The vendored files are those of the packages named in package.json, but for the changes that their README names.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const VENDOR = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../web/dashboard/vendor')
const MODULES = path.join(path.dirname(createRequire(import.meta.url).resolve('preact/package.json')), '..')

test('the vendored libraries are those of the named packages', async () => {
  for (const [file, origin] of [
    ['preact.js', 'preact/dist/preact.mjs'], ['hooks.js', 'preact/hooks/dist/hooks.mjs'], ['signals-core.js', '@preact/signals-core/dist/signals-core.mjs'],
    ['signals.js', '@preact/signals/dist/signals.mjs'], ['htm.js', 'htm/dist/htm.mjs'],
    ['lezer-common.js', '@lezer/common/dist/index.js'], ['lezer-lr.js', '@lezer/lr/dist/index.js'], ['lezer-promql.js', '@prometheus-io/lezer-promql/dist/index.es.js'],
  ]) {
    const original = (await readFile(path.join(MODULES, origin), 'utf8'))
      .replace(/\/\/# sourceMappingURL=.*/, '')
      .replaceAll('from"preact"', 'from"./preact.js"')
      .replaceAll('from"preact/hooks"', 'from"./hooks.js"')
      .replaceAll('from"@preact/signals-core"', 'from"./signals-core.js"')
      .replaceAll(/from '(?:@prometheus-io|@lezer)\/(?:lezer-)?(\w+)'/g, "from './lezer-$1.js'")
    assert.equal((await readFile(path.join(VENDOR, file), 'utf8')).trim(), original.trim(), file)
  }
})
