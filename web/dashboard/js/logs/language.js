/**
 * LogQL as the field sees it: pieces to colour, and which label or value can be written at the caret.
 *
 * Pure. Only the service knows whether a query is right.
 *
 * @import { Context, TokenKind } from '../explore/language.js'
 */

const STRING = /"(?:[^"\\]|\\.)*"?|`[^`]*`?/y
const WORDS = new Set(['json', 'logfmt', 'pattern', 'regexp', 'unpack', 'line_format', 'label_format', 'decolorize', 'drop', 'keep', 'unwrap', 'by', 'without', 'and', 'or', 'unless', 'on', 'ignoring', 'bool', 'offset'])

/** The text in pieces, each with its kind. @param {string} text @returns {Array<{ text: string, kind: TokenKind }>} */
export function tokens(text) {
  /** @type {Array<{ text: string, kind: TokenKind }>} */
  const out = []
  const all = /("(?:[^"\\]|\\.)*"?|`[^`]*`?)|(#[^\n]*)|(\d[\w.]*)|([a-zA-Z_][\w.]*)|([^"`#\w]+|.)/gs
  for (const found of text.matchAll(all)) {
    const [piece, string, comment, number, word] = found
    const next = text.slice(found.index + piece.length).trimStart()[0]
    const kind = string ? 'string' : comment ? 'comment' : number ? 'number' : !word ? '' : WORDS.has(word) ? 'keyword' : next === '(' ? 'function' : 'label'
    out.push({ text: piece, kind })
  }
  return out
}

/** What can be written at the caret: a label of a stream, or a value of one; null elsewhere. @param {string} text @param {number} at @returns {Context|null} */
export function contextAt(text, at) {
  let open = -1
  let label = ''
  /** Where the string begins that the caret is in; -1 outside of strings. */
  let string = -1
  for (let i = 0; i < at; i += 1) {
    if (text[i] === '"' || text[i] === '`') {
      STRING.lastIndex = i
      const end = i + (STRING.exec(text)?.[0].length ?? 1)
      const closed = end - i > 1 && text[end - 1] === text[i]
      if (at > i && (at < end || (at === end && !closed))) {
        string = i
        break
      }
      i = end - 1
    } else if (text[i] === '{') open = i
    else if (text[i] === '}') open = -1
  }
  if (open < 0) return null
  if (string >= 0) {
    label = /([\w.]+)\s*(?:=~|!~|!=|=)\s*$/.exec(text.slice(open, string))?.[1] ?? ''
    const rest = /^[^"`]*/.exec(text.slice(at))?.[0].length ?? 0
    const closed = text[at + rest] === text[string]
    return label === '' ? null : { kind: 'value', from: string + 1, to: closed ? at + rest : at, word: text.slice(string + 1, at), metric: '', label, quoted: true, closed }
  }
  const word = /[\w.]*$/.exec(text.slice(open, at))?.[0] ?? ''
  const before = text.slice(open, at - word.length).trimEnd()
  if (/[{,]$/.test(before)) {
    const after = /^[\w.]*/.exec(text.slice(at))?.[0].length ?? 0
    return { kind: 'label', from: at - word.length, to: at + after, word, metric: '{', label: '', quoted: true, closed: /^[\w.]*\s*[=!]/.test(text.slice(at)) }
  }
  label = /([\w.]+)\s*(?:=~|!~|!=|=)$/.exec(before)?.[1] ?? ''
  return label === '' || word !== '' ? null : { kind: 'value', from: at, to: at, word: '', metric: '', label, quoted: false, closed: false }
}
