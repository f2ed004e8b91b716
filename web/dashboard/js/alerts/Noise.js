/**
 * The noise report: how often each rule fired over the last week, what became of it, and what would have halved it, to be tried in the editor.
 *
 * @import { RuleNoise } from '../types.js'
 */
import { listFace } from '../components/faces.js'
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { DASH, format, since } from '../format.js'
import { ruleWords } from '../headline.js'
import { html } from '../lib.js'
import { markOf } from '../statuses.js'
import { rules } from '../stores/alerts.js'
import { now, replayed } from '../stores/clock.js'
import { address } from '../stores/place.js'
import { edited, openEditor, tryButton } from './editing.js'
import { takesFocus } from './focus.js'
import { halvingsOf, noiseWords, noneWords } from './halving.js'
import { Offer } from './Profile.js'

/** @param {{ answer: ReturnType<typeof import('./report.js').useNoise> }} props */
export function Noise({ answer: { noise, error, failedAt, state, retry } }) {
  return html`
    <${Panel} title="Noise" name="noise" note=${noise ? ['last 7 days', replayed.value !== null && 'as it is now'].filter(Boolean).join(' · ') : ''} live=${false} kind="alerts-wide" face=${listFace(state, noise?.rules.length ?? 0)}
      error=${error} failedAt=${failedAt > 0 ? since(failedAt, now.peek()) : undefined} retry=${retry}
      empty=${html`<p class="all-quiet"><${Mark} kind="ok" word="ok" /> No rule fired in the last 7 days. Which fire too often, and what would change that, is said here.</p>`}>
      ${noise && html`
        <p>${noiseWords(noise)}</p>
        <div class="table-wrap" tabindex="0" role="region" aria-label="Noise by rule">
          <table class="noise">
            <thead><tr><th>Rule</th><th class="num">Fired</th><th class="num">Acknowledged</th><th class="num">Ended within a minute</th><th class="num" title="Delivered by channels other than console and file">Notices</th><th>Would have halved it</th></tr></thead>
            <tbody>${noise.rules.map((rule) => html`<${Row} key=${rule.rule} noise=${rule} />`)}</tbody>
          </table>
        </div>
        ${noise.profile && html`<${Offer} offer=${noise.profile} />`}`}
    <//>`
}

/** @param {{ noise: RuleNoise }} props */
function Row({ noise }) {
  const { rule: name, severity, fired, acknowledged, ended_within_a_minute: short, notifications } = noise
  const rule = rules.value?.find((known) => known.name === name)
  const halvings = halvingsOf(noise, rule)
  return html`
    <tr data-noise=${name}>
      <td class="noise-rule"><${Mark} kind=${markOf(severity)} word=${severity} /> ${rule ? html`<a class="link" href=${address('alerts', '', { open: `rule ${name}` })}><bdi>${ruleWords(name)}</bdi></a>` : html`<bdi>${ruleWords(name)}</bdi>`}</td>
      ${[fired, acknowledged, short, notifications].map((n) => html`<td class="num">${format(n, 'count')}</td>`)}
      <td><div class="noise-changes">${halvings.length === 0 ? html`<span class="quiet" title=${noneWords(noise)}>${DASH}</span>` : halvings.map((halving) => html`<${Try} key=${halving.change} name=${name} file=${rule?.file} halving=${halving} />`)}</div></td>
    </tr>`
}

/** @param {{ name: string, file: string|undefined, halving: import('./halving.js').Halving }} props */
function Try({ name, file, halving: { change, words } }) {
  const what = edited() // read: when the editor closes, its button takes the focus back
  if (replayed.value !== null || file === undefined) return html`<span>${words}</span>`
  if (file !== 'rest' && file !== 'Settings.toml') return html`<span>${words}, to be changed in <code><bdi>${file}</bdi></code></span>`
  const target = `${file === 'rest' ? 'rule' : 'over'} ${name}`
  return html`<button type="button" class="button" ref=${takesFocus(tryButton(name, change))} aria-pressed=${what === target ? 'true' : undefined} title="Opens the rule with this change, and shows what it would have done" onClick=${() => openEditor(target, change)}>${words}</button>`
}
