/**
 * One line: when, how bad, who, what. It opens to all that is known of it.
 *
 * @import { LogLine } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { clip, quoted } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { levelWord, markOf } from './bars.js'
import { fromOf } from './knowledge.js'
import { idOf, timeOf } from './lines.js'
import { Opened } from './Opened.js'
import { Text } from './Text.js'

/** Characters of a line in the list; what is longer is cut until it is opened. */
const MOST_SHOWN = 1000
const MOST_SPOKEN = 200

/** @param {{ line: LogLine, open: boolean, toggle: (id: string) => void, text: string }} props */
export function Row({ line, open, toggle, text }) {
  const { ns, body, severity, labels } = line
  const from = fromOf(labels)
  const said = body === '' ? line.attributes.event_name ?? '' : body
  const time = timeOf(ns, now.peek())
  const id = idOf(line)
  /** Who marks text with the mouse does not open the line. @param {MouseEvent} event */
  const onClick = (event) => {
    if (event.target instanceof Element && event.target.closest('button') === null && String(getSelection()) === '') toggle(id)
  }
  return html`
    <li class="log" data-level=${severity} data-open=${open} data-ns=${ns}>
      <div class="log-line" onClick=${onClick}>
        <button type="button" class="log-time" aria-expanded=${open} aria-label=${`${time}, ${levelWord(severity)}, ${quoted(from)}: ${clip(said, MOST_SPOKEN)}`} onClick=${() => toggle(id)}>${time}</button>
        <span class="log-level"><${Mark} kind=${markOf(severity)} word="" /><span>${severity === 'unknown' ? '' : levelWord(severity)}</span></span>
        <bdi class="log-from" title=${clip(from, 200)}>${clip(from, 60)}</bdi>
        <span class="log-text">${body === '' ? html`<i class="quiet">${said === '' ? 'no text' : clip(said, 200)}</i>` : html`<${Text} text=${body} most=${MOST_SHOWN} flat=${true} />`}</span>
      </div>
      ${open && html`<${Opened} line=${line} text=${text} />`}
    </li>`
}
