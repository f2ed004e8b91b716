/**
 * The query for lines: one field, its mistake marked in its place, and queries of before.
 *
 * @import { Mistake } from '../explore/mistakes.js'
 */
import { html, useEffect, useRef, useState } from '../lib.js'
import { Kept } from '../explore/Before.js'
import { queriesOfBefore } from '../explore/history.js'
import { QueryField } from '../explore/QueryField.js'
import { bind } from '../keys.js'
import { address, setParams } from '../stores/place.js'
import { labels, values } from './knowledge.js'
import { contextAt, tokens } from './language.js'

const kept = queriesOfBefore('taskpulse.logqueries')

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
    kept.remember(text)
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

/** Queries of before, behind a button. */
function Before() {
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
        <${Kept} of=${kept} addressOf=${(/** @type {string} */ query) => address('logs', '', { query })} rove=${true} onOpen=${close} />
      </div>
    </details>`
}
