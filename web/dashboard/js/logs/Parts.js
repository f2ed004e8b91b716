/**
 * Lists of lines in parts: only those near what is in view are in the document, the others keep their height.
 *
 * @import { LogLine } from '../types.js'
 */
import { html, useLayoutEffect, useRef, useState } from '../lib.js'
import { now } from '../stores/clock.js'
import { idOf, timeOf } from './lines.js'
import { Row } from './Row.js'

/** How far from what is in view a part is drawn. */
const NEAR = '800px 0px'
/** About the height of a line, before it is known. */
const LINE_PX = 24

/** @param {{ parts: LogLine[][], text: string }} props */
export function Parts({ parts, text }) {
  return parts.map((lines) => html`<${Part} key=${idOf(lines[lines.length - 1])} lines=${lines} text=${text} />`)
}

/** @param {{ lines: LogLine[], text: string }} props */
function Part({ lines, text }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const [near, setNear] = useState(true)
  const [open, setOpen] = useState(/** @type {ReadonlySet<string>} */ (new Set()))
  const height = useRef(0)
  useLayoutEffect(() => {
    const part = box.current
    if (!part) return undefined
    const sight = new IntersectionObserver((entries) => {
      const seen = entries[entries.length - 1].isIntersecting
      // What the reader opened, or stands in, is not taken away.
      if (!seen && (part.contains(document.activeElement) || part.querySelector('[data-open="true"]'))) return
      if (!seen) height.current = part.offsetHeight
      setNear(seen)
    }, { rootMargin: NEAR })
    sight.observe(part)
    return () => sight.disconnect()
  }, [])
  useLayoutEffect(() => {
    if (box.current) box.current.style.height = near ? '' : `${height.current || lines.length * LINE_PX}px`
  }, [near, lines.length])
  /** @param {string} id */
  const toggle = (id) => setOpen((before) => {
    const next = new Set(before)
    if (!next.delete(id)) next.add(id)
    return next
  })
  const [first, last] = [lines[0], lines[lines.length - 1]]
  return html`
    <ul class="log-part" ref=${box} data-rove data-count=${lines.length} aria-label=${`Lines from ${timeOf(first.ns, now.peek())} back to ${timeOf(last.ns, now.peek())}`}>
      ${near && lines.map((line) => html`<${Row} key=${idOf(line)} line=${line} open=${open.has(idOf(line))} toggle=${toggle} text=${text} />`)}
    </ul>`
}
