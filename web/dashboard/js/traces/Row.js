/**
 * One row of a waterfall: what a span is called, and its bar.
 *
 * @import { View } from './view.js'
 */
import { Mark } from '../components/Mark.js'
import { count, span as written } from '../format.js'
import { html, useMemo } from '../lib.js'
import { length, nameOf, unwritten } from './words.js'

/** Deeper rows stand no further to the right: how deep they are is written instead. */
const MOST_INDENT = 14
const NARROW_INDENT = 5
const INDENT_PX = 12
/** What a duration beside a bar needs. */
const LABEL_PX = 76
const LEAST_BAR_PX = 2

/** @typedef {{ view: View, at: number, top: number, window: [number, number], room: number, narrow: boolean, closed: boolean, active: boolean, chosen: boolean, hit: boolean }} Props */

/** @param {Props} props */
export function Row({ view, at, top, window, room, narrow, closed, active, chosen, hit }) {
  // Scrolling draws only the rows that come into view.
  return useMemo(() => drawn({ view, at, top, window, room, narrow, closed, active, chosen, hit }), [view, at, top, window[0], window[1], room, narrow, closed, active, chosen, hit])
}

/** @param {Props} props */
function drawn({ view, at, top, window, room, narrow, closed, active, chosen, hit }) {
  const node = view.tree.nodes[at]
  const { span, depth, children } = node
  const below = node.end - at - 1
  const critical = view.path.has(at)
  const indent = Math.min(depth, narrow ? NARROW_INDENT : MOST_INDENT)
  const over = view.tree.nodes[node.parent]?.span
  const failed = span?.status === 'error'
  return html`
    <div class=${`wf-row${active ? ' wf-active' : ''}${hit ? ' wf-hit' : ''}`} id=${`span-${at}`} role="treeitem" aria-level=${depth + 1} aria-selected=${chosen} aria-expanded=${below > 0 ? !closed : undefined}
      data-span=${span?.span_id ?? ''} data-at=${at} style=${{ top: `${top}px` }}>
      <span class="wf-name" style=${{ paddingLeft: `${indent * INDENT_PX}px` }}>
        ${children.length > 0
          ? html`<button type="button" class="wf-turn" tabindex="-1" aria-hidden="true">${closed ? '▸' : '▾'}</button>`
          : html`<i class="wf-leaf"></i>`}
        ${depth > indent && html`<span class="quiet" aria-hidden="true">${depth}</span>`}
        ${span ? html`
          <i class="swatch" style=${{ background: `var(${view.colours.get(span.service) ?? '--data'})` }}></i>
          <span class="wf-text" title=${`${span.service} ${span.name}`}><bdi class=${span.service === over?.service ? 'unseen' : 'wf-service'}>${span.service}</bdi> <bdi>${nameOf(span.name)}</bdi></span>
          ${closed && html`<span class="quiet" aria-hidden="true">+${below}</span>`}
          ${failed && html`<span class="wf-error"><${Mark} kind="error" word="" />error</span>`}`
          : html`<span class="wf-text wf-orphans">Parent not received: ${count(children.length, 'span')}</span>`}
      </span>
      <span class="wf-bars">${span && bar(view, at, window, room)}</span>
      ${span && html`<span class="unseen">${unwritten(node, critical, below)}</span>`}
    </div>`
}

/** @param {View} view @param {number} at @param {[number, number]} window @param {number} room pixels */
function bar(view, at, [since, upTo], room) {
  const node = view.tree.nodes[at]
  const { span, from, to, early, late } = node
  if (!span) return null
  const per = 100 / (upTo - since)
  const place = (/** @type {number} */ t) => Math.max(0, Math.min(100, (t - since) * per))
  if (to < since) return html`<span class="wf-beyond wf-before" title="Ended before what is in view">‹ ${length(span.duration_seconds)}</span>`
  if (from > upTo) return html`<span class="wf-beyond wf-after" title="Begins after what is in view">${length(span.duration_seconds)} ›</span>`
  const [a, b] = [place(from), place(to)]
  const [startPx, endPx] = [(a / 100) * room, Math.max((b / 100) * room, (a / 100) * room + LEAST_BAR_PX)]
  const parent = view.tree.nodes[node.parent]
  const words = `${length(span.duration_seconds)}${early > 0 ? ` · ${written(early)} before its parent` : ''}`
  const need = LABEL_PX + (early > 0 ? 130 : 0)
  const label = room - endPx >= need ? { left: `${endPx + 6}px` } : startPx >= need ? { right: `${room - startPx + 6}px` } : { right: '4px' }
  return html`
    ${early > 0 && parent.from <= to && html`<i class="wf-edge" style=${{ left: `${place(parent.from)}%` }} title="Here its parent begins"></i>`}
    ${late > 0 && parent.to >= from && html`<i class="wf-edge" style=${{ left: `${place(parent.to)}%` }} title="Here its parent ends"></i>`}
    <i class="wf-bar" style=${{ left: `${a}%`, width: `max(${LEAST_BAR_PX}px, ${b - a}%)`, background: `var(${view.colours.get(span.service) ?? '--data'})` }}></i>
    ${(view.path.get(at) ?? []).map(([x, y]) => y >= since && x <= upTo && html`<i class="wf-path" key=${x} style=${{ left: `${place(x)}%`, width: `max(1px, ${place(y) - place(x)}%)` }}></i>`)}
    <span class=${`wf-label${'right' in label && startPx < need ? ' wf-inside' : ''}`} style=${label}>${words}</span>`
}
