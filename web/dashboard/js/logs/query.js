/**
 * A query for log lines in its parts, and what is done to them without writing: a condition more, one less, another level.
 *
 * Pure. Only the outline is read: what selects streams, and where each stage begins and ends. Only the service knows whether a query is right;
 * what cannot be read is left as it is.
 *
 * @typedef {{ name: string, op: string, value: string, text: string }} Matcher  `text`: as it is written
 * @typedef {{ matchers: Matcher[], stages: string[] }} Query
 */

/** Every stream. */
export const ALL = '{}'
/** Worst first; as the service names them. */
export const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown']

/** Characters that have a short escape. @type {Record<string, string>} */
const SHORT = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\', '"': '\\"' }

/** A text as a string of LogQL. @param {string} text */
export const quote = (text) => `"${text.replace(/[\\"\u0000-\u001f\u007f-\u009f]/g, (c) => SHORT[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`

/** @param {string} name @param {string} op @param {string} value @returns {Matcher} */
export const matcher = (name, op, value) => ({ name, op, value, text: `${/^[a-zA-Z_]\w*$/.test(name) ? name : quote(name)}${op}${quote(value)}` })

/** What finds exactly this text in a regular expression. @param {string} text */
export const literal = (text) => text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')

/** Where a string that begins here ends; -1 where it is not closed. @param {string} text @param {number} at */
function stringEnd(text, at) {
  const mark = text[at]
  for (let i = at + 1; i < text.length; i += 1) {
    if (text[i] === mark) return i + 1
    if (text[i] === '\\' && mark !== '`') i += 1
  }
  return -1
}

/** What a string means. @param {string} written with its quotes */
function meant(written) {
  const inside = written.slice(1, -1)
  if (written[0] === '`') return inside
  return inside.replace(/\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))/gis, (_, u, x, c) => (u || x ? String.fromCharCode(parseInt(u || x, 16)) : { n: '\n', r: '\r', t: '\t' }[/** @type {string} */ (c)] ?? c))
}

/** Null for what is not a stream selector with stages, such as a metric query, and for what is unfinished. @param {string} text @returns {Query|null} */
export function read(text) {
  let at = /^\s*/.exec(text)?.[0].length ?? 0
  if (text[at] !== '{') return null
  at += 1
  /** @type {Matcher[]} */
  const matchers = []
  for (;;) {
    at += /^[\s,]*/.exec(text.slice(at))?.[0].length ?? 0
    if (text[at] === '}') break
    const from = at
    if (text[at] === '"') at = stringEnd(text, at)
    else at += /^[\w.:]*/.exec(text.slice(at))?.[0].length ?? 0
    const name = text[from] === '"' ? meant(text.slice(from, at)) : text.slice(from, at)
    const op = /^\s*(=~|!~|!=|=)\s*/.exec(text.slice(at))
    if (at <= from || !op) return null
    at += op[0].length
    const end = /["'`]/.test(text[at] ?? '') ? stringEnd(text, at) : -1
    if (end < 0) return null
    matchers.push({ name, op: op[1], value: meant(text.slice(at, end)), text: text.slice(from, end) })
    at = end
  }
  const stages = stagesOf(text.slice(at + 1))
  return stages && { matchers, stages }
}

/** The text of a whole stage: a parser alone, or a condition on a label or on the line. */
const WHOLE = /^\|\s*(json|logfmt|unpack|decolorize)\s*$|["'`)]\s*$|[<>=~]\s*[\w.]+\s*$/

/** @param {string} text behind the selector @returns {string[]|null} */
function stagesOf(text) {
  /** @type {string[]} */
  const stages = []
  let from = -1
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 2)
    const filter = /^(\|[=~>]|![=~>])$/.test(rest) && (rest[0] === '|' || from < 0 || WHOLE.test(text.slice(from, at)))
    if (filter || rest[0] === '|') {
      if (from >= 0) stages.push(text.slice(from, at).trim())
      from = at
      at += filter ? 2 : 1
    } else if (/["'`]/.test(text[at])) {
      at = stringEnd(text, at)
      if (at < 0) return null
    } else {
      if (from < 0 && !/\s/.test(text[at])) return null
      if (text[at] === '#') return null
      at += 1
    }
  }
  if (from >= 0) stages.push(text.slice(from).trim())
  return stages
}

/** @param {Query} query */
export const print = ({ matchers, stages }) => [`{${matchers.map((m) => m.text).join(', ')}}`, ...stages].join(' ')

/** A query changed in its parts; null where it cannot be read. @param {string} text @param {(query: Query) => Query} change @returns {string|null} */
function changed(text, change) {
  const query = read(text.trim() === '' ? ALL : text)
  return query && print(change(query))
}

/** With a condition of the stream. One of equality takes the place of others of its label. @param {string} text @param {string} name @param {string} op @param {string} value */
export const withMatcher = (text, name, op, value) => changed(text, (query) => {
  const made = matcher(name, op, value)
  const others = query.matchers.filter((m) => (op === '=' ? m.name !== name : !(m.name === name && m.value === value)))
  return { ...query, matchers: [...others, made] }
})

/** Without the condition at this place. @param {string} text @param {number} at */
export const withoutMatcher = (text, at) => changed(text, (query) => ({ ...query, matchers: query.matchers.filter((_, i) => i !== at) }))

/** With a stage at its end, unless it is there. @param {string} text @param {string} stage */
export const withStage = (text, stage) => changed(text, (query) => (query.stages.includes(stage) ? query : { ...query, stages: [...query.stages, stage] }))

/** @param {string} text @param {number} at */
export const withoutStage = (text, at) => changed(text, (query) => ({ ...query, stages: query.stages.filter((_, i) => i !== at) }))

/** Only the lines that hold a text. @param {string} text */
export const contains = (text) => `|= ${quote(text)}`

/** Only the lines with a value of a field, or only those without it. @param {string} name @param {string} value @param {boolean} [without] */
export const known = (name, value, without = false) => `| ${name}${without ? '!=' : '='}${quote(value)}`

const OF_LEVELS = /^\|\s*detected_level\s*=~?\s*"([a-z|]+)"$/

/** The levels that a query keeps; null where it keeps all. @param {string} text @returns {Set<string>|null} */
export function levelsOf(text) {
  const stage = read(text)?.stages.find((s) => OF_LEVELS.test(s))
  return stage ? new Set(OF_LEVELS.exec(stage)?.[1].split('|')) : null
}

/** @param {string} text @param {Set<string>} levels none, or all, for any */
export const withLevels = (text, levels) => changed(text, (query) => {
  const list = LEVELS.filter((level) => levels.has(level))
  const others = query.stages.filter((s) => !OF_LEVELS.test(s))
  const stage = list.length === 1 ? `| detected_level="${list[0]}"` : `| detected_level=~"${list.join('|')}"`
  return { ...query, stages: list.length === 0 || list.length === LEVELS.length ? others : [stage, ...others] }
})

/** One level more or less. The first one that is chosen is the only one. @param {string} text @param {string} level */
export function toggledLevel(text, level) {
  const levels = new Set(levelsOf(text))
  if (!levels.delete(level)) levels.add(level)
  return withLevels(text, levels)
}

/** What selects exactly one stream. @param {Record<string, string>} labels */
export const streamOf = (labels) => `{${Object.entries(labels).map(([name, value]) => matcher(name, '=', value).text).join(', ')}}`

/** How comparisons are shown. @type {Record<string, string>} */
export const SIGNS = { '=': '=', '!=': '≠', '=~': '~', '!~': '!~' }
/** @type {Record<string, string>} */
const FILTERS = { '|=': 'contains', '!=': 'without', '|~': 'matches', '!~': 'does not match' }

/** A stage in words. @param {string} stage */
export function stageWords(stage) {
  const found = /^(\|=|!=|\|~|!~)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)$/s.exec(stage)
  if (found) return { words: FILTERS[found[1]], value: meant(found[2]) }
  const label = /^\|\s*(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`)$/s.exec(stage)
  if (label) return { words: `${label[1] === 'detected_level' ? 'level' : label[1]} ${SIGNS[label[2]]}`, value: meant(label[3]) }
  return { words: '', value: stage.replace(/^\|\s*/, '') }
}
