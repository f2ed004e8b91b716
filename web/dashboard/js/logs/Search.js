/**
 * The query for lines: one field, its mistake marked in its place, and queries of before.
 *
 * @import { Mistake } from '../explore/mistakes.js'
 */
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { queriesOfBefore } from '../explore/history.js'
import { offers, opensByItself } from '../explore/complete.js'
import { marked } from '../explore/marked.js'
import { Offers } from '../explore/Offers.js'
import { pair, write } from '../explore/typing.js'
import { bind } from '../keys.js'
import { address, setParams } from '../stores/place.js'
import { labels, values } from './knowledge.js'
import { contextAt, tokens } from './language.js'

const { history, remember, forget, forgetAll } = queriesOfBefore('taskpulse.logqueries')

/** @typedef {{ context: import('../explore/language.js').Context, list: import('../explore/complete.js').Offer[], chosen: number }} Open */

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
        <${Field} text=${text} change=${change} run=${run} mistake=${mistake} field=${field} />
        ${busy ? html`<button key="stop" type="button" class="button" onClick=${stop}>Stop</button>` : html`<button key="run" type="submit" class="button button-main">Search</button>`}
        <${Before} />
      </div>
    </form>`
}

/** @param {{ text: string, change: (text: string) => void, run: () => void, mistake: Mistake|null, field: { current: HTMLTextAreaElement|null } }} props */
function Field({ text, change, run, mistake, field }) {
  const under = useRef(/** @type {HTMLElement|null} */ (null))
  const [open, setOpen] = useState(/** @type {Open|null} */ (null))
  const turn = useRef(0)
  /** While something is written for the reader, the caret is not where it will be. */
  const writing = useRef(false)
  const pieces = useMemo(() => marked(tokens(text), mistake), [text, mistake])
  useEffect(() => () => { turn.current += 1 }, [])

  /** @param {boolean} asked by the reader */
  const look = async (asked) => {
    const mine = ++turn.current
    const at = field.current?.selectionStart ?? 0
    const context = field.current?.selectionEnd === at ? contextAt(field.current?.value ?? '', at) : null
    if (!context) return setOpen(null)
    const list = offers(context, { names: [], help: () => '', labels: context.kind === 'label' ? await labels().catch(() => []) : [], values: context.kind === 'value' ? await values(context.label).catch(() => []) : [] })
    if (mine !== turn.current) return undefined
    return setOpen(list.length > 0 && (asked || opensByItself(context, list)) ? { context, list, chosen: 0 } : null)
  }
  /** @param {() => boolean|void} work */
  const byHand = (work) => {
    writing.current = true
    const done = work()
    writing.current = false
    return done
  }
  /** @param {import('../explore/complete.js').Offer} offer */
  const take = (offer) => {
    const context = open?.context
    if (!context) return
    turn.current += 1
    byHand(() => { if (field.current) write(field.current, context.from, context.to, offer.insert, context.from + offer.caret) })
    setOpen(null)
    // A label is followed by its value.
    if (offer.kind === 'label' && offer.insert.endsWith('""')) setTimeout(() => look(true))
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const chosen = open?.list[open.chosen]
    if (event.key === ' ' && event.ctrlKey) look(true)
    else if (byHand(() => field.current !== null && pair(field.current, event))) look(false)
    else if (open && step) setOpen({ ...open, chosen: (open.chosen + step + open.list.length) % open.list.length })
    else if (open && event.key === 'Escape') setOpen(null)
    else if (open && chosen && (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey && chosen.text !== open.context.word))) take(chosen)
    else if (event.key === 'Enter' && !event.shiftKey) {
      turn.current += 1
      setOpen(null)
      run()
    } else {
      if (/^(Arrow|Home|End|Page)/.test(event.key)) setOpen(null)
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }
  return html`
    <div class="query-field">
      <div class="query-text">
        <pre class="query-under" ref=${under} aria-hidden="true">${pieces.map((p, i) => html`<span key=${i} class=${p.name}>${p.text}</span>`)}${'\n'}</pre>
        <textarea id="query-logs" ref=${field} rows="1" spellcheck=${false} autocomplete="off" autocapitalize="off" aria-label="Query for log lines, LogQL" placeholder=${'{app="web"} |= "text"'}
          aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${open ? 'query-logs-offers' : undefined} aria-activedescendant=${open ? `query-logs-offer-${open.chosen}` : undefined}
          aria-invalid=${mistake ? 'true' : undefined} aria-describedby=${mistake ? 'query-logs-mistake' : undefined} value=${text}
          onInput=${(/** @type {any} */ e) => { change(e.target.value); if (!writing.current) look(false) }} onKeyDown=${onKeyDown} onClick=${() => setOpen(null)} onBlur=${() => setOpen(null)}></textarea>
        ${open && html`<${Offers} id="query-logs" open=${open} under=${under} take=${take} />`}
      </div>
      ${mistake && html`<p class="query-mistake" id="query-logs-mistake" role="status"><b>${mistake.words}.</b> ${mistake.advice}</p>`}
    </div>`
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
