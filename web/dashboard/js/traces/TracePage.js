/**
 * One trace: what it was, its waterfall, what takes its time, and each of its spans.
 *
 * @import { Trace } from '../types.js'
 * @import { View } from './view.js'
 */
import { copy } from '../chart/take.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { Swatch } from '../components/Swatch.js'
import { capital, count, day, grouped, quoted } from '../format.js'
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../lib.js'
import { minute } from '../stores/pace.js'
import { logsAddress, param, setParams } from '../stores/place.js'
import { openedAddress } from './addresses.js'
import { useAsked } from './asking.js'
import { Detail } from './Detail.js'
import { cameFrom } from './List.js'
import { unix } from './moments.js'
import { Taken } from './Taken.js'
import { around, viewOf } from './view.js'
import { Waterfall } from './Waterfall.js'
import { exactMoment, length, nameOf } from './words.js'

/** With less of a span in view, it is scrolled to. */
const LEAST_SEEN_PX = 160

/** @param {{ id: string }} props */
export function TracePage({ id }) {
  const [turn, again] = useState(0)
  const asked = useAsked(`/api/v1/traces/${encodeURIComponent(id)}`, {}, turn)
  const trace = /** @type {Trace|null} */ (asked.data)
  const view = useMemo(() => (trace ? viewOf(trace.trace_id || id, trace) : null), [trace])
  useEffect(() => {
    scrollTo(0, 0)
    cameFrom(id)
  }, [])
  const back = html`<a class="button trace-back" href=${openedAddress()}>← All traces</a>`
  // The service says why something is not an id of a trace.
  const refused = !trace && asked.status === 400 ? asked.error : ''
  const missing = !trace && (asked.status === 404 || refused !== '')
  if (!view || !trace || view.tree.spans === 0) {
    return html`
      <div class="traces">
        <p>${back}</p>
        <${Panel} title="Trace" name="trace" live=${false} face=${missing || trace ? 'empty' : asked.error ? 'error' : 'loading'} error=${asked.error} retry=${() => again(turn + 1)}
          empty=${html`
            <p class="face-title">This trace is not here</p>
            ${refused ? html`<p>${capital(refused)}.</p>` : html`<p>It is older than traces are kept, or was never received. A trace that is still sent appears when its first span has ended.</p>`}
            <p><code>${quoted(id, 64)}</code></p>
            <p><button type="button" class="button" onClick=${() => again(turn + 1)}>${asked.busy ? 'Asking…' : 'Ask again'}</button></p>`} />
      </div>`
  }
  return html`
    <div class="traces trace">
      <${Head} view=${view} trace=${trace} back=${back} busy=${asked.busy} error=${asked.error} again=${() => again(turn + 1)} />
      <${Body} view=${view} />
    </div>`
}

/** @param {{ view: View, trace: Trace, back: any, busy: boolean, error: string, again: () => void }} props */
function Head({ view, trace, back, busy, error, again }) {
  const { tree, root, colours } = view
  const first = tree.nodes[root].span
  const t = unix(tree.begin)
  const failed = tree.nodes.filter(({ span }) => span?.status === 'error').length
  const head = useRef(/** @type {HTMLElement|null} */ (null))
  // Keyboard users who come from the list go on here.
  useLayoutEffect(() => head.current?.focus({ preventScroll: true }), [])
  const [said, say] = useState('')
  const copyId = () => copy(view.id).then(() => say('Copied'), () => say('The browser does not allow copying'))
  /** @type {Map<string, number>} */
  const services = new Map()
  for (const { span } of tree.nodes) if (span) services.set(span.service, (services.get(span.service) ?? 0) + 1)
  return html`
    <section class="panel trace-top" data-panel="trace" aria-label="Trace">
      <header class="trace-title-row">
        ${back}
        <h2 tabindex="-1" ref=${head}><bdi class="trace-service">${first?.service}</bdi> <bdi>${nameOf(first?.name ?? '')}</bdi></h2>
        <span class="trace-actions">
          <a class="button" href=${logsAddress(`{} | trace_id="${view.id}"`, around(view))}>Its log lines</a>
          <button type="button" class="button" onClick=${copyId}>Copy id</button>
          <button type="button" class="button" aria-disabled=${busy ? 'true' : undefined} onClick=${again}>${busy ? 'Asking…' : 'Ask again'}</button>
          <span class="quiet" role="status">${said}</span>
        </span>
      </header>
      <dl class="trace-facts">
        <div><dt>Began</dt><dd>${day(t) === day(minute.value) ? '' : `${day(t)} `}${exactMoment(t)}</dd></div>
        <div><dt>Took</dt><dd>${length(tree.length)}</dd></div>
        <div><dt>Spans</dt><dd>${grouped(tree.spans)}</dd></div>
        <div><dt>Errors</dt><dd>${failed > 0 ? html`<${Mark} kind="error" word="" /> ${grouped(failed)}` : 'none'}</dd></div>
        <div class="trace-fact-services"><dt>${services.size === 1 ? 'Service' : 'Services'}</dt><dd>${[...services].map(([service, spans]) => html`<span key=${service} class="trace-other" title=${count(spans, 'span')}><${Swatch} colour=${colours.get(service) ?? '--data'} /><bdi>${service}</bdi></span>`)}</dd></div>
      </dl>
      ${notes(view, trace).map((note) => html`<p class="quiet trace-note">${note}</p>`)}
      ${error && html`<p class="problem" role="alert">Could not be asked again: ${error}. What you see is of before.</p>`}
    </section>`
}

/** What is not as it should be, in words. @param {View} view @param {Trace} trace */
function notes({ tree }, trace) {
  const early = tree.nodes.filter((node) => node.early > 0).length
  const undated = tree.nodes.filter((node) => node.undated).length
  const backwards = tree.nodes.filter(({ span }) => span && span.duration_seconds < 0).length
  return [
    trace.more && `This is a part: the trace has more than ${count(tree.spans, 'span')}.`,
    tree.orphans > 0 && `${count(tree.orphans, 'span')} came without ${tree.orphans === 1 ? 'its' : 'their'} parent. ${tree.orphans === 1 ? 'It stands' : 'They stand'} below under “Parent not received”.`,
    early > 0 && `${count(early, 'span')} ${early === 1 ? 'begins' : 'begin'} before ${early === 1 ? 'its' : 'their'} parent: the clocks of machines may differ. Each stands where its own clock has it.`,
    tree.circles > 0 && `${count(tree.circles, 'circle')} of spans that are each other’s parents: each is shown from its earliest span.`,
    backwards > 0 && `${count(backwards, 'span')} ${backwards === 1 ? 'ends before it begins' : 'end before they begin'}: shown without a length.`,
    undated > 0 && `${count(undated, 'span')} without a time that can be read: shown at the beginning.`,
    tree.twice > 0 && `${count(tree.twice, 'span')} came twice, shown once.`,
  ].filter((note) => note !== false)
}

/** @param {{ view: View }} props */
function Body({ view }) {
  const held = param('span')
  const chosen = held.value ? view.keys.indexOf(held.value) : -1
  /** Where a click or a key led: it is chosen, and the waterfall shows it. @param {number} at */
  const choose = (at) => {
    setParams({ span: at < 0 ? '' : view.keys[at] }, { replace: true })
    if (at < 0) /** @type {HTMLElement|null} */ (document.querySelector('.waterfall-rows'))?.focus()
  }
  const side = useRef(/** @type {HTMLElement|null} */ (null))
  const before = useRef(chosen)
  useLayoutEffect(() => {
    const [was, at] = [before.current, side.current]
    before.current = chosen
    if (!at || chosen < 0 || was === chosen) return
    at.scrollTop = 0
    // Where there is no room beside the waterfall, what was asked for is below it.
    if (at.getBoundingClientRect().top > innerHeight - LEAST_SEEN_PX) at.scrollIntoView()
  }, [chosen])
  const zoom = param('zoom')
  const whole = /** @type {[number, number]} */ ([0, Math.max(view.tree.length, 1e-9)])
  const window = zoomOf(zoom.value, whole)
  /** @param {[number, number]|null} to */
  const setZoom = (to) => { zoom.value = to ? to.map((n) => Number(n.toPrecision(12))).join('~') : '' }
  return html`
    <div class="trace-body">
      <${Waterfall} view=${view} chosen=${chosen} choose=${choose} window=${window} whole=${whole} setZoom=${setZoom} />
      <aside class="panel trace-side" ref=${side} aria-label=${chosen >= 0 ? 'Span' : 'What takes the time'}>
        ${chosen >= 0 ? html`<${Detail} key=${view.keys[chosen]} view=${view} at=${chosen} choose=${choose} setZoom=${setZoom} />` : html`<${Taken} view=${view} />`}
      </aside>
    </div>`
}

/** The stretch in view, as the address has it. @param {string} text @param {[number, number]} whole @returns {[number, number]} */
function zoomOf(text, whole) {
  const [from, to] = text.split('~').map(Number)
  return text && Number.isFinite(from) && Number.isFinite(to) && to > from ? [Math.max(0, from), Math.min(whole[1], to)] : whole
}
