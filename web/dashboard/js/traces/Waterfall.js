/**
 * The spans of a trace as a tree with a bar each on one axis of time. Only the rows in view are in the document.
 *
 * One stop of the Tab key: arrows walk as in a tree, Enter opens a span, `z` shows its time alone.
 *
 * @import { View } from './view.js'
 */
import { labels, splits } from '../chart/axis.js'
import { count } from '../format.js'
import { bind } from '../keys.js'
import { useWidth } from '../hooks.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { useRows } from '../explore/windowed.js'
import { param } from '../stores/place.js'
import { Overview } from './Overview.js'
import { Row } from './Row.js'
import { found, next, opened, rowsOf, stepped, withoutErrors, wordsOf } from './walk.js'

const ROW_PX = 28
/** On a narrow screen the bar stands beneath the name. */
const NARROW_ROW_PX = 44
const NARROW_PX = 600
const TICK_PX = 88
/** The number of elements for rows is a multiple of this. */
const SPARE = 16

/** @param {{ view: View, chosen: number, choose: (at: number) => void, window: [number, number], whole: [number, number], setZoom: (to: [number, number]|null) => void }} props */
export function Waterfall({ view, chosen, choose, window, whole, setZoom }) {
  const { nodes } = view.tree
  const [closed, setClosed] = useState(/** @type {ReadonlySet<number>} */ (new Set()))
  const [active, setActive] = useState(Math.max(0, chosen))
  const shown = useMemo(() => rowsOf(nodes, closed), [nodes, closed])
  const [frame, width] = useWidth()
  const [axis, room] = useWidth()
  const narrow = width > 0 && width < NARROW_PX
  const height = narrow ? NARROW_ROW_PX : ROW_PX
  const rows = useRows(shown.length, height)
  /** A row to bring into view once it is there. */
  const wanted = useRef(-1)
  useLayoutEffect(() => {
    if (wanted.current < 0) return
    const row = shown.indexOf(wanted.current)
    wanted.current = -1
    if (row >= 0) rows.show(row)
  })
  /** @param {number} at */
  const goTo = (at) => {
    if (at < 0) return
    wanted.current = at
    setClosed((held) => opened(nodes, held, at))
    setActive(at)
  }
  useLayoutEffect(() => { goTo(chosen) }, [chosen])
  // A trace that was asked for again may have other rows.
  useLayoutEffect(() => {
    setClosed(new Set())
    setActive((at) => Math.max(0, chosen >= 0 ? chosen : Math.min(at, nodes.length - 1)))
  }, [nodes])
  /** @param {number} at @param {boolean} [open] */
  const turn = (at, open = closed.has(at)) => {
    const left = new Set(closed)
    if (open) left.delete(at)
    else {
      left.add(at)
      if (active > at && active < nodes[at].end) setActive(at)
    }
    setClosed(left)
  }
  /** @param {ReadonlySet<number>} all */
  const close = (all) => {
    setClosed(all)
    let at = active
    for (let above = nodes[at]?.parent ?? -1; above >= 0; above = nodes[above].parent) if (all.has(above)) at = above
    setActive(at)
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Enter' || event.key === ' ') {
      if (node?.span) choose(active === chosen ? -1 : active)
      else if (node) turn(active)
    } else if (event.key === 'Escape' && chosen >= 0) choose(-1)
    else {
      const step = stepped({ j: 'ArrowDown', k: 'ArrowUp' }[event.key] ?? event.key, nodes, shown, closed, active)
      if (!step) return
      if ('to' in step) goTo(step.to)
      else turn('open' in step ? step.open : step.close, 'open' in step)
    }
    event.preventDefault()
  }
  /** @param {Event} event */
  const onClick = ({ target }) => {
    const row = target instanceof Element ? target.closest('[data-at]') : null
    if (!row) return
    const at = Number(row.getAttribute('data-at'))
    if (!nodes[at].span || /** @type {Element} */ (target).closest('.wf-turn')) turn(at)
    else {
      setActive(at)
      choose(at === chosen ? -1 : at)
    }
  }
  const search = useSearch(view, active, goTo)
  const node = nodes[active]
  useEffect(() => bind([
    { keys: 'z', words: 'Only the time of the span', group: 'Traces', run: () => { if (node) setZoom([node.from, Math.max(node.to, node.from + whole[1] * 1e-6)]) } },
    { keys: '0', words: 'The whole time', group: 'Traces', run: () => setZoom(null) },
    { keys: 'f', words: 'Find in the trace', group: 'Traces', run: () => /** @type {HTMLElement|null} */ (document.querySelector('.waterfall-find input'))?.focus() },
  ]), [node])
  const hits = useMemo(() => new Set(search.places), [search.places])
  const at = shown.indexOf(active)
  // Rows that come into view take over the elements of rows that left it.
  const slots = Math.ceil((rows.to - rows.from + 1) / SPARE) * SPARE
  const drawn = shown.slice(rows.from, rows.to).map((place, i) => ({ place, row: rows.from + i, key: `${(rows.from + i) % slots}` }))
  // What has the focus stays, or a screen reader would lose it.
  if (at >= 0 && (at < rows.from || at >= rows.to)) drawn.push({ place: active, row: at, key: 'active' })
  const zoomed = window[0] > whole[0] || window[1] < whole[1]
  const ticks = useMemo(() => splits(window[0], window[1], Math.max(1, Math.floor(room / TICK_PX)), 'seconds'), [window[0], window[1], room])
  const words = useMemo(() => labels(ticks, 'seconds'), [ticks])
  // A label at an edge would reach beyond it.
  const [first, last] = [0.04, 0.96].map((part) => window[0] + part * (window[1] - window[0]))
  const left = (/** @type {number} */ t) => `${(100 * (t - window[0])) / (window[1] - window[0])}%`
  return html`
    <section class=${`panel waterfall${narrow ? ' waterfall-narrow' : ''}`} ref=${frame} data-panel="waterfall" aria-label="Waterfall">
      <div class="waterfall-tools">
        <${Find} search=${search} />
        ${closed.size > 0 && html`<button type="button" class="button" onClick=${() => setClosed(new Set())}>Open all</button>`}
        ${nodes.some(({ span }) => span?.status === 'error') && html`<button type="button" class="button" onClick=${() => close(withoutErrors(nodes))}>Only errors</button>`}
        ${zoomed && html`<button type="button" class="button" onClick=${() => setZoom(null)}>Whole time</button>`}
        <span class="waterfall-key"><i class="key-path" aria-hidden="true"></i> critical path</span>
      </div>
      <${Overview} view=${view} window=${window} whole=${whole} setZoom=${setZoom} />
      <div class="waterfall-axis" aria-hidden="true"><div ref=${axis}>${ticks.map((t, i) => html`<span key=${t} class=${t > last ? 'tick-last' : t > first ? '' : 'tick-first'} style=${{ left: left(t) }}>${words[i]}</span>`)}</div></div>
      <div class="waterfall-rows" role="tree" tabindex="0" ref=${rows.box} onScroll=${rows.onScroll} onKeyDown=${onKeyDown} aria-label="Spans" aria-activedescendant=${at >= 0 ? `span-${active}` : undefined}>
        <div class="waterfall-all" role="none" onClick=${onClick} style=${{ height: `${shown.length * height}px` }}>
          <div class="waterfall-grid" role="none"><div role="none">${ticks.map((t) => html`<i key=${t} style=${{ left: left(t) }}></i>`)}</div></div>
          ${drawn.map(({ place, row, key }) => html`
            <${Row} key=${key} view=${view} at=${place} top=${row * height} window=${window} room=${room} narrow=${narrow}
              closed=${closed.has(place)} active=${place === active} chosen=${place === chosen} hit=${hits.has(place)} />`)}
        </div>
      </div>
    </section>`
}

/** @param {View} view @param {number} active @param {(at: number) => void} goTo */
function useSearch(view, active, goTo) {
  const held = param('find')
  const texts = useRef(/** @type {{ of: View|null, list: string[] }} */ ({ of: null, list: [] }))
  const places = useMemo(() => {
    if (!held.value.trim()) return []
    // Put together when it is first searched.
    if (texts.current.of !== view) texts.current = { of: view, list: view.tree.nodes.map(({ span }) => (span ? wordsOf(span) : '')) }
    return found(view.tree.nodes, texts.current.list, held.value)
  }, [view, held.value])
  /** @param {1|-1} by */
  const step = (by) => goTo(next(places, active, by))
  return { text: held.value, set: (/** @type {string} */ text) => { held.value = text }, places, at: places.indexOf(active), step }
}

/** @param {{ search: ReturnType<typeof useSearch> }} props */
function Find({ search: { text, set, places, at, step } }) {
  const [typed, type] = useState(text)
  const pause = useRef(/** @type {ReturnType<typeof setTimeout>|undefined} */ (undefined))
  useLayoutEffect(() => () => clearTimeout(pause.current), [])
  /** @param {string} now */
  const onInput = (now) => {
    type(now)
    clearTimeout(pause.current)
    pause.current = setTimeout(() => set(now), 150)
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    step(event.shiftKey ? -1 : 1)
  }
  return html`
    <span class="waterfall-find">
      <input type="search" aria-label="Find in this trace" placeholder="Find in this trace" value=${typed} onInput=${(/** @type {any} */ e) => onInput(e.target.value)} onKeyDown=${onKeyDown} />
      <span class="quiet" role="status">${text.trim() === '' ? '' : places.length === 0 ? 'not found' : at >= 0 ? `${at + 1} of ${count(places.length, 'span')}` : count(places.length, 'span')}</span>
      ${places.length > 0 && html`<button type="button" class="icon" aria-label="The one before" onClick=${() => step(-1)}>↑</button><button type="button" class="icon" aria-label="The next one" onClick=${() => step(1)}>↓</button>`}
    </span>`
}
