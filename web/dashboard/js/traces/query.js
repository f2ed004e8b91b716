/**
 * The form of a search: writes TraceQL, and reads it back where a query has no more than the form can show.
 *
 * Pure. The query is what is kept in the address: the form only reads and writes it.
 *
 * @typedef {{ service: string, name: string, status: string, least: string, most: string, attribute: string }} Form
 *   `least`, `most`: of a span's duration, as `100ms`; `attribute`: `http.method=GET`
 */

/** @type {Form} */
export const EMPTY = { service: '', name: '', status: '', least: '', most: '', attribute: '' }
export const STATUSES = ['error', 'ok', 'unset']

const DURATION = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)$/
const KEY = /^[\w.\-/:]+$/
const PAIR = /^\s*(.+?)\s*(=~|!~|!=|>=|<=|=|>|<)\s*(.*?)\s*$/s

/** A length of time as TraceQL has it; null for what is none, and for a number without a unit. @param {string} text */
export function durationOf(text) {
  const found = DURATION.exec(text.trim())
  return found ? found[1] + found[2].replace('µ', 'u') : null
}

/** @param {string} text */
const quoted = (text) => JSON.stringify(text)

/** An attribute's name. Only quotes and backslashes are written otherwise in it. @param {string} name */
const keyOf = (name) => (KEY.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`)

/** What is wrong with a field, in words; empty where nothing is. @param {keyof Form} field @param {string} text */
export function mistakeIn(field, text) {
  if (text.trim() === '') return ''
  if (field === 'least' || field === 'most') return durationOf(text) === null ? 'A number and its unit, as 100ms or 1.5s' : ''
  if (field === 'attribute') return PAIR.test(text) ? '' : 'A name, a comparison and a value, as http.method=GET'
  return ''
}

/** An attribute's condition. @param {string} text */
function conditionOf(text) {
  const [, key, op, value] = PAIR.exec(text) ?? ['', '', '', '']
  const [, scope, name] = /^(span\.|resource\.|event\.|link\.|\.)?(.+)$/s.exec(key) ?? ['', '', key]
  const bare = /^-?\d+(\.\d+)?$/.test(value) || value === 'true' || value === 'false' || /^".*"$/s.test(value)
  const written = bare && !op.includes('~') ? value : quoted(value.replace(/^"(.*)"$/s, '$1'))
  return `${scope ?? '.'}${keyOf(name)} ${op} ${written}`
}

/** The query of a form. What is wrong in it is left out. @param {Form} form */
export function queryOf(form) {
  const parts = []
  if (form.service) parts.push(`resource.service.name = ${quoted(form.service)}`)
  if (form.name) parts.push(`name = ${quoted(form.name)}`)
  if (STATUSES.includes(form.status)) parts.push(`status = ${form.status}`)
  const [least, most] = [durationOf(form.least), durationOf(form.most)]
  if (least) parts.push(`duration >= ${least}`)
  if (most) parts.push(`duration <= ${most}`)
  if (form.attribute.trim() && !mistakeIn('attribute', form.attribute)) parts.push(conditionOf(form.attribute))
  return parts.length > 0 ? `{ ${parts.join(' && ')} }` : ''
}

/** The form of a query; null where the form cannot say it. @param {string} query @returns {Form|null} */
export function formOf(query) {
  const text = query.trim()
  if (text === '') return { ...EMPTY }
  const inner = /^\{(.*)\}$/s.exec(text)?.[1]
  if (inner === undefined) return null
  const parts = conditions(inner)
  if (!parts) return null
  const form = { ...EMPTY }
  for (const part of parts) {
    const [field, value] = fieldOf(part) ?? []
    if (!field || value === undefined || form[field] !== '') return null
    form[field] = value
  }
  return form
}

/** Conditions that all must hold, one by one; null where there is more than that. @param {string} text */
function conditions(text) {
  const parts = ['']
  for (const [piece] of text.matchAll(/"(?:[^"\\]|\\.)*"|&&|[\s\S]/g)) {
    if (piece === '&&') parts.push('')
    else if (/^[{}()|`]$/.test(piece)) return null
    else parts[parts.length - 1] += piece
  }
  const found = parts.map((part) => part.trim())
  return found.length === 1 && found[0] === '' ? [] : found.includes('') ? null : found
}

/** @param {string} part @returns {[keyof Form, string]|null} */
function fieldOf(part) {
  const [, key, op, value] = PAIR.exec(part) ?? []
  if (!key || value === undefined) return null
  const said = unquoted(value)
  if (/^(resource)?\.service\.name$/.test(key) && op === '=' && said !== null) return ['service', said]
  if (/^(span:)?name$/.test(key) && op === '=' && said !== null) return ['name', said]
  if (/^(span:)?status$/.test(key)) return op === '=' && STATUSES.includes(value) ? ['status', value] : null
  if (/^(span:)?duration$/.test(key)) {
    const length = durationOf(value)
    return length && op === '>=' ? ['least', length] : length && op === '<=' ? ['most', length] : null
  }
  const [, scope, name] = /^(span\.|resource\.|event\.|link\.|\.)(.+)$/s.exec(key) ?? []
  if (!scope) return null
  const plainName = unquoted(name) ?? name
  if (said === null && !/^(-?\d+(\.\d+)?|true|false)$/.test(value)) return null
  // A text that looks like a number stays a text.
  const written = said === null ? value : /^(-?\d+(\.\d+)?|true|false|".*")$/s.test(said) ? value : said
  const text = `${scope === '.' ? '' : scope}${plainName}${op}${written}`
  return conditionOf(text) === part.replace(/\s*(=~|!~|!=|>=|<=|=|>|<)\s*/, ' $1 ') ? ['attribute', text] : null
}

/** The text between quotes; null where it is not quoted. @param {string} text */
function unquoted(text) {
  try {
    return /^".*"$/s.test(text) ? /** @type {string} */ (JSON.parse(text)) : null
  } catch {
    return null
  }
}

/** The lines of a trace, or of one of its spans. Of which service they are is the label that OpenTelemetry's lines have. @param {string} service @param {string} trace @param {string} [span] */
export const logsQuery = (service, trace, span = '') => `{service_name=${quoted(service)}} | trace_id=${quoted(trace)}${span ? ` | span_id=${quoted(span)}` : ''}`

/** Where spans have this attribute with this value. @param {string} scope @param {string} key @param {unknown} value */
export function alike(scope, key, value) {
  const bare = typeof value === 'number' || typeof value === 'boolean'
  return `{ ${scope}${keyOf(key)} = ${bare ? value : quoted(typeof value === 'string' ? value : JSON.stringify(value))} }`
}
