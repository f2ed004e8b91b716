/**
 * The coloured pieces of a query with its mistake marked in its place.
 *
 * Pure.
 *
 * @import { TokenKind } from './language.js'
 * @import { Mistake } from './mistakes.js'
 */

/** The pieces, cut where the mistake begins and ends. @param {Array<{ text: string, kind: TokenKind }>} pieces @param {Mistake|null} mistake */
export function marked(pieces, mistake) {
  let at = 0
  return pieces.flatMap(({ text, kind }) => {
    const [from, to] = [at, at + text.length]
    at = to
    const name = kind && `ql-${kind}`
    if (!mistake || mistake.to <= from || mistake.from >= to) return [{ text, name }]
    const [a, b] = [Math.max(from, mistake.from) - from, Math.min(to, mistake.to) - from]
    return [{ text: text.slice(0, a), name }, { text: text.slice(a, b), name: `${name} ql-mistake` }, { text: text.slice(b), name }].filter((p) => p.text !== '')
  })
}
