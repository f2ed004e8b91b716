/**
 * The mark of a state: a colour and a shape, so that it is read without the colour too.
 *
 * @import { Mark as Kind } from '../statuses.js'
 */
import { html } from '../lib.js'

const SHAPES = {
  ok: 'M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11z',
  info: 'M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zm0 1.8a2.7 2.7 0 1 1 0 5.4a2.7 2.7 0 1 1 0-5.4z',
  none: 'M3 7h10v2h-10z',
  warning: 'M8 2l6.5 11.5h-13z',
  error: 'M3 3h10v10h-10z',
  critical: 'M8 1l7 7l-7 7l-7-7z',
}

/** @param {{ kind: Kind, word: string }} props `word` is what a screen reader says; none where the text beside it says it already */
export function Mark({ kind, word }) {
  const spoken = word ? { role: 'img', 'aria-label': word } : { 'aria-hidden': 'true' }
  return html`<svg class="mark mark-${kind}" viewBox="0 0 16 16" ...${spoken}><path fill-rule="evenodd" d=${SHAPES[kind]} /></svg>`
}
