/**
 * Why a source has no new figures, shown above those it had.
 *
 * @import { Source } from '../types.js'
 */
import { since } from '../format.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { Mark } from './Mark.js'

/** @param {{ sources: Source[] }} props */
export function SourceTrouble({ sources }) {
  return sources.filter((s) => s.up === false).map((source) => html`
    <p class="trouble" role="alert" key=${source.source}>
      <${Mark} kind="error" word="failing" />
      <span>${source.reason ?? `${source.source} does not answer`}${source.since !== null && html` <span class="quiet">since ${since(source.since, now.value)}</span>`}</span>
    </p>`)
}
