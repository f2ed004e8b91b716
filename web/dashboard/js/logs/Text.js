/**
 * The text of a line: never read as HTML or as terminal commands; white space stays as it is.
 */
import { html, useMemo } from '../lib.js'
import { cut, oneLine, pieces } from './signs.js'

/** @param {{ text: string, most: number, flat?: boolean }} props `most`: characters; `flat`: line ends as signs */
export function Text({ text, most, flat = false }) {
  const shown = useMemo(() => {
    const begun = cut(text, most)
    return { parts: pieces(flat ? oneLine(begun) : begun), more: begun.length < text.length }
  }, [text, most, flat])
  return html`<bdi>${shown.parts.map((part, i) => (part.kind === 'sign' ? html`<span key=${i} class="log-sign">${part.text}</span>` : part.text))}${shown.more && '…'}</bdi>`
}
