/**
 * Addresses of the page: whatever is in view is in them, and comes back out of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { go } from './page.mjs'

const { RANGES, address, historyOf, range, readHash, route } = await import('../../../web/dashboard/js/stores/route.js')
const { loginAddress } = await import('../../../web/dashboard/js/stores/login.js')

test('every page and range comes back out of its address', () => {
  for (const found of RANGES) {
    for (const page of /** @type {const} */ (['overview', 'status'])) assert.deepEqual(readHash(address(page, found)), { page, selector: '', range: found })
    for (const selector of ['up', 'm{a="b"}', 'm{a="?range=7d#x"}', 'm{a="100 %"}', 'm{a="/ß\u{1f600}"}', 'm{a="a+b&c"}']) {
      assert.deepEqual(readHash(address('series', found, selector)), { page: 'series', selector, range: found })
    }
  }
})

test('an address that is not understood is said to be unknown, and a range that is not there is an hour', () => {
  for (const hash of ['#/none', '#/series/', '#/series/%E0%A4%A', '#status']) assert.equal(readHash(hash).page, 'unknown', hash)
  for (const hash of ['', '#', '#/', '#/?range=2h', '#/?x=1']) assert.deepEqual([readHash(hash).page, readHash(hash).range.name], ['overview', '1h'], hash)
})

test('stores follow the address, and a login leads back to it', () => {
  go('#/status?range=6h')
  assert.deepEqual([route.value.page, range.value.name, loginAddress.value], ['status', '6h', '/login#/status?range=6h'])
  assert.equal(historyOf('up'), '#/series/up?range=6h')
})
