/**
 * One source in a line: whether it works, why not, since when.
 *
 * @import { Source } from '../types.js'
 */
import { count, since } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { Mark } from './Mark.js'

/** @param {{ source: Source }} props */
export function SourceLine({ source }) {
  return html`
    <li>
      <${Mark} kind=${source.up ? 'ok' : source.up === false ? 'error' : 'none'} word=${source.up ? 'up' : source.up === false ? 'failing' : 'not present'} />
      <span><b>${source.source}</b> ${source.reason ?? source.hint ?? count(source.samples, 'sample')}</span>
      <span class="quiet">${source.since !== null && `since ${since(source.since, now.value)}`}</span>
    </li>`
}
