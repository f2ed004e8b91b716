/**
 * The query for lines: one field, its mistake marked in its place, and queries of before.
 *
 * @import { Mistake } from '../explore/mistakes.js'
 */
import { html, useEffect, useRef, useState } from '../lib.js'
import { queriesOfBefore } from '../explore/history.js'
import { QueryField } from '../explore/QueryField.js'
import { bind } from '../keys.js'
import { address, setParams } from '../stores/place.js'
import { labels, values } from './knowledge.js'
import { contextAt, tokens } from './language.js'

const { history, remember, forget, forgetAll } = queriesOfBefore('taskpulse.logqueries')

/** @type {import('../explore/QueryField.js').Language} */
const LOGQL = {
  tokens, contextAt,
  known: async ({ kind, label }) => ({ names: [], help: () => '', labels: kind === 'label' ? await labels().catch(() => []) : [], values: kind === 'value' ? await values(label).catch(() => []) : [] }),
}

/** @param {{ text: string, mistake: Mistake|null, again: () => void, busy: boolean, stop: () => void }} props */
export function Search({ text: given, mistake: said, again, busy, stop }) {
  const [held, hold] = useState({ given, text: given })
  let { text } = held
  if (held.given !== given) {
    text = given
    hold({ given, text })
  }
  const mistake = text.trim() === given.trim() ? said : null
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  useEffect(() => bind([{ keys: 'q', words: 'Write a query', group: 'Logs', run: () => field.current?.focus() }]), [])
  /** @param {string} next */
  const change = (next) => hold({ given, text: next })
  const run = () => {
    remember(text)
    if (text.trim() === given) again()
    else setParams({ query: text.trim() })
  }
  return html`
    <form class="queries" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); run() }}>
      <div class="logs-query">
        <${QueryField} id="query-logs" label="Query for log lines, LogQL" placeholder=${'{app="web"} |= "text"'} language=${LOGQL} text=${text} change=${change} run=${run} mistake=${mistake} field=${field} />
        ${busy ? html`<button key="stop" type="button" class="button" onClick=${stop}>Stop</button>` : html`<button key="run" type="submit" class="button button-main">Search</button>`}
        <${Before} />
      </div>
    </form>`
}

/** Queries of before, kept in this browser: each a link, each can be deleted. */
function Before() {
  const list = history.value
  const box = useRef(/** @type {HTMLDetailsElement|null} */ (null))
  const close = () => { if (box.current) box.current.open = false }
  useEffect(() => {
    const outside = (/** @type {Event} */ event) => { if (!box.current?.contains(/** @type {Node} */ (event.target))) close() }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [])
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Escape' || !box.current?.open) return
    event.stopPropagation()
    close()
    box.current.querySelector('summary')?.focus()
  }
  return html`
    <details class="logs-before" ref=${box} onKeyDown=${onKeyDown}>
      <summary class="button">History</summary>
      <div class="logs-before-list before">
        ${list.length === 0 ? html`<p class="face">Queries that you run are kept here, in this browser only.</p>` : html`
          <ul aria-label="Queries of before" data-rove>
            ${list.map((query) => html`
              <li key=${query}>
                <a href=${address('logs', '', { query })} title=${query} onClick=${close}><code><bdi>${query}</bdi></code></a>
                <button type="button" class="icon" aria-label=${`Delete ${query}`} title="Delete" onClick=${() => forget(query)}><svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 3l4 4l4-4l1 1l-4 4l4 4l-1 1l-4-4l-4 4l-1-1l4-4l-4-4z" /></svg></button>
              </li>`)}
          </ul>
          <button type="button" class="button button-plain" onClick=${forgetAll}>Delete all</button>`}
      </div>
    </details>`
}
