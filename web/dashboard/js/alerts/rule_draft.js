/**
 * A rule while it is written: what the fields hold, and the rule that is made of them.
 *
 * Pure.
 *
 * @import { Severity } from '../types.js'
 * @typedef {{ id: number, name: string, value: string }} Pair
 * @typedef {{
 *   name: string, kind: 'expr'|'absent'|'logql', condition: string, severity: Severity|'', hold: string, keep: string, cooldown: string,
 *   labels: Pair[], annotations: Pair[], rest: Record<string, unknown>
 * }} RuleDraft  `kind`: which key the condition is; `rest`: keys that no field is for, which are kept as they are
 */

/** @type {Severity[]} */
export const SEVERITIES = ['debug', 'info', 'notice', 'warning', 'error', 'critical']
/** Keys of a rule that are fields; what a recording rule has is not written here. */
const FIELDS = new Set(['expr', 'absent', 'logql', 'severity', 'for', 'keep_firing_for', 'cooldown', 'labels', 'annotations'])

let newest = 0
/** @param {string} [name] @param {string} [value] @returns {Pair} */
export const pair = (name = '', value = '') => ({ id: ++newest, name, value })

/** @returns {RuleDraft} */
export const emptyDraft = () => ({ name: '', kind: 'expr', condition: '', severity: 'warning', hold: '5m', keep: '', cooldown: '', labels: [], annotations: [], rest: {} })

/** @param {string} name @param {any} rule as the service has it @returns {RuleDraft} */
export function draftOf(name, rule) {
  const kind = rule.logql !== undefined ? 'logql' : rule.absent === undefined ? 'expr' : 'absent'
  const pairs = (/** @type {Record<string, string>|undefined} */ texts) => Object.entries(texts ?? {}).map(([key, value]) => pair(key, value))
  return {
    name, kind, condition: rule[kind] ?? '', severity: rule.severity ?? '', hold: rule.for ?? '', keep: rule.keep_firing_for ?? '', cooldown: rule.cooldown ?? '',
    labels: pairs(rule.labels), annotations: pairs(rule.annotations), rest: Object.fromEntries(Object.entries(rule).filter(([key]) => !FIELDS.has(key))),
  }
}

/** The rule that the fields make, with the keys of the settings; empty fields are left out. @param {RuleDraft} draft @returns {Record<string, unknown>} */
export function ruleOf({ kind, condition, severity, hold, keep, cooldown, labels, annotations, rest }) {
  const texts = (/** @type {Pair[]} */ pairs) => Object.fromEntries(pairs.filter(({ name }) => name.trim() !== '').map(({ name, value }) => [name.trim(), value]))
  const given = { [kind]: condition.trim(), severity, for: hold.trim(), keep_firing_for: keep.trim(), cooldown: cooldown.trim(), labels: texts(labels), annotations: texts(annotations) }
  return { ...rest, ...Object.fromEntries(Object.entries(given).filter(([, value]) => (typeof value === 'string' ? value !== '' : Object.keys(value).length > 0))) }
}

/** A name for a copy that no rule has. @param {string} name @param {string[]} taken */
export function copyName(name, taken) {
  for (let n = 1; ; n += 1) {
    const next = `${name}_copy${n === 1 ? '' : n}`
    if (!taken.includes(next)) return next
  }
}

/** The keys that no field is for, as they would stand in the settings. @param {RuleDraft} draft */
export const restText = ({ rest }) => Object.entries(rest).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join(', ')

/** A name or a text as TOML has it. @param {string} text */
const tomlText = (text) => JSON.stringify(text).replaceAll('\u007f', '\\u007f')
/** @param {string} name */
const tomlKey = (name) => (/^[\w-]+$/.test(name) ? name : tomlText(name))
/** @param {unknown} value @returns {string} */
function tomlValue(value) {
  if (typeof value === 'string') return tomlText(value)
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`
  if (typeof value === 'object' && value !== null) return `{ ${Object.entries(value).map(([key, one]) => `${tomlKey(key)} = ${tomlValue(one)}`).join(', ')} }`
  return String(value)
}

/** The rule as lines of the settings. @param {RuleDraft} draft */
export const settingsText = (draft) => [`[alerts.rules.${tomlKey(draft.name.trim() || 'name')}]`, ...Object.entries(ruleOf(draft)).map(([key, value]) => `${key} = ${tomlValue(value)}`)].join('\n')

/**
 * @typedef {{ field: 'name'|'condition'|'hold'|'keep'|'cooldown'|'labels'|'annotations'|'', words: string }} Fault  `field`: where it is; empty where that is not known
 * @type {Record<string, Fault['field']>}
 */
const FIELD_OF = { expr: 'condition', absent: 'condition', logql: 'condition', for: 'hold', keep_firing_for: 'keep', cooldown: 'cooldown', label: 'labels', labels: 'labels', annotation: 'annotations', annotations: 'annotations' }

/** What the service says is wrong with a rule, and which field that is about. @param {string} error @param {RuleDraft} draft @returns {Fault} */
export function faultOf(error, { hold, keep, cooldown }) {
  const said = error.replace(/^the body is no rule: /, '').replace(/ at line \d+ column \d+$/, '').replace(/^rule `[^`]*`: /, '')
  if (/^a rule is named by/.test(said)) return { field: 'name', words: said }
  if (/^it has no condition/.test(said)) return { field: 'condition', words: 'It has no condition yet' }
  const length = /^`([^`]*)` is not a length of time/.exec(said)?.[1]
  if (length !== undefined) {
    const at = /** @type {const} */ (['hold', 'keep', 'cooldown']).find((_, i) => [hold, keep, cooldown][i].trim() === length)
    return { field: at ?? '', words: said }
  }
  const key = /^`?(\w+)`?(?=:| =|\.)/.exec(said)?.[1] ?? ''
  const field = FIELD_OF[key] ?? ''
  return { field, words: field === 'condition' ? said.replace(/^\w+: /, '') : said }
}
