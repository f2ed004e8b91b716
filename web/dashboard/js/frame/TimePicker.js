/**
 * Choosing the period: presets, any time in words, comparison, time zone.
 */
import { computed, html, useEffect, useRef, useState } from '../lib.js'
import { bind } from '../keys.js'
import { PRESETS, readTime } from '../period.js'
import { serverTime } from '../stores/clock.js'
import { choice, choose, COMPARED, compareWords, follow, follows, param, period, setParams, utc, zoom } from '../stores/place.js'

const COMPARE = [['', 'nothing'], ...Object.entries(COMPARED).map(([name, { words }]) => [name, `the ${words}`])]

/** A live period moves on; its words stay. */
const wordsOf = computed(() => period.value.words)

export function TimePicker() {
  const [open, setOpen] = useState(false)
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  useEffect(() => bind([
    { keys: 't', words: 'Choose the time', group: 'Time', run: () => setOpen(true) },
    { keys: '[', words: 'Earlier', group: 'Time', run: () => shift(-1) },
    { keys: ']', words: 'Later', group: 'Time', run: () => shift(1) },
    { keys: '-', words: 'Longer', group: 'Time', run: () => stretch(2) },
    { keys: '+', words: 'Shorter', group: 'Time', run: () => stretch(0.5) },
    { keys: '0', words: 'Follow the time again', group: 'Time', run: follow },
  ]), [])
  useEffect(() => {
    if (!open) return undefined
    /** @param {Event} event */
    const outside = (event) => { if (!box.current?.contains(/** @type {Node} */ (event.target))) setOpen(false) }
    addEventListener('pointerdown', outside)
    return () => removeEventListener('pointerdown', outside)
  }, [open])
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    if (event.key !== 'Escape' || !open) return
    event.preventDefault()
    setOpen(false)
    box.current?.querySelector('button')?.focus()
  }
  const [live, words, before] = [follows.value, wordsOf.value, compareWords.value]
  return html`
    <div class="time" ref=${box} onKeyDown=${onKeyDown}>
      <button type="button" class="time-button" aria-expanded=${open} aria-haspopup="dialog" onClick=${() => setOpen(!open)} aria-label=${`Time: ${shortWords()}${utc.value ? ' UTC' : ''}${before && ` vs ${before}`}${shortWords() === words ? '' : `, ${words}`}`}>
        <span class="time-words">${shortWords()}${utc.value && html` <span class="quiet time-zone">UTC</span>`}</span>${before && html`<span class="time-compare">vs<span class="time-compare-what"> ${before.split(' ')[0]}<span class="time-compare-more"> ${before.split(' ')[1]}</span></span></span>`}<span aria-hidden="true">▾</span>
      </button>
      ${!live && html`<button type="button" class="button time-follow" onClick=${follow} title="The view stands still. Follow the time again"><span class="time-paused">Paused · </span><b>Follow</b></button>`}
      ${open && html`<${Choices} close=${() => setOpen(false)} />`}
    </div>`
}

function shortWords() {
  const { from, to } = choice.value
  return to === 'now' && from.startsWith('now-') ? from.slice('now-'.length) : wordsOf.value
}

/** By half of what is in view. @param {number} direction */
function shift(direction) {
  const { start, end } = period.peek()
  const by = ((end - start) / 2) * direction
  if (end + by >= serverTime()) choose({ from: `now-${Math.round(end - start)}s`, to: 'now' })
  else zoom(start + by, end + by)
}

/** @param {number} factor */
function stretch(factor) {
  const { start, end, live } = period.peek()
  const length = Math.round((end - start) * factor)
  if (live) choose({ from: `now-${length}s`, to: 'now' })
  else zoom((start + end - length) / 2, (start + end + length) / 2)
}

/** @param {{ close: () => void }} props */
function Choices({ close }) {
  const compare = param('compare')
  const first = useRef(/** @type {HTMLElement|null} */ (null))
  useEffect(() => first.current?.focus(), [])
  const { from, to } = choice.value
  return html`
    <div class="time-choices" role="dialog" aria-label="Time">
      <div class="time-presets">
        ${PRESETS.map(([name, words], i) => html`
          <button key=${name} type="button" ref=${i === 0 ? first : undefined} class="choice" aria-pressed=${to === 'now' && from === `now-${name}`}
            onClick=${() => { choose({ from: `now-${name}`, to: 'now' }); close() }}>${words}</button>`)}
      </div>
      <div class="time-more">
        <${Exact} close=${close} />
        <label>Compare with
          <select value=${compare.value} onChange=${(/** @type {any} */ e) => { compare.value = e.target.value }}>
            ${COMPARE.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
          </select>
        </label>
        <label>Time zone
          <select value=${utc.value ? 'utc' : ''} onChange=${(/** @type {any} */ e) => setParams({ zone: e.target.value }, { replace: true })}>
            <option value="">this browser’s</option><option value="utc">UTC</option>
          </select>
        </label>
      </div>
    </div>`
}

/** A period in the reader's own words. @param {{ close: () => void }} props */
function Exact({ close }) {
  const [from, setFrom] = useState(choice.peek().from)
  const [to, setTo] = useState(choice.peek().to)
  const now = serverTime()
  const start = readTime(from, now, utc.value)
  const end = readTime(to, now, utc.value)
  const wrong = start === null ? `“${from}” is no time` : end === null ? `“${to}” is no time` : end <= start ? 'It ends before it begins' : ''
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault()
    if (wrong) return
    choose({ from, to })
    close()
  }
  return html`
    <form class="time-exact" onSubmit=${submit}>
      <label>From <input value=${from} onInput=${(/** @type {any} */ e) => setFrom(e.target.value)} spellcheck=${false} /></label>
      <label>To <input value=${to} onInput=${(/** @type {any} */ e) => setTo(e.target.value)} spellcheck=${false} /></label>
      <p class="quiet" role="status">${wrong || 'now-6h, 14:00, yesterday, 2026-11-25 14:00'}</p>
      <button type="submit" class="button button-main" disabled=${wrong !== ''}>Show</button>
    </form>`
}
