/**
 * A list of any length of which only what is in view is in the document: 8,000 rows cost as much as twenty.
 *
 * One stop of the Tab key; arrows, `j`, `k`, Home and End walk through it. Beyond its ends `j` and `k` lead on to what stands around it.
 */
import { html, useLayoutEffect, useRef, useState } from '../lib.js'
import { inView } from './long.js'

/** Rows drawn above and below what is in view, so that scrolling shows no holes. */
const SPARE = 6

/**
 * @param {{ items: any[], keyOf: (item: any) => string, rowHeight: number, label: string, row: (item: any, focusable: boolean) => any, chosen?: string }} props
 *   `row`: draws an item as a link; `focusable`: whether it is the one that the Tab key reaches; `chosen`: the key of an item to scroll to
 */
export function LongList({ items, keyOf, rowHeight, label, row, chosen }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const [view, setView] = useState({ top: 0, height: 400 })
  const [active, setActive] = useState(0)
  const wanted = useRef(false)
  const at = Math.min(active, items.length - 1)
  const { from, to } = inView(view.top, view.height, rowHeight, items.length, SPARE)
  const measure = () => {
    if (box.current) setView({ top: box.current.scrollTop, height: box.current.clientHeight })
  }
  useLayoutEffect(measure, [items.length])
  const place = chosen === undefined ? -1 : items.findIndex((item) => keyOf(item) === chosen)
  useLayoutEffect(() => { if (place >= 0) show(place) }, [chosen, place])
  useLayoutEffect(() => {
    if (!wanted.current) return
    wanted.current = false
    const link = box.current?.querySelector(`[data-at="${at}"] a`)
    if (link instanceof HTMLElement) link.focus({ preventScroll: true })
  })

  /** @param {number} i */
  function show(i) {
    setActive(i)
    if (!box.current) return
    const top = i * rowHeight
    if (top < box.current.scrollTop) box.current.scrollTop = top
    else if (top + rowHeight > box.current.scrollTop + box.current.clientHeight) box.current.scrollTop = top + rowHeight - box.current.clientHeight
    measure()
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const next = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: items.length - 1, PageDown: at + 8, PageUp: at - 8 }[event.key]
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    if (/[jk]/.test(event.key) && (next < 0 || next >= items.length)) return
    event.preventDefault()
    wanted.current = true
    show(Math.max(0, Math.min(items.length - 1, next)))
  }
  /** Who came from elsewhere goes on from where they are. @param {FocusEvent} event */
  const onFocus = (event) => {
    const row = event.target instanceof Element ? event.target.closest('[data-at]') : null
    if (row) setActive(Number(row.getAttribute('data-at')))
  }
  const drawn = []
  for (let i = from; i < to; i += 1) drawn.push(i)
  // The row with the focus stays, or the focus would be lost when it is scrolled out of view.
  if (at >= 0 && (at < from || at >= to)) drawn.push(at)
  return html`
    <div class="long" ref=${box} onScroll=${measure} onKeyDown=${onKeyDown} onFocusIn=${onFocus}>
      <${Sized} height=${items.length * rowHeight} label=${label}>
        ${drawn.map((i) => html`<${Placed} key=${keyOf(items[i])} top=${i * rowHeight} height=${rowHeight} at=${i} of=${items.length}>${row(items[i], i === at)}<//>`)}
      <//>
    </div>`
}

/** @param {{ height: number, label: string, children?: any }} props */
function Sized({ height, label, children }) {
  const list = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => { if (list.current) list.current.style.height = `${height}px` }, [height])
  return html`<ul ref=${list} aria-label=${label}>${children}</ul>`
}

/** @param {{ top: number, height: number, at: number, of: number, children?: any }} props */
function Placed({ top, height, at, of, children }) {
  const line = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    if (!line.current) return
    line.current.style.top = `${top}px`
    line.current.style.height = `${height}px`
  }, [top, height])
  return html`<li ref=${line} data-at=${at} aria-posinset=${at + 1} aria-setsize=${of}>${children}</li>`
}
