/**
 * Addresses within the traces.
 */
import { address, place } from '../stores/place.js'

/** The traces that a query finds. @param {string} query TraceQL */
export const searchAddress = (query) => address('logs', '', { tab: 'traces', tq: query })

/** A trace; the list without one. Both keep what the list shows, so that going back finds it as it was. @param {string} [trace] its id */
export function openedAddress(trace = '') {
  const { tq = '', order = '', traces = '', map = '' } = place.value.params
  return address('logs', '', { tab: 'traces', trace, tq, order, traces, map })
}
