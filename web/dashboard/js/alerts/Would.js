/**
 * When the rule that is written would have fired over the last week, asked while the reader writes, once they pause.
 *
 * @import { RulePreview } from '../types.js'
 * @import { RuleDraft } from './rule_draft.js'
 */
import { ApiError } from '../api.js'
import { day, format, since, span, unitOf } from '../format.js'
import { subjectOf } from '../headline.js'
import { html, useEffect, useState } from '../lib.js'
import { markOf } from '../statuses.js'
import { minute } from '../stores/pace.js'
import { previewRule } from '../stores/rule_changes.js'
import { Lane } from './Lane.js'
import { ruleOf } from './rule_draft.js'
import { spansOf, wouldWords } from './outcome.js'

const PAUSE_MS = 400
/** Firings that are listed. */
const SHOWN = 5

/** @typedef {{ state: 'none'|'asking'|'ready'|'refused', preview: RulePreview|null, error: string }} Asked  `preview`: the newest answer, also while the next is asked */

/** @param {RuleDraft} draft @returns {Asked} */
export function useWould(draft) {
  const [asked, set] = useState(/** @type {Asked} */ ({ state: 'none', preview: null, error: '' }))
  const { enabled, ...rule } = ruleOf(draft)
  const key = draft.condition.trim() === '' ? '' : JSON.stringify(rule)
  useEffect(() => {
    if (key === '') {
      set({ state: 'none', preview: null, error: '' })
      return undefined
    }
    set((before) => ({ ...before, state: 'asking' }))
    const stop = new AbortController()
    const timer = setTimeout(() => {
      previewRule(JSON.parse(key), stop.signal).then(
        (preview) => { if (!stop.signal.aborted) set({ state: 'ready', preview, error: '' }) },
        (error) => {
          if (stop.signal.aborted) return
          const known = error instanceof ApiError && error.status >= 400
          set({ state: 'refused', preview: null, error: known ? error.message : `What it would have done is not known: ${error.message}` })
        },
      )
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [key])
  return asked
}

/** @param {{ asked: Asked, severity: import('../types.js').Severity, unknown: string[] }} props `unknown`: metrics of the expression that no series has */
export function Would({ asked: { state, preview, error }, severity, unknown }) {
  const words = state === 'none' ? 'Write an expression, and here is said when it would have fired over the last 7 days.' : preview ? wouldWords(preview) : error || 'Asking when it would have fired over the last 7 days'
  return html`
    <div class="would" data-state=${state} aria-busy=${state === 'asking'}>
      <p class="would-words" role="status"><b>${state === 'refused' ? '' : words}</b></p>
      ${state !== 'none' && unknown.length > 0 && html`<p class="problem">No series of ${unknown.map((name, i) => html`${i > 0 ? ', ' : ''}<code><bdi>${name}</bdi></code>`)} is known.</p>`}
      ${preview && html`
        <${Lane} spans=${spansOf(preview.firings, preview.end)} start=${preview.start} end=${preview.end} mark=${markOf(severity)} words=${words} />
        <p class="would-days quiet" aria-hidden="true"><span>${day(preview.start)}</span><span>${day((preview.start + preview.end) / 2)}</span><span>now</span></p>
        <ul class="would-list">${preview.firings.slice(0, SHOWN).map((firing) => html`<${Firing} key=${`${firing.fired_at} ${JSON.stringify(firing.labels)}`} firing=${firing} end=${preview.end} />`)}</ul>`}
    </div>`
}

/** @param {{ firing: import('../types.js').RuleFiring, end: number }} props */
function Firing({ firing: { fired_at: from, resolved_at: to, labels, value }, end }) {
  return html`<li><span class="num">${since(from, minute.value)}</span> <span>for ${span(Math.max(1, Math.round((to ?? end) - from)))}${to === null ? ', and goes on' : ''}</span> <bdi class="would-what">${subjectOf(labels)}${value === null ? '' : ` ${format(value, unitOf(labels.__name__ ?? ''))}`}</bdi></li>`
}
