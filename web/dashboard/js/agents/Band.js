/**
 * What a session did from its first sign until now, as a band with its legend: when it worked, and when it waited for whom.
 *
 * @import { Session } from './words.js'
 * @import { Doing, Stay } from './stays.js'
 */
import { capital, clockTime, day, since, span } from '../format.js'
import { useWidth } from '../hooks.js'
import { html } from '../lib.js'
import { now } from '../stores/clock.js'
import { minute } from '../stores/pace.js'
import { band, bandWords, doingOf, stayWords } from './stays.js'

const HEIGHT = 14
/** A wait is seen however long the session is. */
const LEAST_PX = { person: 3, working: 1, model: 2, idle: 0 }
/** Drawn one over the other: what needs somebody is never hidden. @type {Doing[]} */
const ORDER = ['idle', 'working', 'model', 'person']
/** States of the list before the rest is only counted. */
const SHOWN = 50
const DAY_S = 86_400

/** @param {{ session: Session, stays: Stay[] }} props */
export function Band({ session, stays }) {
  const [box, width] = useWidth()
  const start = Math.min(session.first_seen, stays[0]?.from ?? Infinity)
  const last = stays.at(-1)
  const goesOn = last?.to === null && doingOf(last) !== null
  const end = goesOn ? now.value : Math.max(session.last_seen, last?.from ?? 0)
  const { parts, sums } = band(stays, start, end)
  if (parts.length === 0) return null
  const x = (/** @type {number} */ t) => ((t - start) / (end - start)) * width
  const newest = [...stays].reverse()
  return html`
    <h3>What it did <span class="note">${since(start, minute.value)} to ${goesOn ? 'now' : end - start > DAY_S ? `${day(end)} ${clockTime(end)}` : clockTime(end)}</span></h3>
    <div class="agent-band" ref=${box}>
      ${width > 0 && html`
        <svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${`What it did: ${bandWords(sums)}`}>
          <rect class="band-none" width=${width} height=${HEIGHT} />
          ${ORDER.flatMap((doing) => parts.filter((p) => p.doing === doing)).map(({ stay, doing, from, to }) => {
            const wide = Math.max(LEAST_PX[doing], x(to) - x(from))
            return html`<rect key=${from} class=${`band-${doing}`} x=${Math.max(0, Math.min(x(from), width - wide))} y=${doing === 'idle' ? 5 : doing === 'working' ? 2 : 0} width=${wide} height=${doing === 'idle' ? HEIGHT - 10 : doing === 'working' ? HEIGHT - 4 : HEIGHT}><title>${timesOf(stay)}</title></rect>`
          })}
        </svg>`}
    </div>
    <ul class="band-legend">${sums.map(({ doing, word, seconds }) => html`<li key=${doing}><i class=${`key-doing band-${doing}`}></i>${word} <b>${span(Math.round(seconds))}</b></li>`)}</ul>
    <details class="band-list">
      <summary>Each of its states</summary>
      <ul class="sheet-list" aria-label="States">
        ${newest.slice(0, SHOWN).map((stay) => html`<li key=${stay.from}><span>${capital(stayWords(stay))}</span><span class="quiet">${since(stay.from, minute.value)}${stay.to === null ? '' : `, ${span(Math.round(stay.to - stay.from))}`}</span></li>`)}
      </ul>
      ${newest.length > SHOWN && html`<p class="quiet">and ${newest.length - SHOWN} before</p>`}
    </details>`
}

/** @param {Stay} stay */
const timesOf = (stay) => `${capital(stayWords(stay))}, ${since(stay.from, minute.value)}${stay.to === null ? ' until now' : ` to ${clockTime(stay.to)}, ${span(Math.round(stay.to - stay.from))}`}`

