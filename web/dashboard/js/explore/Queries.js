/**
 * The queries, one field each. What is written is asked when the reader runs it, and is in the address from then on.
 *
 * @import { Wanted } from './wanted.js'
 * @import { Mistake } from './mistakes.js'
 */
import { Cross } from '../components/Cross.js'
import { html, useEffect, useRef, useState } from '../lib.js'
import { bind } from '../keys.js'
import { setParams } from '../stores/place.js'
import { Editor } from './Editor.js'
import { remember } from './history.js'
import { letterOf, MOST_QUERIES, paramsOf } from './wanted.js'

/** @typedef {{ id: number, text: string, hidden: boolean }} Draft */

let newest = 0
/** @param {string} text @param {boolean} hidden @returns {Draft} */
const draft = (text, hidden) => ({ id: ++newest, text, hidden })

/**
 * @param {{ wanted: Wanted[], failed: Map<string, Mistake>, again: () => void, busy: boolean, stop: () => void }} props
 *   `failed`: what the service said of each query, by its text
 */
export function Queries({ wanted, failed, again, busy, stop }) {
  const given = JSON.stringify(wanted.map(({ text, hidden }) => [text, hidden]))
  const [held, set] = useState({ given, drafts: wanted.map((w) => draft(w.text, w.hidden)) })
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  let { drafts } = held
  if (held.given !== given) {
    // The address has changed: fields whose text is the same stay, with caret and all.
    drafts = wanted.map((w, i) => (drafts[i] ? { ...drafts[i], text: w.text, hidden: w.hidden } : draft(w.text, w.hidden)))
    set({ given, drafts })
  }
  useEffect(() => bind([{ keys: 'q', words: 'Write a query', group: 'Explore', run: () => field.current?.focus() }]), [])

  /** @param {Draft[]} next */
  const change = (next) => set({ given, drafts: next })
  /** @param {Draft[]} next */
  const run = (next) => {
    next.forEach(({ text }) => remember(text))
    const params = paramsOf(next)
    const same = JSON.stringify(paramsOf(wanted)) === JSON.stringify(params)
    if (same) again()
    else setParams(params)
  }
  /** @param {number} i @param {Partial<Draft>} more */
  const changed = (i, more) => drafts.map((d, at) => (at === i ? { ...d, ...more } : d))
  return html`
    <form class="queries" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); run(drafts) }}>
      ${drafts.map((d, i) => html`
        <div class="query" key=${d.id}>
          ${drafts.length > 1
            ? html`<button type="button" class="query-letter" aria-pressed=${!d.hidden} title=${d.hidden ? 'Show its answer' : 'Hide its answer'} aria-label=${`Query ${letterOf(i)} is ${d.hidden ? 'hidden' : 'shown'}`} onClick=${() => run(changed(i, { hidden: !d.hidden }))}>${letterOf(i)}</button>`
            : html`<span class="query-letter">${letterOf(i)}</span>`}
          <${Editor} letter=${letterOf(i)} text=${d.text} field=${i === 0 ? field : undefined} change=${(/** @type {string} */ text) => change(changed(i, { text }))} run=${() => run(drafts)} failed=${failed.get(d.text.trim()) ?? null} asked=${wanted.some((w) => w.text === d.text.trim() && !w.hidden)} />
          ${drafts.length > 1 && html`<button type="button" class="icon" aria-label=${`Take query ${letterOf(i)} away`} title="Take away" onClick=${() => run(drafts.filter((_, at) => at !== i))}><${Cross} /></button>`}
        </div>`)}
      <div class="query-tools">
        ${busy ? html`<button key="stop" type="button" class="button" onClick=${stop}>Stop</button>` : html`<button key="run" type="submit" class="button button-main">Run</button>`}
        ${drafts.length < MOST_QUERIES && html`<button type="button" class="button" onClick=${() => change([...drafts, draft('', false)])}>Add a query</button>`}
        <span class="quiet query-keys">Enter runs, Shift + Enter begins a line, Ctrl + Space completes</span>
      </div>
    </form>`
}
