/**
 * Pieces of advice as rows that open: what was seen, why it matters and what to do, the figures behind it and their course, whether it helped.
 *
 * @import { Experiment } from '../types.js'
 * @import { Piece } from './life.js'
 */
import { Fold } from '../alerts/Fold.js'
import { Mark } from '../components/Mark.js'
import { quoted, since } from '../format.js'
import { html, useRef, useState } from '../lib.js'
import { inPlace } from '../order.js'
import { minute } from '../stores/pace.js'
import { RunPiece } from './Actions.js'
import { AppliedForm, Decide, DismissForm, Seems } from './Decide.js'
import { figuresOf, standing } from './helped.js'
import { Inside } from './Inside.js'
import { markOfAdvice } from './life.js'

/** Longest sentence of a row; the rest stands inside. */
const LONGEST = 600

/** Rows keep their place while others come: the most important stand first when the page opens. @param {{ list: Piece[], stand: string, experiments: Experiment[], actions: import('../types.js').Actions|null }} props */
export function Pieces({ list, stand, experiments, actions }) {
  const before = useRef(/** @type {string[]} */ ([]))
  const shown = inPlace(before.current, list, ({ id }) => id)
  before.current = shown.map(({ id }) => id)
  return html`<ul class="alert-rows advice-rows" data-stand=${stand}>${shown.map((advice) => html`<${Row} key=${advice.id} advice=${advice} actions=${actions} experiment=${experiments.find(({ id }) => id === advice.experiment) ?? null} />`)}</ul>`
}

/** @param {{ advice: Piece, experiment: Experiment|null, actions: import('../types.js').Actions|null }} props */
function Row({ advice, experiment, actions }) {
  const { id, status, severity, title, verdict } = advice
  const [asking, ask] = useState(/** @type {'dismiss'|'applied'|''} */ (''))
  const close = () => ask('')
  const { means, interval } = verdict ? figuresOf(verdict, experiment ?? {}) : { means: '', interval: '' }
  return html`
    <${Fold} name=${`advice ${id}`}
      title=${html`<${Mark} kind=${markOfAdvice(advice)} word=${status === 'open' ? `advice, ${severity}` : ''} /><span class="fold-title"><bdi>${quoted(title, 200)}</bdi></span>${verdict && html`<span class="quiet">${verdictWords(verdict)}</span>`}`}
      aside=${html`
        ${means && html`<span class="need-since num">${means}</span>`}${interval && html`<span class="need-since num">${interval}</span>`}
        <span class="need-since">${whenOf(advice)}</span><span class="need-buttons"><${Decide} advice=${advice} asking=${asking} ask=${ask} /></span>`}
      below=${html`
        <bdi>${quoted(sentenceOf(advice), LONGEST)}</bdi>
        <${Seems} advice=${advice} />
        <${RunPiece} actions=${actions} advice=${advice} />
        ${asking === 'dismiss' && status === 'open' && html`<${DismissForm} advice=${advice} close=${close} />`}
        ${asking === 'applied' && status === 'accepted' && html`<${AppliedForm} advice=${advice} close=${close} />`}`}>
      ${() => html`<${Inside} advice=${advice} experiment=${experiment} />`}
    <//>`
}

/** The one sentence of a row: what was seen, what it came to, or why it is not wanted. @param {Piece} advice */
function sentenceOf({ status, why, verdict, verdict_missing: missing, reason }) {
  if (status === 'applied') return verdict?.sentence ?? (missing ? `Whether it helped is not said: ${missing}` : why)
  if (status === 'dismissed') return reason ? `Not wanted: ${reason}` : why
  return why
}

/** @param {import('../types.js').Verdict} verdict */
function verdictWords({ state, final: over, judged_from: from }) {
  const { word } = standing(state)
  return state === 'too_early' && from !== null ? `${word}, from ${since(from, minute.value)} on` : over ? `${word}, for good` : word
}

/** @param {Piece} advice */
function whenOf({ status, created, updated, applied_at: applied }) {
  if (status === 'open') return `seen since ${since(created, minute.value)}`
  return `${status} ${since((status === 'applied' && applied) || updated, minute.value)}`
}
