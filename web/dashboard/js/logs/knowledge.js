/**
 * Which labels streams have, and their values: for filters and for what is offered while a query is written. Kept for a minute.
 */
import { remembered } from '../remembered.js'
import { serverTime } from '../stores/clock.js'

/** Labels of streams with lines in this time. */
const BACK_S = 30 * 86_400
/** Values of a label that are offered. */
export const MOST_VALUES = 500

/** @param {string} path @returns {Promise<string[]>} */
const known = (path) => remembered(path, { start: Math.floor(serverTime() - BACK_S) }, path)

/** Labels that come first, in this order. */
const FIRST = ['service_name', 'service', 'app', 'job', 'host_name', 'host', 'container_name', 'container']
/** @param {string} name */
const rank = (name) => (FIRST.indexOf(name) + 1 || FIRST.length + 1)

/** @returns {Promise<string[]>} */
export const labels = async () => [...await known('/loki/api/v1/labels')].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))

/** @param {string} name @returns {Promise<string[]>} */
export const values = (name) => known(`/loki/api/v1/label/${encodeURIComponent(name)}/values`)

/** The service or host that a line is from. @param {Record<string, string>} of its labels */
export const fromOf = (of) => FIRST.map((name) => of[name]).find((value) => value !== undefined && value !== '') ?? Object.values(of)[0] ?? ''
