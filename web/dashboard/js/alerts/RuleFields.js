/**
 * The fields of a rule.
 *
 * @import { Fault, Pair, RuleDraft } from './rule_draft.js'
 */
import { html } from '../lib.js'
import { takesFocus } from './focus.js'
import { pair, restText, SEVERITIES } from './rule_draft.js'

/** @param {any} e @returns {string} */
const valueOf = (e) => e.target.value

/** Lengths of time. @type {Array<{ key: 'hold'|'keep'|'cooldown', title: string, hint: string }>} */
const LENGTHS = [
  { key: 'hold', title: 'Must last', hint: 'at once' }, { key: 'keep', title: 'Goes on firing for', hint: 'not at all' }, { key: 'cooldown', title: 'At most every', hint: 'as often as it happens' },
]

/**
 * @param {{ draft: RuleDraft, change: (more: Partial<RuleDraft>) => void, fixed: boolean, same: string, fault: Fault|null, tools: typeof import('../pages/Explore.js') }} props
 *   `fixed`: its name stands; `same`: what it means that another has it
 */
export function RuleFields({ draft, change, fixed, same, fault, tools }) {
  const { name, kind, condition, severity, labels, annotations } = draft
  const said = (/** @type {Fault['field']} */ field) => fault?.field === field && html`<p class="problem" id=${`rule-fault-${field}`} role="alert">${fault.words}</p>`
  const wrong = (/** @type {Fault['field']} */ field) => (fault?.field === field ? { 'aria-invalid': 'true', 'aria-describedby': `rule-fault-${field}` } : {})
  const failed = fault?.field === 'condition' ? tools.mistakeOf(fault.words, condition) : null
  return html`
    <label class="rule-name">Name <input type="text" required spellcheck=${false} autocomplete="off" readonly=${fixed} ref=${fixed ? undefined : takesFocus('rule editor')} value=${name} onInput=${(/** @type {any} */ e) => change({ name: valueOf(e) })} ...${wrong('name')} /></label>
    ${same && html`<p class="quiet"><bdi>${same}</bdi></p>`}
    ${said('name')}
    <label class="rule-kind">Fires where <select ref=${fixed ? takesFocus('rule editor') : undefined} value=${kind} onChange=${(/** @type {any} */ e) => change({ kind: /** @type {RuleDraft['kind']} */ (valueOf(e)) })}><option value="expr">this expression has a result</option><option value="absent">the series of this selector have no samples</option><option value="logql">this query over log lines has a result</option></select></label>
    ${kind === 'logql'
      ? html`<label class="rule-lines">Query, LogQL <textarea rows="3" spellcheck=${false} autocomplete="off" placeholder='sum by (app) (count_over_time({app="web"} |= "error" [1m])) >= 5' value=${condition} onInput=${(/** @type {any} */ e) => change({ condition: valueOf(e) })} ...${wrong('condition')}></textarea></label>${said('condition')}`
      : html`<${tools.Editor} letter="rule" label="Expression, PromQL" text=${condition} change=${(/** @type {string} */ text) => change({ condition: text })} run=${() => {}} failed=${failed} />`}
    <div class="rule-short">
      <label>Severity <select value=${severity} onChange=${(/** @type {any} */ e) => change({ severity: /** @type {RuleDraft['severity']} */ (valueOf(e)) })}><option value="">as its label says</option>${SEVERITIES.map((s) => html`<option key=${s} value=${s}>${s}</option>`)}</select></label>
      ${LENGTHS.map(({ key, title, hint }) => html`<label key=${key}>${title} <input type="text" size="8" spellcheck=${false} autocomplete="off" placeholder=${hint} value=${draft[key]} onInput=${(/** @type {any} */ e) => change({ [key]: valueOf(e) })} ...${wrong(key)} /></label>`)}
    </div>
    ${LENGTHS.map(({ key }) => said(key))}
    <${Pairs} title="Labels" thing="label" list=${labels} change=${(/** @type {Pair[]} */ list) => change({ labels: list })} />
    ${said('labels')}
    <${Pairs} title="Annotations" thing="annotation" list=${annotations} change=${(/** @type {Pair[]} */ list) => change({ annotations: list })} />
    ${said('annotations')}
    ${Object.keys(draft.rest).length > 0 && html`<p class="quiet">Kept as they are: <code><bdi>${restText(draft)}</bdi></code></p>`}`
}

/** Names with values. @param {{ title: string, thing: string, list: Pair[], change: (list: Pair[]) => void }} props */
function Pairs({ title, thing, list, change }) {
  const set = (/** @type {number} */ id, /** @type {Partial<Pair>} */ more) => change(list.map((p) => (p.id === id ? { ...p, ...more } : p)))
  return html`
    <fieldset class="rule-pairs">
      <legend>${title}</legend>
      ${list.map(({ id, name, value }) => html`
        <div class="rule-pair" key=${id}>
          <input type="text" spellcheck=${false} autocomplete="off" aria-label=${`Name of the ${thing}`} placeholder="name" value=${name} onInput=${(/** @type {any} */ e) => set(id, { name: valueOf(e) })} />
          <input type="text" aria-label=${`Value of the ${thing} ${name}`} placeholder="value" value=${value} onInput=${(/** @type {any} */ e) => set(id, { value: valueOf(e) })} />
          <button type="button" class="button" aria-label=${`Remove the ${thing} ${name}`} onClick=${() => change(list.filter((p) => p.id !== id))}>Remove</button>
        </div>`)}
      <button type="button" class="button" onClick=${() => change([...list, pair()])}>Add ${thing === 'annotation' ? 'an' : 'a'} ${thing}</button>
    </fieldset>`
}
