/**
 * Forecasts as the page Status lists them: those that are kept, and what has no date, with why.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.mjs'

const { forecastRows, forecastsOf } = await import('../../../web/dashboard/js/components/Expected.js')

/** @param {string} mountpoint @returns {any} */
const disk = (mountpoint) => ({ subject: 'disk_full', metric: { __name__: 'system_filesystem_utilization_ratio', mountpoint } })

test('what has no date says why, where a date would stand', () => {
  const record = { ...disk('/'), bounds: [], calibration: [], pending: 2 }
  const undated = [{ ...disk('/'), reason: 'it may never be' }, { subject: 'memory_full', metric: {}, reason: 'it cannot be said yet' }]
  assert.deepEqual(forecastRows([record], /** @type {any} */ (undated)), [
    { name: 'Disk / full', record, why: 'it may never be' },
    { name: 'Memory of the machine used up', record: null, why: 'it cannot be said yet' },
  ])
  assert.deepEqual(forecastRows([], []), [])
})

test('a service of another version than the page may say less, and more', () => {
  assert.deepEqual(forecastsOf(null), { forecasts: [], undated: [], series: [], boards: [], disks: [], memory: [] })
  const { forecasts, undated, memory } = forecastsOf({ forecasts: [/** @type {any} */ (disk('/'))], boards: [], disks: [] })
  assert.deepEqual([forecastRows(forecasts, undated).map(({ name }) => name), memory], [['Disk / full'], []])
  assert.deepEqual(forecastRows([/** @type {any} */ ({ subject: 'later', metric: { __name__: 'a_metric' } })], []).map(({ name }) => name), ['a_metric'])
})
