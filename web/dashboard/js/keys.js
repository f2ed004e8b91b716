/**
 * Keys: which there are, what they do, and reading them.
 *
 * A key is one character (`/`), or two one after the other (`g t`). Whoever has something to do on a key adds it for as long as it is on
 * screen; the list that `?` shows is made of what is bound. Nothing is read while the reader types text, and nothing at all when the reader
 * switched them off: who speaks to the machine would press them by accident.
 */
import { effect, signal } from './lib.js'

/** @typedef {{ keys: string, words: string, group: string, run: () => void }} Binding */

/** How long the first of two keys waits for the second. */
const PATIENCE_MS = 1200

/** @type {import('../vendor/signals-core.js').Signal<Binding[]>} */
export const bindings = signal([])
/** Whether single keys do anything; remembered in this browser. */
export const keysOn = signal(remembered())
let first = ''
let at = 0

function remembered() {
  try {
    return localStorage.getItem('keys') !== 'off'
  } catch {
    return true
  }
}

effect(() => {
  try {
    if (keysOn.value) localStorage.removeItem('keys')
    else localStorage.setItem('keys', 'off')
  } catch {
    // The choice then lasts until the page is left.
  }
})

/** @param {Binding[]} more @returns {() => void} ends them */
export function bind(more) {
  bindings.value = [...bindings.peek(), ...more]
  return () => { bindings.value = bindings.peek().filter((b) => !more.includes(b)) }
}

/** @param {EventTarget|null} target */
const types = (target) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

/** @param {KeyboardEvent} event */
function read(event) {
  if (!keysOn.peek() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  if (types(event.target) || document.querySelector('dialog[open]')) return
  const waiting = Date.now() - at < PATIENCE_MS ? first : ''
  const keys = waiting ? `${waiting} ${event.key}` : event.key
  const list = bindings.peek()
  // The newest first: what is on top of the page answers before what is below.
  const found = list.findLast((b) => b.keys === keys) ?? list.findLast((b) => b.keys === event.key)
  first = list.some((b) => b.keys.startsWith(`${event.key} `)) ? event.key : ''
  at = Date.now()
  if (!found) return
  first = ''
  event.preventDefault()
  found.run()
}

addEventListener('keydown', read)
