/**
 * How many lines there are over time, by level: a bar for each part of the time. A click on one, or a pull over some, shows their time.
 *
 * @import { LogVolume } from '../types.js'
 * @import { Counted } from './asking.js'
 */
import { html, useEffect, useMemo, useRef, useState, useLayoutEffect } from '../lib.js'
import { attach } from '../chart/gestures.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { ticksOf } from '../explore/heat.js'
import { clockTime, count, day, digits, exactTime, grouped, span } from '../format.js'
import { useWidth } from '../hooks.js'
import { cursor } from '../stores/cursor.js'
import { zoom } from '../stores/place.js'
import { offsetAt } from '../zone.js'
import { barAt, bars, highest, levelWord, markOf, ofLevels, totals } from './bars.js'
import { toggledLevel } from './query.js'
import { showQuery } from './query_shown.js'

const HEIGHT = 96
const LEFT = 40
const BOTTOM = 18
/** Pixels that a time below the bars needs. */
const TICK_ROOM = 80

/** @param {{ counted: Counted, levels: Set<string>|null, text: string, retry: () => void }} props */
export function VolumePanel({ counted, levels, text, retry }) {
  const { state, volume, error } = counted
  const shown = useMemo(() => volume && ofLevels(volume, levels), [volume, levels])
  return html`
    <${Panel} title="Lines over time" name="log-volume" kind="logs-volume" face=${state === 'ready' ? 'data' : state} error=${error === 'stopped' ? 'The search was stopped.' : error} retry=${retry} live=${false}
      note=${volume && `a bar is ${span(volume.step)}`} aside=${volume && html`<${Levels} volume=${volume} levels=${levels} text=${text} />`}>
      ${shown && html`<${Bars} volume=${shown} />`}
    <//>`
}

/** The levels with their sums: each a button that shows it alone, or with those chosen before. @param {{ volume: LogVolume, levels: Set<string>|null, text: string }} props */
function Levels({ volume, levels, text }) {
  const found = totals(volume)
  const list = [...found, ...[...levels ?? []].filter((level) => !found.some((f) => f.level === level)).map((level) => ({ level, total: 0 }))]
  return html`
    <span class="log-levels" role="group" aria-label="Levels" data-rove>
      ${list.map(({ level, total }) => html`
        <button key=${level} type="button" data-level=${level} aria-pressed=${levels?.has(level) ?? false} title=${levels?.has(level) ? `Not only ${levelWord(level)}` : `Only ${levelWord(level)}`}
          onClick=${() => showQuery(toggledLevel(text, level))}>
          <${Mark} kind=${markOf(level)} word="" />${levelWord(level)} <b>${grouped(total)}</b>
        </button>`)}
    </span>`
}

/** @param {{ volume: LogVolume }} props */
function Bars({ volume }) {
  const [box, full] = useWidth()
  const [at, point] = useState(-1)
  const [pull, setPull] = useState(/** @type {[number, number]|null} */ (null))
  const area = useRef(/** @type {HTMLElement|null} */ (null))
  const all = useMemo(() => bars(volume), [volume])
  const top = Math.max(1, highest(all))
  const width = Math.max(1, full - LEFT)
  const { start, step, buckets } = volume
  const end = start + step * buckets
  const each = width / buckets
  const held = useRef({ volume, width, end })
  held.current = { volume, width, end }
  useEffect(() => {
    const into = area.current
    if (!into) return undefined
    const left = () => into.getBoundingClientRect().left + LEFT
    const timeAt = (/** @type {number} */ x) => held.current.volume.start + ((x - left()) / held.current.width) * (held.current.end - held.current.volume.start)
    return attach(into, { left, width: () => held.current.width, timeAt }, (next) => setPull(next && [next[0] - left() + LEFT, next[1] - left() + LEFT]), (event) => narrow(barAt(held.current.volume, timeAt(event.clientX))))
  }, [])
  /** @param {number} bar */
  const narrow = (bar) => {
    const { start: from, step: length, buckets: many } = held.current.volume
    if (bar >= 0 && bar < many) zoom(from + bar * length, from + (bar + 1) * length)
  }
  /** @param {number} bar */
  const show = (bar) => {
    point(bar)
    cursor.value = bar < 0 ? null : start + (bar + 0.5) * step
  }
  /** @param {PointerEvent} event */
  const onPointerMove = (event) => {
    const x = event.clientX - /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect().left - LEFT
    const bar = x < 0 ? -1 : barAt(volume, start + (x / width) * (end - start))
    if (bar !== at) show(bar)
  }
  /** @param {KeyboardEvent} event */
  const onKeyDown = (event) => {
    const from = at < 0 ? buckets : at
    const next = { ArrowLeft: from - 1, ArrowRight: at + 1, Home: 0, End: buckets - 1 }[event.key]
    if (next !== undefined) show(Math.max(0, Math.min(buckets - 1, next)))
    else if (event.key === 'Enter' && at >= 0) narrow(at)
    else if (event.key === 'Escape' && at >= 0) show(-1)
    else return
    event.preventDefault()
  }
  const y = (/** @type {number} */ n) => HEIGHT - (n / top) * HEIGHT
  const sum = all.reduce((lines, bar) => lines + (bar.at(-1)?.to ?? 0), 0)
  return html`
    <div class="volume" ref=${box}>
      <div class="volume-area" ref=${area} tabindex="0" role="group" aria-roledescription="chart" data-lines=${sum} aria-label=${`${count(sum, 'line')} in ${span(end - start)}, at most ${count(highest(all), 'line')} in ${span(step)}. Arrow keys go from bar to bar, Enter shows its time.`}
        onPointerMove=${onPointerMove} onPointerLeave=${() => show(-1)} onBlur=${() => show(-1)} onKeyDown=${onKeyDown}>
        ${full > 0 && html`
          <svg width=${full} height=${HEIGHT + BOTTOM} aria-hidden="true">
            <path class="volume-grid" d=${`M${LEFT} .5H${full}M${LEFT} ${HEIGHT / 2 + 0.5}H${full}M${LEFT} ${HEIGHT - 0.5}H${full}`} />
            <text x=${LEFT - 6} y="9" text-anchor="end">${digits(top)}</text><text x=${LEFT - 6} y=${HEIGHT - 1} text-anchor="end">0</text>
            ${at >= 0 && html`<rect class="volume-at" x=${LEFT + at * each} y="0" width=${each} height=${HEIGHT} />`}
            ${all.map((bar, i) => bar.map(({ level, from, to }) => html`<rect key=${`${i} ${level}`} class="volume-bar" data-level=${level} x=${LEFT + i * each + (each > 4 ? 0.5 : 0)} y=${y(to)} width=${Math.max(0.5, each - (each > 4 ? 1 : 0))} height=${Math.max(1, y(from) - y(to))} />`))}
            ${ticksOf(start, end, width / TICK_ROOM, offsetAt(start)).map((tick) => html`<text key=${tick} x=${LEFT + ((tick - start) / (end - start)) * width} y=${HEIGHT + 14} text-anchor="middle">${tickWords(tick, end - start)}</text>`)}
            ${pull && html`<rect class="volume-pull" x=${pull[0]} y="0" width=${Math.max(0, pull[1] - pull[0])} height=${HEIGHT} />`}
          </svg>`}
      </div>
      ${at >= 0 && at < buckets && html`<${Tip} volume=${volume} at=${at} left=${LEFT + (at + 0.5) * each} />`}
    </div>`
}

/** @param {number} tick @param {number} length of the time in view */
function tickWords(tick, length) {
  if ((tick + offsetAt(tick)) % 86_400 === 0) return day(tick)
  return length < 300 ? exactTime(tick) : clockTime(tick)
}

/** @param {{ volume: LogVolume, at: number, left: number }} props */
function Tip({ volume, at, left }) {
  const tip = useRef(/** @type {HTMLElement|null} */ (null))
  useLayoutEffect(() => {
    const parent = tip.current?.parentElement
    if (tip.current && parent) tip.current.style.left = `${Math.max(0, Math.min(parent.clientWidth - tip.current.offsetWidth, left - tip.current.offsetWidth / 2))}px`
  })
  const from = volume.start + at * volume.step
  const words = volume.step < 60 ? exactTime : clockTime
  const parts = totals({ ...volume, levels: volume.levels.map((l) => ({ ...l, total: l.counts[at] ?? 0 })) })
  return html`
    <div class="tip volume-tip" ref=${tip} role="status">
      <span class="quiet">${day(from)} ${words(from)} to ${words(from + volume.step)}</span>
      ${parts.length === 0 && html`<b>no lines</b>`}
      ${parts.map(({ level, total }) => html`<span key=${level} class="volume-part"><${Mark} kind=${markOf(level)} word="" />${levelWord(level)} <b>${grouped(total)}</b></span>`)}
    </div>`
}
