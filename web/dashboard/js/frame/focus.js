/**
 * The focus: one stop for Tab in each list and card, arrows within, `j` and `k` from row to row; and it is never lost.
 *
 * Works on whatever is on the page, so no component has to know of it: a list is named in LISTS, or has `data-rove`. When what has the focus
 * goes away (a row is noted, a panel is closed), its neighbour takes it, else what stood around it.
 */
import { bind } from '../keys.js'
import { firsts, heir, moved, stepped, stopAt } from './rove.js'

const LISTS = '.card, .news, .timeline-list, .runs, .times, .sources, .legend, tbody, [data-rove]'
/** What `j` and `k` walk through besides: what needs the reader, whose buttons each keep their stop. */
const ROWS = `${LISTS}, .needs, .alert-rows, .long`
/** What is one row for `j` and `k`, however much in it can have the focus. */
const ROW = '.column-task, li, tr, .row'
/** Rows that have the focus themselves. */
const OPTIONS = '.browser-list [role="option"]'
/** What can be walked to. Fields and choices keep their own stop: arrows mean something in them. */
const ITEMS = 'a[href], button:not([disabled])'
const ANY = `${ITEMS}, input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex]`

/** @param {Element} list @param {string} [kind] @returns {HTMLElement[]} its own items, not those of a list within */
const itemsOf = (list, kind = LISTS) => [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(ITEMS))].filter((item) => item.closest(kind) === list && seen(item))

/** Asks for no layout, unlike the places of an element. @param {Element} element */
const seen = (element) => element.checkVisibility()

/** Gives the stop of each list to one item. */
function settle() {
  for (const list of document.querySelectorAll(LISTS)) {
    const items = itemsOf(list)
    const focused = items.findIndex((item) => item === document.activeElement)
    const stop = focused >= 0 ? focused : stopAt(items.map((item) => item.getAttribute('tabindex') === '0'))
    items.forEach((item, i) => { if (item.tabIndex !== (i === stop ? 0 : -1)) item.tabIndex = i === stop ? 0 : -1 })
  }
}

/** What had the focus last: the way from it up to the page, its list and its place in that. @type {{ path: Element[], list: Element|null, at: number }} */
let last = { path: [], list: null, at: 0 }

/** @param {Element} element */
function remember(element) {
  const path = []
  for (let e = /** @type {Element|null} */ (element); e && e !== document.body; e = e.parentElement) path.push(e)
  const list = element.closest(ROWS)
  last = { path, list, at: list ? itemsOf(list, ROWS).indexOf(/** @type {HTMLElement} */ (element)) : 0 }
}

/** Hands the focus on when what had it is gone or can no longer have it. */
function keep() {
  const [held] = last.path
  if (document.activeElement !== document.body || !held || (held.isConnected && seen(held))) return
  const rest = last.list?.isConnected ? itemsOf(last.list, ROWS) : []
  const next = rest[heir(last.at, rest.length)]
  // The name of a row rather than its button: a key pressed twice must not do a second thing.
  const name = next && rest.find((item) => item.closest('li, tr') === next.closest('li, tr'))
  const to = name ?? around() ?? document.getElementById('main')
  to?.focus({ preventScroll: true })
}

/** The first thing that can have the focus in the nearest of what stood around it; not of the page or of all, whose first is the link that skips to the page. @returns {HTMLElement|undefined} */
function around() {
  for (const above of last.path.slice(1)) {
    if (!above.isConnected || above.id === 'main' || above.querySelector('#main')) continue
    const found = [.../** @type {NodeListOf<HTMLElement>} */ (above.querySelectorAll(ANY))].find((e) => e.tabIndex >= 0 && seen(e))
    if (found) return found
  }
  return undefined
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  const item = event.target
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !(item instanceof HTMLElement) || !item.matches(ITEMS)) return
  const list = item.closest(LISTS)
  if (!list) return
  const items = itemsOf(list)
  const to = moved(event.key, items.indexOf(item), items.length)
  if (to < 0) return
  event.preventDefault()
  items[to].focus()
}

/** @param {Element} item */
const rowOf = (item) => item.closest(ROW) ?? item

/** From row to row over the whole page. @param {1|-1} step */
function walk(step) {
  const items = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`main :is(${ITEMS}, ${OPTIONS})`))]
    .filter((item) => (item.matches(OPTIONS) || (item.closest(ROWS) && !item.closest('.legend'))) && seen(item))
  const rows = firsts(items, rowOf)
  const at = document.activeElement ? rows.findIndex((item) => rowOf(item) === rowOf(/** @type {Element} */ (document.activeElement))) : -1
  rows[stepped(at, step, rows.length)]?.focus()
}

/** Begins; returns what ends it. */
export function followFocus() {
  let asked = 0
  const ask = () => { asked ||= requestAnimationFrame(() => { asked = 0; settle(); keep() }) }
  const changes = new MutationObserver(ask)
  changes.observe(document.body, { childList: true, subtree: true })
  /** @param {FocusEvent} event */
  const onFocus = (event) => {
    const element = event.target
    if (!(element instanceof HTMLElement)) return
    remember(element)
    if (element.closest(LISTS)) settle()
  }
  addEventListener('focusin', onFocus)
  addEventListener('keydown', onKeyDown)
  const unbind = bind([
    { keys: 'j', words: 'Next row', group: 'Lists', run: () => walk(1) },
    { keys: 'k', words: 'Row before', group: 'Lists', run: () => walk(-1) },
  ])
  ask()
  return () => {
    changes.disconnect()
    cancelAnimationFrame(asked)
    removeEventListener('focusin', onFocus)
    removeEventListener('keydown', onKeyDown)
    unbind()
  }
}
