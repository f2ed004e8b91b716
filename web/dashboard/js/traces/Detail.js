/**
 * One span: what is known of it, what happened in it, what was said meanwhile.
 *
 * @import { Span, SpanEvent, SpanLink } from '../types.js'
 * @import { View } from './view.js'
 */
import { copy } from '../chart/take.js'
import { Mark } from '../components/Mark.js'
import { Swatch } from '../components/Swatch.js'
import { count, percent } from '../format.js'
import { html, useEffect, useState } from '../lib.js'
import { bind } from '../keys.js'
import { Text } from '../logs/Text.js'
import { traceAddress } from '../stores/place.js'
import { searchAddress } from './addresses.js'
import { Lines } from './Lines.js'
import { momentOf, secondsTo, unix } from './moments.js'
import { alike } from './query.js'
import { valueText } from './walk.js'
import { exactMoment, length, nameOf, offset, outside } from './words.js'

/** So much of a value is shown before the reader asks for all of it. */
const LONG = 400
/** Events and attributes before the rest is asked for. */
const MANY = 40

/** @param {{ view: View, at: number, choose: (at: number) => void, setZoom: (to: [number, number]|null) => void }} props */
export function Detail({ view, at, choose, setZoom }) {
  const node = view.tree.nodes[at]
  const span = /** @type {Span} */ (node.span)
  const parent = view.tree.nodes[node.parent]?.span
  const [said, say] = useState('')
  useEffect(() => bind([{ keys: 'Escape', words: 'Close the span', group: 'Traces', run: () => choose(-1) }]), [])
  const copyId = () => copy(span.span_id).then(() => say('Copied'), () => say('The browser does not allow copying'))
  const where = outside(node)
  return html`
    <header class="panel-head">
      <h2>Span</h2>
      <span class="panel-aside"><button type="button" class="button" onClick=${() => choose(-1)}>Close <kbd>Esc</kbd></button></span>
    </header>
    <p class="span-title"><bdi>${nameOf(span.name)}</bdi></p>
    <p class="span-of"><${Swatch} colour=${view.colours.get(span.service) ?? '--data'} /><bdi>${span.service}</bdi><span class="quiet">${span.kind === 'unspecified' ? '' : span.kind}</span></p>
    ${span.status === 'error' && html`<p class="trouble"><${Mark} kind="error" word="" /><span>Error${span.message ? html`: <${Text} text=${span.message} most=${LONG} />` : ', without a message'}</span></p>`}
    ${span.status === 'ok' && html`<p class="trouble"><${Mark} kind="ok" word="" /><span>Ok, by its author</span></p>`}
    <dl class="trace-facts">
      <div><dt>Took</dt><dd>${length(span.duration_seconds)}</dd></div>
      <div><dt>Self time</dt><dd>${length(view.self[at])}</dd></div>
      <div><dt>Of the trace</dt><dd>${view.tree.length > 0 ? percent((node.to - node.from) / view.tree.length) : '–'}</dd></div>
      <div><dt>Began</dt><dd title=${exactMoment(unix(view.tree.begin) + node.from)}>${node.undated ? '–' : offset(node.from)}</dd></div>
    </dl>
    ${where && html`<p class="quiet">${where}</p>`}
    ${span.duration_seconds < 0 && html`<p class="quiet">It ends before it begins, by its own clock.</p>`}
    ${node.circular && html`<p class="quiet">It is among its own ancestors: the circle is cut here.</p>`}
    ${node.shared && html`<p class="quiet">Another span of this trace has the same id.</p>`}
    ${node.parent >= 0 && !parent && html`<p class="quiet">Its parent <code>${span.parent_span_id}</code> was not received.</p>`}
    ${droppedWords(span) && html`<p class="quiet">${droppedWords(span)}</p>`}
    <p class="span-actions">
      <button type="button" class="button" onClick=${() => setZoom([node.from, Math.max(node.to, node.from + view.tree.length * 1e-6)])}>Only its time</button>
      ${parent && html`<button type="button" class="button" onClick=${() => choose(node.parent)}>Its parent</button>`}
      <button type="button" class="button" onClick=${copyId}>Copy id</button>
      <a class="button" href=${searchAddress(`{ resource.service.name = ${JSON.stringify(span.service)} && name = ${JSON.stringify(span.name)} }`)}>Others like it</a>
      <span class="quiet" role="status">${said}</span>
    </p>
    <${Pairs} title="Attributes" pairs=${span.attributes} scope="span." />
    <${Events} events=${span.events ?? []} view=${view} />
    <${Links} links=${span.links ?? []} />
    <${Lines} view=${view} span=${span} />
    <${Pairs} title="Resource" pairs=${span.resource} scope="resource." />
    ${span.scope?.name && html`<p class="quiet">Recorded by <bdi>${span.scope.name}</bdi> ${span.scope.version}</p>`}
    <p class="quiet">Id <code>${span.span_id}</code></p>`
}

/** What was dropped before the span was stored. @param {Span} span */
function droppedWords({ dropped }) {
  const parts = typeof dropped === 'number' ? (dropped > 0 ? [count(dropped, 'part')] : []) : Object.entries(dropped ?? {}).filter(([, n]) => Number(n) > 0).map(([name, n]) => `${n} ${name}`)
  return parts.length > 0 ? `Left out of it: ${parts.join(', ')}.` : ''
}

/** @param {{ title: string, pairs: Record<string, string>, scope: string }} props */
function Pairs({ title, pairs, scope }) {
  const [all, showAll] = useState(false)
  const list = Object.entries(pairs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (list.length === 0) return null
  return html`
    <h3>${title}</h3>
    <dl class="span-pairs">
      ${list.slice(0, all ? list.length : MANY).map(([key, value]) => html`<div key=${key}><dt><bdi>${key}</bdi></dt><dd><${Value} text=${valueText(value)} />
        <a class="span-alike" href=${searchAddress(alike(scope, key, value))} title="Traces with this value" aria-label=${`Traces with this ${key}`}>=</a></dd></div>`)}
    </dl>
    ${list.length > MANY && !all && html`<p><button type="button" class="button" onClick=${() => showAll(true)}>Show ${count(list.length - MANY, 'more attribute')}</button></p>`}`
}

/** @param {{ text: string }} props */
function Value({ text }) {
  const [all, showAll] = useState(false)
  return html`<span class="span-value"><${Text} text=${text} most=${all ? Infinity : LONG} /></span>${text.length > LONG && !all && html` <button type="button" class="button" onClick=${() => showAll(true)}>All of it</button>`}`
}

/** @param {{ events: SpanEvent[], view: View }} props */
function Events({ events, view }) {
  const [all, showAll] = useState(false)
  if (events.length === 0) return null
  return html`
    <h3>${count(events.length, 'event')}</h3>
    <ol class="span-events">
      ${events.slice(0, all ? events.length : MANY).map((event, i) => {
        const at = momentOf(event.time)
        return html`<li key=${i}><span class="quiet" title=${at ? exactMoment(unix(at)) : ''}>${at ? eventOffset(secondsTo(view.tree.begin, at)) : '–'}</span> <b><bdi>${nameOf(event.name)}</bdi></b>
          <dl class="span-pairs">${Object.entries(event.attributes ?? {}).map(([key, value]) => html`<div key=${key}><dt><bdi>${key}</bdi></dt><dd><${Value} text=${valueText(value)} /></dd></div>`)}</dl></li>`
      })}
    </ol>
    ${events.length > MANY && !all && html`<p><button type="button" class="button" onClick=${() => showAll(true)}>Show ${count(events.length - MANY, 'more event')}</button></p>`}`
}

/** @param {number} seconds */
const eventOffset = (seconds) => (seconds < 0 ? length(seconds) : offset(seconds))

/** @param {{ links: SpanLink[] }} props */
function Links({ links }) {
  if (links.length === 0) return null
  return html`
    <h3>${count(links.length, 'link')}</h3>
    <ul class="span-links">${links.map((link, i) => html`<li key=${i}><a class="link" href=${traceAddress(link.trace_id)}>Trace <code>${link.trace_id.slice(0, 8)}…</code></a> <span class="quiet">span <code>${link.span_id}</code></span></li>`)}</ul>`
}
