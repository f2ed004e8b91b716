/**
 * How things are, in one line; each part leads to where it is told at length.
 */
import { html } from '../lib.js'
import { address } from '../stores/place.js'
import { verdict } from '../stores/verdict.js'
import { Mark } from './Mark.js'

/** What the shape before the line says. */
const STATES = { ok: 'fine', warning: 'warning', error: 'error', critical: 'critical', unknown: 'not known' }

export function Verdict() {
  const { state, words, page, facts } = verdict.value
  return html`
    <p class="verdict" role="status" data-state=${state}>
      <a class="verdict-words" href=${address(page)}><${Mark} kind=${state === 'unknown' ? 'none' : state} word=${STATES[state]} /> <b>${words}</b></a>
      ${facts.map((fact) => html`<span class="verdict-fact" key=${fact.key}><a href=${address(fact.page)} title=${fact.title} data-fact=${fact.key}>${fact.words}</a></span>`)}
    </p>`
}
