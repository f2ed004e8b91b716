/**
 * A field for one query: coloured, with a list of what can be written at the caret, and with the place of a mistake marked.
 *
 * A plain text field does the editing, so selection, undo, input methods and screen readers work as everywhere; the colours lie beneath it,
 * letter by letter the same.
 *
 * @import { Context } from './language.js'
 * @import { Mistake } from './mistakes.js'
 * @import { Offer } from './complete.js'
 */
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { offers, opensByItself } from './complete.js'
import { describe, labelsOf, loadMetrics, metrics, valuesOf } from './knowledge.js'
import { contextAt, tokens } from './language.js'
import { marked } from './marked.js'
import { Offers } from './Offers.js'
import { pair, write } from './typing.js'
import { useCheck } from './check.js'

/** @typedef {{ context: Context, list: Offer[], chosen: number }} Open */

/**
 * @param {{ letter: string, label?: string, text: string, change: (text: string) => void, run: () => void, failed: Mistake|null, asked?: boolean, focus?: boolean, field?: { current: HTMLTextAreaElement|null } }} props
 *   `failed`: what the service said when the query ran; `asked`: it runs, or has an answer
 */
export function Editor({ letter, label = `Query ${letter}, PromQL`, text, change, run, failed, asked = false, field: given }) {
  const own = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  const field = given ?? own
  const under = useRef(/** @type {HTMLElement|null} */ (null))
  const [open, setOpen] = useState(/** @type {Open|null} */ (null))
  const turn = useRef(0)
  /** While something is written for the reader, the caret is not where it will be. */
  const writing = useRef(false)
  const checked = useCheck(text, asked)
  const mistake = checked ?? failed
  const pieces = useMemo(() => marked(tokens(text), mistake), [text, mistake])
  const id = `query-${letter}`

  useEffect(() => () => { turn.current += 1 }, [])

  /** @param {boolean} asked by the reader, so that it opens without a word too */
  const look = async (asked) => {
    const mine = ++turn.current
    const at = field.current?.selectionStart ?? 0
    const written = field.current?.value ?? ''
    const context = field.current?.selectionEnd === at ? contextAt(written, at) : null
    if (!context) return setOpen(null)
    const list = offers(context, await known(context))
    if (mine !== turn.current) return undefined
    return setOpen(list.length > 0 && (asked || opensByItself(context, list)) ? { context, list, chosen: 0 } : null)
  }
  /** @param {Offer} offer */
  const take = (offer) => {
    if (!open) return
    turn.current += 1
    const { from, to } = open.context
    writing.current = true
    if (field.current) write(field.current, from, to, offer.insert, from + offer.caret)
    writing.current = false
    setOpen(null)
    // A label is followed by its value.
    if (offer.kind === 'label' && offer.insert.endsWith('""')) setTimeout(() => look(true))
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key === ' ' && event.ctrlKey) {
      event.preventDefault()
      look(true)
      return
    }
    writing.current = true
    const paired = field.current !== null && pair(field.current, event)
    writing.current = false
    if (paired) {
      event.preventDefault()
      look(false)
      return
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const chosen = open?.list[open.chosen]
    if (open && step) setOpen({ ...open, chosen: (open.chosen + step + open.list.length) % open.list.length })
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
        <textarea id=${id} ref=${field} rows="1" spellcheck=${false} autocomplete="off" autocapitalize="off" aria-label=${label}
          placeholder="PromQL: begin to write, or choose a metric" aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${open ? `${id}-offers` : undefined}
          aria-activedescendant=${open ? `${id}-offer-${open.chosen}` : undefined} aria-invalid=${mistake ? 'true' : undefined} aria-describedby=${mistake ? `${id}-mistake` : undefined}
          value=${text} onFocus=${() => loadMetrics()} onInput=${(/** @type {any} */ e) => { change(e.target.value); if (!writing.current) look(false) }} onKeyDown=${onKeyDown}
          onClick=${() => setOpen(null)} onBlur=${() => setOpen(null)}></textarea>
        ${open && html`<${Offers} id=${id} open=${open} under=${under} take=${take} />`}
      </div>
      ${mistake && html`<p class="query-mistake" id=${`${id}-mistake`} role="status"><b>${mistake.words}.</b> ${mistake.advice}</p>`}
    </div>`
}

/** What is known for a place. What cannot be asked is not offered. @param {Context} context */
async function known(context) {
  const { names, meta } = metrics.peek()
  const labels = context.kind === 'label' ? await labelsOf(context.metric).catch(() => []) : []
  const values = context.kind === 'value' ? await valuesOf(context.metric, context.label).catch(() => []) : []
  return { names, help: (/** @type {string} */ name) => describe(meta, name)?.help ?? '', labels, values }
}
