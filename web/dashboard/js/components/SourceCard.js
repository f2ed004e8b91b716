/**
 * The card of a source whose figures have no place on this screen yet: what it says about itself, or what
 * would fill it. Never a number.
 *
 * @import { Source } from '../types.js'
 */
import { count, sentences, since } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { sourcesOf, status } from '../stores/status.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'

/** @param {{ title: string, name: string, prefixes: string[], absent: string, would: string }} props `absent`: said when there is no such source; `would`: what would stand here */
export function SourceCard({ title, name, prefixes, absent, would }) {
  const sources = sourcesOf(...prefixes)
  const present = sources.filter((s) => s.up !== null)
  const face = !status.value ? 'loading' : present.length ? 'data' : 'empty'
  const hints = sentences(sources.map((s) => s.hint ?? s.reason))
  return html`
    <${Panel} title=${title} kind="card" name=${name} face=${face}
      empty=${html`<p class="face-title"><${Mark} kind="none" word="not connected" /> Not connected</p>
        <p>${hints || absent}</p>
        <p class="quiet">${would}</p>`}>
      <ul class="sources">${present.map((s) => html`<${SourceLine} key=${s.source} source=${s} />`)}</ul>
    <//>`
}

/** @param {{ source: Source }} props */
export function SourceLine({ source }) {
  return html`
    <li>
      <${Mark} kind=${source.up ? 'ok' : source.up === false ? 'error' : 'none'} word=${source.up ? 'up' : source.up === false ? 'failing' : 'not present'} />
      <span><b>${source.source}</b> ${source.reason ?? source.hint ?? count(source.samples, 'sample')}</span>
      <span class="quiet">${source.since !== null && `since ${since(source.since, now.value)}`}</span>
    </li>`
}
