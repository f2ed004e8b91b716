/**
 * The bar of the replay, over the foot of the page: which moment is shown, and how to move it.
 */
import { clockTime, day, exactTime } from '../format.js'
import { bind } from '../keys.js'
import { html, useEffect } from '../lib.js'
import { followReplay, leave, reach, show, speed, SPEEDS, trouble } from '../replay/replay.js'
import { replayed, serverTime } from '../stores/clock.js'
import { past } from '../stores/past.js'

const REACHES = /** @type {Array<[number, string]>} */ ([[21_600, '6 hours'], [86_400, '24 hours'], [604_800, '7 days'], [2_592_000, '30 days']])
const STEP_S = 300

followReplay()

export function ReplayBar() {
  const at = replayed.value
  useEffect(() => bind([
    { keys: ',', words: 'Five minutes back', group: 'Replay', run: () => step(-STEP_S) },
    { keys: '.', words: 'Five minutes on', group: 'Replay', run: () => step(STEP_S) },
    { keys: 'p', words: 'Play or pause', group: 'Replay', run: play },
  ]), [])
  useEffect(() => {
    document.documentElement.dataset.replay = at === null ? '' : past.value ? 'shown' : 'asked'
    return () => { delete document.documentElement.dataset.replay }
  }, [at === null, past.value === null])
  if (at === null) return null
  const end = Math.floor(serverTime())
  const start = Math.min(end - reach.value, at)
  const words = `${day(at) === day(end) ? '' : `${day(at)} `}${clockTime(at)}`
  const asking = !trouble.value && past.value?.at !== at
  return html`
    <section class="replay" aria-label="Replay">
      <button type="button" class="button button-main replay-play" onClick=${play} aria-label=${speed.value ? 'Pause' : 'Play'}>${speed.value ? 'Pause' : 'Play'}</button>
      <button type="button" class="button" onClick=${() => step(-STEP_S)}>−5 min</button>
      <button type="button" class="button" onClick=${() => step(STEP_S)}>+5 min</button>
      <input type="range" min=${start} max=${end} step="10" value=${at} aria-label="Moment" aria-valuetext=${words} onInput=${(/** @type {any} */ e) => show(Number(e.target.value))} />
      <b class="replay-time" title=${exactTime(at)} data-at=${at} data-ready=${!asking}>${words}</b>
      <label class="replay-choice"><span class="unseen">Speed</span>
        <select value=${String(speed.value || SPEEDS[1])} onChange=${(/** @type {any} */ e) => { chosen = Number(e.target.value); if (speed.value) speed.value = chosen }}>
          ${SPEEDS.map((s) => html`<option key=${s} value=${String(s)}>${s / 60} min/s</option>`)}
        </select>
      </label>
      <label class="replay-choice"><span class="unseen">How far back</span>
        <select value=${String(reach.value)} onChange=${(/** @type {any} */ e) => { reach.value = Number(e.target.value) }}>
          ${REACHES.map(([seconds, name]) => html`<option key=${seconds} value=${String(seconds)}>last ${name}</option>`)}
        </select>
      </label>
      <button type="button" class="button" onClick=${leave}>Back to now</button>
      <span class="quiet replay-note" role="status">${trouble.value ? `What was cannot be read: ${trouble.value}.${past.value ? '' : ' What you see is of now.'}` : 'As it was then. What was not kept is a dash.'}</span>
    </section>`
}

let chosen = SPEEDS[1]

function play() {
  if (replayed.peek() === null) return
  speed.value = speed.peek() ? 0 : chosen
}

/** @param {number} seconds */
function step(seconds) {
  const at = replayed.peek()
  if (at !== null) show(at + seconds)
}
