/**
 * Search over everything: pages, tasks, runs, targets, advice, metrics, times, and what can be done; and questions in plain words.
 *
 * A list under a field: arrows choose, Enter goes there. Names come from what is known already; metrics are asked for when it opens.
 */
import { get } from '../api.js'
import { isQuestion, withQuestion } from '../ask/question.js'
import { clip } from '../format.js'
import { bind } from '../keys.js'
import { html, useEffect, useMemo, useRef, useState } from '../lib.js'
import { PAGES } from '../pages.js'
import { PRESETS } from '../period.js'
import { allAdvice } from '../stores/advice.js'
import { agentsNow } from '../stores/agents.js'
import { boards } from '../stores/boards.js'
import { ci } from '../stores/ci.js'
import { address, choose, go, historyOf } from '../stores/place.js'
import { status } from '../stores/status.js'
import { nextTheme } from '../stores/theme.js'
import { closePalette, openPalette, palette } from './search.js'
import { openHelp } from './Help.js'
import { rank } from './rank.js'

/** @typedef {{ key: string, words: string, lower?: string, kind: string, run: () => void }} Entry */

const SHOWN = 12
/** The entry that asks what is typed. */
const ASK = 'ask'
const LONGEST_SHOWN = 200
/** Who writes on has not asked yet. */
const PAUSE_MS = 400
/** @type {string[]} */
let metrics = []

/** @returns {Entry[]} */
function entries() {
  const open = (/** @type {string} */ hash) => () => go(hash)
  return [
    ...PAGES.map((p) => ({ key: `page ${p.name}`, words: p.title, kind: 'page', run: open(address(p.name)) })),
    ...(boards.peek().tasks?.boards ?? []).flatMap((b) => b.items.map((i) => ({ key: `task ${b.project} ${b.tag} ${i.id}`, words: `${i.id} ${i.title}`, kind: 'task', run: open(address('tasks', i.id)) }))),
    ...agentsNow.peek().live.map(({ key, params, words }) => ({ key: `agent ${key}`, words, kind: 'agent', run: open(address('agents', '', params)) })),
    ...(allAdvice.peek() ?? []).map((r) => ({ key: `advice ${r.id}`, words: r.title, kind: 'advice', run: open(address('advice', r.id)) })),
    ...(status.peek()?.targets ?? []).map((t) => ({ key: `target ${t.target}`, words: t.target, kind: 'target', run: open(address('application', t.target)) })),
    ...(ci.peek().runs?.repositories ?? []).flatMap((r) => r.runs.map((run) => ({
      key: `run ${run.id} ${run.attempt}`, words: `${run.workflow} #${run.number} ${run.title}`, kind: 'run', run: () => { if (run.url) window.open(run.url, '_blank', 'noopener,noreferrer') },
    }))),
    ...metrics.map((name) => ({ key: `metric ${name}`, words: name, kind: 'metric', run: open(historyOf(name)) })),
    ...PRESETS.map(([name, words]) => ({ key: `time ${name}`, words, kind: 'time', run: () => choose({ from: `now-${name}`, to: 'now' }) })),
    { key: 'theme', words: 'Change the theme', kind: 'action', run: nextTheme },
    { key: 'keys', words: 'Keys', kind: 'action', run: openHelp },
  ]
}

export function Palette() {
  useEffect(() => bind([
    { keys: '/', words: 'Search everything', group: 'Help', run: () => openPalette('') },
  ]), [])
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const open = (event) => {
      if (event.key !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      openPalette('')
    }
    addEventListener('keydown', open)
    return () => removeEventListener('keydown', open)
  }, [])
  return palette.value !== null && html`<${Open} initial=${palette.value} />`
}

/** @param {{ initial: string }} props */
function Open({ initial }) {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null))
  const [words, setWords] = useState(initial)
  const [chosen, choose_] = useState(0)
  const [names, setNames] = useState(metrics)
  useEffect(() => {
    dialog.current?.showModal()
    get('/api/v1/label/__name__/values').then((now) => {
      metrics = now
      setNames(now)
    }).catch(() => undefined)
  }, [])
  // Made once an opening: there may be thousands, and each key searches them.
  const all = useMemo(entries, [names])
  const [asked, askFor] = useState('')
  const question = words.trim()
  const found = useMemo(() => withQuestion(rank(all, words, SHOWN), words, { key: ASK, words: `Ask: ${clip(question, LONGEST_SHOWN)}`, kind: 'question', run: () => askFor(question) }), [all, words])
  // What ends with a question mark is asked once the reader pauses.
  useEffect(() => {
    if (!isQuestion(words)) return undefined
    const timer = setTimeout(() => askFor(question), PAUSE_MS)
    return () => clearTimeout(timer)
  }, [words])
  const at = Math.min(chosen, found.length - 1)
  /** @param {Entry|undefined} entry */
  const take = (entry) => {
    if (entry?.key !== ASK) dialog.current?.close()
    entry?.run()
  }
  /** @param {string} text */
  const write = (text) => {
    setWords(text)
    choose_(0)
    askFor('')
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step) choose_((at + step + found.length) % Math.max(1, found.length))
    else if (event.key === 'Enter') take(found[at])
    else return
    event.preventDefault()
  }
  return html`
    <dialog class="dialog palette" ref=${dialog} aria-label="Search" onClose=${closePalette} onClick=${(/** @type {any} */ e) => { if (e.target === dialog.current) dialog.current?.close() }}>
      <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant=${found[at] ? `palette-${at}` : undefined} aria-label="Search pages, tasks, runs, metrics, or ask a question"
        placeholder="Search pages, tasks, runs, metrics, or ask a question" autocomplete="off" spellcheck=${false} value=${words} autofocus
        onInput=${(/** @type {any} */ e) => write(e.target.value)} onKeyDown=${onKeyDown} />
      <ul id="palette-list" role="listbox" aria-label="Found">
        ${found.map((entry, i) => html`
          <li key=${entry.key} id=${`palette-${i}`} role="option" aria-selected=${i === at} onClick=${() => take(entry)} onPointerMove=${() => { if (i !== at) choose_(i) }}>
            <bdi class="palette-words">${entry.words}</bdi><span class="quiet">${entry.kind}</span>
          </li>`)}
      </ul>
      ${asked !== '' && html`<${AnswerPlace} key=${asked} question=${asked} close=${() => dialog.current?.close()} ask=${(/** @type {string} */ next) => { write(next); askFor(next) }} />`}
    </dialog>`
}

/** The answer: what draws it is loaded with the first question. @param {{ question: string, close: () => void, ask: (question: string) => void }} props */
function AnswerPlace(props) {
  const [loaded, load] = useState(/** @type {{ Answer?: any, error?: boolean }} */ ({}))
  useEffect(() => { import('../ask/Answer.js').then(({ Answer }) => load({ Answer }), () => load({ error: true })) }, [])
  if (loaded.error) return html`<p class="face problem" role="alert">The answer could not be loaded. Try again when the service answers.</p>`
  return loaded.Answer ? html`<${loaded.Answer} ...${props} />` : html`<div class="face" role="status"><span class="quiet">Asking</span></div>`
}
