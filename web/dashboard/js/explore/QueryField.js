/**
 * A field for one query: coloured, with a list of what can be written at the caret, and with the place of a mistake marked.
 *
 * A plain text field does the editing, so selection, undo, input methods and screen readers work as everywhere; the colours lie beneath it,
 * letter by letter the same.
 *
 * @import { Context, TokenKind } from './language.js'
 * @import { Mistake } from './mistakes.js'
 * @import { Known, Offer } from './complete.js'
 */
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { offers, opensByItself } from './complete.js'
import { marked } from './marked.js'
import { Offers } from './Offers.js'
import { pair, write } from './typing.js'

/**
 * @typedef {{ tokens: (text: string) => Array<{ text: string, kind: TokenKind }>, contextAt: (text: string, at: number) => Context|null, known: (context: Context) => Promise<Known> }} Language
 *   `tokens`: the text in coloured pieces; `contextAt`: what can be written at a place; `known`: what there is to choose from there
 * @typedef {{ context: Context, list: Offer[], chosen: number }} Open
 */

/** @param {{ id: string, label: string, placeholder: string, language: Language, text: string, change: (text: string) => void, run: () => void, mistake: Mistake|null, field?: { current: HTMLTextAreaElement|null }, onFocus?: () => void }} props */
export function QueryField({ id, label, placeholder, language, text, change, run, mistake, field: given, onFocus }) {
  const own = useRef(/** @type {HTMLTextAreaElement|null} */ (null))
  const field = given ?? own
  const under = useRef(/** @type {HTMLElement|null} */ (null))
  /** While something is written for the reader, the caret is not where it will be. */
  const writing = useRef(false)
  const pieces = useMemo(() => marked(language.tokens(text), mistake), [language, text, mistake])
  const { open, setOpen, complete, close } = useOffers(field, language)

  /** @param {() => boolean|void} work */
  const byHand = (work) => {
    writing.current = true
    const done = work()
    writing.current = false
    return done
  }
  /** @param {Offer} offer */
  const accept = (offer) => {
    if (!open) return
    const { from, to } = open.context
    close()
    byHand(() => { if (field.current) write(field.current, from, to, offer.insert, from + offer.caret) })
    // A label is followed by its value.
    if (offer.kind === 'label' && offer.insert.endsWith('""')) setTimeout(() => complete(true))
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const chosen = open?.list[open.chosen]
    if (event.key === ' ' && event.ctrlKey) complete(true)
    else if (byHand(() => field.current !== null && pair(field.current, event))) complete(false)
    else if (open && step) setOpen({ ...open, chosen: (open.chosen + step + open.list.length) % open.list.length })
    else if (open && event.key === 'Escape') setOpen(null)
    else if (open && chosen && (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey && chosen.text !== open.context.word))) accept(chosen)
    else if (event.key === 'Enter' && !event.shiftKey) {
      close()
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
          placeholder=${placeholder} aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${open ? `${id}-offers` : undefined}
          aria-activedescendant=${open ? `${id}-offer-${open.chosen}` : undefined} aria-invalid=${mistake ? 'true' : undefined} aria-describedby=${mistake ? `${id}-mistake` : undefined}
          value=${text} onFocus=${onFocus} onInput=${(/** @type {any} */ e) => { change(e.target.value); if (!writing.current) complete(false) }} onKeyDown=${onKeyDown}
          onClick=${() => setOpen(null)} onBlur=${() => setOpen(null)}></textarea>
        ${open && html`<${Offers} id=${id} open=${open} under=${under} accept=${accept} />`}
      </div>
      ${mistake && html`<p class="query-mistake" id=${`${id}-mistake`} role="status"><b>${mistake.words}.</b> ${mistake.advice}</p>`}
    </div>`
}

/** What is offered at the caret of a field, once it is known. @param {{ current: HTMLTextAreaElement|null }} field @param {Language} language */
function useOffers(field, { contextAt, known }) {
  const [open, setOpen] = useState(/** @type {Open|null} */ (null))
  /** Answers to earlier questions open nothing. */
  const turn = useRef(0)
  useEffect(() => () => { turn.current += 1 }, [])
  /** @param {boolean} asked by the reader, so that it opens without a word too */
  const complete = async (asked) => {
    const mine = ++turn.current
    const at = field.current?.selectionStart ?? 0
    const context = field.current?.selectionEnd === at ? contextAt(field.current.value, at) : null
    if (!context) return setOpen(null)
    const list = offers(context, await known(context))
    if (mine !== turn.current) return undefined
    return setOpen(list.length > 0 && (asked || opensByItself(context, list)) ? { context, list, chosen: 0 } : null)
  }
  const close = () => {
    turn.current += 1
    setOpen(null)
  }
  return { open, setOpen, complete, close }
}
