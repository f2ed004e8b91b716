/**
 * The query in the address, where all lines are asked for by writing nothing.
 */
import { setParams } from '../stores/place.js'
import { ALL } from './query.js'

/** What is asked for. @param {string} text as it is in the address */
export const queryOf = (text) => (text.trim() === '' ? ALL : text.trim())

/** Asks for another query; for null, of one that could not be changed, nothing happens. @param {string|null} query */
export const showQuery = (query) => { if (query !== null) setParams({ query: query === ALL ? '' : query }) }
