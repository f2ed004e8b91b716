/**
 * Names in the order in which people sort them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pick, random } from './random.mjs'

const { byName } = await import('../../../web/dashboard/js/order.js')

test('names of plain letters are sorted as those of any others', () => {
  const collator = new Intl.Collator('en', { numeric: true })
  for (const names of [['10', '9', '1', '2.10', '2.9', '2', '2.1'], ['cpu10', 'cpu9', 'cpu', 'cpu1'], ['Beta', 'alpha', 'beta2', 'Alpha1', 'gamma 3'], ['sda', 'sda1', 'sdb', 'nvme0n1', 'nvme0n1p2']]) {
    assert.deepEqual([...names].sort(byName), [...names].sort(collator.compare))
  }
  assert.deepEqual(['a', 'ä', 'Z', 'b'].sort(byName), ['a', 'ä', 'b', 'Z'], 'with others the collator sorts')
})

test('any names have one order', () => {
  const next = random(11)
  const name = () => Array.from({ length: Math.floor(next() * 6) }, () => pick(next, ['a', 'B', 'b', '1', '0', '20', '_', '.', ' ', '{', '~'])).join('')
  for (let n = 0; n < 3000; n += 1) {
    const [a, b, c] = [name(), name(), name()]
    assert.equal(Math.sign(byName(a, b)), -Math.sign(byName(b, a)) || 0, `${a}, ${b}`)
    assert.equal(byName(a, b) === 0, a === b, `${a}, ${b}`)
    if (byName(a, b) <= 0 && byName(b, c) <= 0) assert.ok(byName(a, c) <= 0, `${a}, ${b}, ${c}`)
  }
})
