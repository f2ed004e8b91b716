/**
 * The text of a line as it is shown: terminal commands and characters that change the direction of writing are written as escapes.
 *
 * Pure.
 *
 * @typedef {{ text: string, kind: ''|'sign' }} Piece  `sign`: stands for something that is not shown as itself
 */

/** What is not shown as itself: control characters except line ends and tabs; characters that change the direction of writing, or are not visible. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/
/** The same, and colours and commands of terminals as a whole. */
const SIGNS = new RegExp(`\u001b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\u0007\u001b\n]{0,200}(?:\u0007|\u001b\\\\))|${HIDDEN.source}`, 'g')

/** @param {string} c */
function sign(c) {
  const code = c.charCodeAt(0)
  if (c === '\u001b') return '\\e'
  if (c === '\r') return '\\r'
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** @param {string} text @returns {Piece[]} */
export function pieces(text) {
  /** @type {Piece[]} */
  const out = []
  let at = 0
  for (const { 0: found, index } of text.matchAll(SIGNS)) {
    if (index > at) out.push({ text: text.slice(at, index), kind: '' })
    at = index + found.length
    // CR LF is one line end.
    if (found === '\r' && text[at] === '\n') continue
    out.push({ text: found.replace(new RegExp(HIDDEN.source, 'g'), sign), kind: 'sign' })
  }
  if (at < text.length) out.push({ text: text.slice(at), kind: '' })
  return out
}

/** The beginning of a long text; whole letters. @param {string} text @param {number} most */
export function cut(text, most) {
  if (text.length <= most) return text
  const last = text.charCodeAt(most - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? most - 1 : most)
}

/** One line of it: line ends and what follows them in signs. @param {string} text */
export const oneLine = (text) => text.replace(/\r?\n/g, ' ⏎ ')

/**
 * JSON, one value a line. Null where it is none. Digits, escapes and the order of names stay as they were sent.
 * @param {string} text @returns {string|null}
 */
export function prettyJson(text) {
  const trimmed = text.trim()
  if (!/^[[{]/.test(trimmed)) return null
  try {
    JSON.parse(trimmed)
  } catch {
    return null
  }
  let out = ''
  let depth = 0
  const line = () => `\n${'  '.repeat(depth)}`
  for (const [token] of trimmed.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth -= 1
      // Nothing in it: both stand beside each other.
      out = /[[{]\s*$/.test(out) ? out.trimEnd() + token : out + line() + token
    } else if (token === ',') out += token + line()
    else out += token === ':' ? ': ' : token
  }
  return out
}

/** What a text can be read as, where it seems to have fields: a stage of a query. @param {string} text @returns {'json'|'logfmt'|null} */
export function parserOf(text) {
  if (/^\s*\{/.test(text)) return prettyJson(text) === null ? null : 'json'
  return (text.match(/(?:^|\s)[a-zA-Z_][\w.]*=(?:"|\S)/g)?.length ?? 0) >= 2 ? 'logfmt' : null
}
