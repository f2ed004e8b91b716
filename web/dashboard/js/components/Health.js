/**
 * The health score and its parts.
 */
import { html } from '../lib.js'
import { newest } from '../stores/samples.js'
import { status } from '../stores/status.js'
import { Figure } from './Figure.js'
import { Mark } from './Mark.js'
import { Panel } from './Panel.js'
import { Spark } from './Spark.js'

const SCORE = 'taskpulse_health_score'

export function Health() {
  const health = status.value?.health
  const score = health ? health.score : newest(SCORE)[0]?.v ?? null
  const loading = !status.value && score === null
  const why = health?.missing.map((m) => `${m.part}: ${m.why}`).join('\n') || 'Not computed yet.'
  return html`
    <${Panel} title="Health" face=${loading ? 'loading' : 'data'} kind="health" name="health">
      <div class="health-body">
        <div class="health-score">
          <${Figure} value=${score} unit="score" series=${SCORE} label="Health score, of 100" why=${why} big />
          <span class="health-of">of 100</span>
          <${Spark} selector=${SCORE} top=${100} />
          <${Parts} />
        </div>
      </div>
    <//>`
}

function Parts() {
  const health = status.value?.health
  if (!health) return null
  return html`
    <ul class="parts">
      ${health.parts.map((p) => html`
        <li key=${p.part} title=${`${p.why} (weight ${p.weight})`}>
          ${p.score === null
            ? html`<${Mark} kind="none" word="missing" />`
            : html`<${Mark} kind=${p.score >= 70 ? 'ok' : p.score >= 40 ? 'warning' : 'error'} word=${p.score >= 70 ? 'fine' : 'low'} />`}
          <span>${p.part}</span><b>${p.score === null ? '–' : Math.round(p.score)}</b>
        </li>`)}
      ${health.missing.map((p) => html`
        <li key=${p.part} title=${p.why} class="quiet"><${Mark} kind="none" word="missing" /><span>${p.part}</span><b>–</b></li>`)}
    </ul>`
}
