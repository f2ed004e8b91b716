/**
 * Rules that are given, changed and taken back over REST, each with a way back.
 *
 * @import { NamedRule } from '../types.js'
 * @typedef {{ words: string, undo: (() => Promise<unknown>)|null }} Change  what the reader did last
 */
import { get, send } from '../api.js'
import { signal } from '../lib.js'
import { retryRules } from './alerts.js'

/** @type {import('../../vendor/signals-core.js').Signal<Change|null>} */
export const lastChange = signal(null)

/** @param {string} name */
const pathOf = (name) => `/api/v1/rules/${encodeURIComponent(name)}`

/** @param {string} name @returns {Promise<NamedRule>} */
export const readRule = (name) => get(pathOf(name))

/** @param {string} name @param {unknown} rule @param {number} version the one that is replaced; 0 for none @returns {Promise<NamedRule>} */
const put = (name, rule, version) => send('PUT', `${pathOf(name)}?version=${version}`, rule)
/** @param {string} name @param {number} version */
const take = (name, version) => send('DELETE', `${pathOf(name)}?version=${version}`)

/** @param {Promise<unknown>} work @param {Change} change */
async function done(work, change) {
  await work
  lastChange.value = change
  retryRules()
}

/** @param {string} name @param {unknown} rule @param {NamedRule|null} before what it replaces, where that was given; null for none @param {number} version of what it replaces */
export async function saveRule(name, rule, before, version) {
  const saved = await put(name, rule, version)
  const undo = () => done(before ? put(name, before.rule, saved.version) : take(name, saved.version), { words: `Rule ${name} is as it was before.`, undo: null })
  lastChange.value = { words: `Rule ${name} is saved and in force.`, undo }
  retryRules()
}

/** @param {string} name */
export async function deleteRule(name) {
  const before = await readRule(name)
  await done(take(name, before.version), { words: `Rule ${name} is deleted.`, undo: () => done(put(name, before.rule, 0), { words: `Rule ${name} is there again.`, undo: null }) })
}

/** When a rule would have fired over the last week. @param {unknown} rule @param {AbortSignal} stop @returns {Promise<import('../types.js').RulePreview>} */
export const previewRule = (rule, stop) => send('POST', '/api/v1/rules/preview', rule, stop)
