/**
 * The health score with its parts: what each says, and what it rests on.
 */
import { Figure } from '../components/Figure.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { DASH } from '../format.js'
import { html } from '../lib.js'
import { historyOf } from '../stores/place.js'
import { status } from '../stores/status.js'

const SCORE = 'taskpulse_health_score'
const FINE = 70
const LOW = 40

export function HealthParts() {
  const health = status.value?.health
  return html`
    <${Panel} title="Health" note="what the worst part lacks, and a tenth of what the others lack, taken from 100" name="health-parts" face=${health ? 'data' : 'loading'}>
      <p class="health-line"><${Figure} value=${health?.score} unit="score" series=${SCORE} label="Health score, of 100" why=${health?.missing.map((m) => `${m.part}: ${m.why}`).join('; ') || 'Not computed yet.'} big /> <span class="quiet">of 100</span></p>
      <table class="health-parts">
        <tbody>
          ${health?.parts.map((p) => html`
            <tr key=${p.part} data-part=${p.part}>
              <td><${Mark} kind=${p.score === null ? 'none' : p.score >= FINE ? 'ok' : p.score >= LOW ? 'warning' : 'error'} word="" /> <a href=${historyOf(`taskpulse_health_part_score{part=${JSON.stringify(p.part)}}`)}>${p.part}</a></td>
              <td class="num"><b>${p.score === null ? DASH : Math.round(p.score)}</b></td>
              <td class="health-bar">${p.score !== null && html`<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="share-all" width="100" height="8" /><rect class="share-part" width=${p.score} height="8" /></svg>`}</td>
              <td class="words">${p.why}</td>
            </tr>`)}
          ${health?.missing.map((p) => html`<tr key=${p.part} data-part=${p.part}><td><${Mark} kind="none" word="" /> ${p.part}</td><td class="num">${DASH}</td><td></td><td class="words">not in the score: ${p.why}</td></tr>`)}
        </tbody>
      </table>
    <//>`
}
