/**
 * Where the minutes go: from workflow to outcome, as wide as the time it took.
 */
import { span } from '../format.js'
import { useQuery } from '../hooks.js'
import { html } from '../lib.js'
import { period } from '../stores/place.js'
import { Panel } from '../components/Panel.js'
import { flow, streams } from './hours.js'

const WIDTH = 520
const HEIGHT = 200
/** Room above and below, so that a name at the edge is whole. */
const MARGIN = 8
const NAMES = 120
const COLUMN = 8
const DAY_S = 86_400

const FAILED = new Set(['failure', 'timed_out', 'startup_failure'])
/** @param {string} outcome */
const look = (outcome) => (outcome === 'success' ? 'ok' : FAILED.has(outcome) ? 'error' : 'none')

/** @param {{ repo: string }} props */
export function Flow({ repo }) {
  const { start, end, words } = period.value
  const seconds = Math.max(DAY_S, Math.round(end - start))
  const { lines, state, error, retry } = useQuery({
    query: `sum by (workflow, conclusion) (sum_over_time(github_actions_run_duration_seconds{repo=${JSON.stringify(repo)}}[${seconds}s]))`, seconds: 60, step: 60,
  })
  const list = streams(lines)
  const { left, right, bands } = flow(list, HEIGHT, 6)
  const [x1, x2] = [NAMES + COLUMN, WIDTH - NAMES - COLUMN]
  return html`
    <${Panel} title="Where the time goes" note=${seconds === DAY_S ? 'last 24 hours' : words} name="ci-flow" face=${state === 'ready' ? (list.length ? 'data' : 'empty') : state} error=${error} retry=${retry} live=${false}
      empty=${html`<p>No run ended in this time.</p>`}>
      <svg class="flow" viewBox=${`0 ${-MARGIN} ${WIDTH} ${HEIGHT + 2 * MARGIN}`} role="img" aria-label=${list.map((s) => `${s.from}, ${s.to}: ${span(Math.round(s.seconds))}`).join('; ')}>
        ${bands.map((b) => html`<path key=${`${b.from} ${b.to}`} class=${`flow-band flow-${look(b.to)}`} d=${ribbon(x1, b.y1, b.h1, x2, b.y2, b.h2)}><title>${`${b.from}, ${b.to}: ${span(Math.round(b.seconds))}`}</title></path>`)}
        ${left.map((box) => html`<g key=${box.name}><rect class="flow-box" x=${NAMES} y=${box.y} width=${COLUMN} height=${Math.max(1, box.height)} /><text x=${NAMES - 6} y=${box.y + box.height / 2 + 4} text-anchor="end">${short(box.name)} ${span(Math.round(box.seconds))}</text></g>`)}
        ${right.map((box) => html`<g key=${box.name}><rect class="flow-box" x=${x2} y=${box.y} width=${COLUMN} height=${Math.max(1, box.height)} /><text x=${x2 + COLUMN + 6} y=${box.y + box.height / 2 + 4}>${box.name} ${span(Math.round(box.seconds))}</text></g>`)}
      </svg>
    <//>`
}

/** @param {string} name */
const short = (name) => (name.length > 12 ? `${name.slice(0, 11)}…` : name)

/** @param {number} x1 @param {number} y1 @param {number} h1 @param {number} x2 @param {number} y2 @param {number} h2 */
function ribbon(x1, y1, h1, x2, y2, h2) {
  const middle = (x1 + x2) / 2
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}V${y2 + h2}C${middle} ${y2 + h2} ${middle} ${y1 + h1} ${x1} ${y1 + h1}Z`
}
