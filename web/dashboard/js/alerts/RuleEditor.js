/**
 * Writing a rule: its condition with completion, how long and how bad, its texts; what it would have done; saving, deleting, and what to do
 * where somebody else changed it meanwhile.
 *
 * What is written stays when the editor is closed without saving, until the page is left.
 *
 * @import { NamedRule } from '../types.js'
 * @import { Fault, RuleDraft } from './rule_draft.js'
 */
import { ApiError } from '../api.js'
import { useAction } from '../hooks.js'
import { html, useEffect, useMemo, useState } from '../lib.js'
import { rules } from '../stores/alerts.js'
import { deleteRule, readRule, saveRule } from '../stores/rule_changes.js'
import { closeEditor, openedBy, openEditor } from './editing.js'
import { follow } from './focus.js'
import { changed } from './halving.js'
import { copyName, draftOf, emptyDraft, faultOf, ruleOf, settingsText } from './rule_draft.js'
import { RuleFields } from './RuleFields.js'
import { useWould, Would } from './Would.js'

/** What was written and not saved, by what was edited. @type {Map<string, RuleDraft>} */
const unsaved = new Map()

/** What begins an edit. @param {string} what @param {string} change what is proposed @returns {Promise<{ draft: RuleDraft, base: NamedRule|null }>} `base`: the rule that is changed */
async function beginningOf(what, change) {
  if (what === 'new') return { draft: emptyDraft(), base: null }
  const [how, name] = [what.slice(0, what.indexOf(' ')), what.slice(what.indexOf(' ') + 1)]
  const known = await readRule(name)
  const draft = draftOf(name, change ? changed(known.rule, change) : known.rule)
  if (how !== 'copy' && known.version > 0) return { draft, base: known }
  return how === 'over' ? { draft, base: null } : { draft: draftOf(copyName(name, (rules.peek() ?? []).map((r) => r.name)), known.rule), base: null }
}

/** @param {{ what: string, change: string, tools: typeof import('../pages/Explore.js') }} props `change`: what is proposed; `tools`: the editor of Explore */
export function RuleEditor({ what, change, tools }) {
  const [begun, begin] = useState(/** @type {{ draft: RuleDraft, base: NamedRule|null }|null} */ (null))
  const [failed, fail] = useState('')
  const load = () => {
    fail('')
    begin(null)
    beginningOf(what, change).then(begin, (error) => fail(error.message))
  }
  useEffect(load, [what, change])
  const kept = change ? `${what} ${change}` : what
  if (failed) return html`<p class="problem" role="alert">${failed} <button type="button" class="button" onClick=${load}>Try again</button></p>`
  if (!begun) return html`<div class="skeleton would-skeleton" role="status"><span class="unseen">Loading</span></div>`
  return html`<${Form} key=${begun.base?.version ?? 0} what=${kept} tools=${tools} given=${begun.draft} base=${begun.base} again=${() => { unsaved.delete(kept); load() }} />`
}

/** @param {{ what: string, tools: typeof import('../pages/Explore.js'), given: RuleDraft, base: NamedRule|null, again: () => void }} props `what`: by which it is remembered while it is not saved */
function Form({ what, tools, given, base, again }) {
  const [draft, set] = useState(unsaved.get(what) ?? given)
  const [fault, blame] = useState(/** @type {Fault|null} */ (null))
  const [conflict, setConflict] = useState(/** @type {NamedRule|null} */ (null))
  const { busy, error, run } = useAction()
  const asked = useWould(draft)
  // What is wrong stays until the next answer; a place in the expression moves with what is written.
  const refused = useMemo(() => (asked.error ? faultOf(asked.error, draft) : null), [asked.error])
  const found = refused && (asked.state === 'refused' || refused.field !== 'condition') ? refused : fault
  const [kept] = useState(() => unsaved.has(what))
  const { names, state } = tools.metrics.value
  const unknown = state === 'ready' ? tools.metricsOf(draft.condition).filter((name) => !names.includes(name)) : []
  useEffect(() => { tools.loadMetrics() }, [])
  /** @param {Partial<RuleDraft>} more */
  const change = (more) => {
    const next = { ...draft, ...more }
    unsaved.set(what, next)
    set(next)
    blame(null)
  }
  /** @param {NamedRule|null} before what is replaced @param {number} version */
  const save = (before, version) => run(async () => {
    follow('undo rule')
    try {
      await saveRule(draft.name.trim(), ruleOf(draft), before, version)
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem
      if (problem.status === 409) return setConflict(await readRule(draft.name.trim()))
      if (problem.status === 400) return blame(faultOf(problem.message, draft))
      throw problem
    }
    unsaved.delete(what)
    return closeEditor()
  })
  const remove = () => run(async () => {
    follow('undo rule')
    await deleteRule(draft.name)
    unsaved.delete(what)
    closeEditor()
  })
  const close = () => {
    follow(openedBy())
    closeEditor()
  }
  return html`
    <form class="rule-form" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); if (!busy) save(base, base?.version ?? 0) }}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === 'Escape' && !e.defaultPrevented) { e.preventDefault(); close() } }}>
      ${kept && html`<p class="row-said" role="status">What you wrote and did not save. <button type="button" class="button" onClick=${again}>Discard it</button></p>`}
      <div class="rule-fields"><${RuleFields} draft=${draft} change=${change} fixed=${base !== null} same=${base ? '' : sameName(draft.name)} fault=${found} tools=${tools} /></div>
      <${Would} asked=${asked} severity=${draft.severity || 'warning'} unknown=${unknown} />
      ${conflict && html`<${Conflict} conflict=${conflict} base=${base} busy=${busy} over=${() => save(conflict, conflict.version)} theirs=${() => { unsaved.delete(what); if (base) again(); else openEditor(`rule ${conflict.name}`) }} />`}
      ${found && found.field === '' && html`<p class="problem" role="alert">${found.words}</p>`}
      ${error && html`<p class="problem" role="alert">${error}</p>`}
      <details class="rule-lines"><summary>As lines of Settings.toml</summary><pre class="copy">${settingsText(draft)}</pre></details>
      <p class="rule-form-buttons">
        <button type="submit" class="button button-main" aria-disabled=${busy}>${busy ? 'Saving' : 'Save'}</button>
        <button type="button" class="button" onClick=${close}>Close</button>
        ${base && html`<button type="button" class="button rule-form-last" aria-disabled=${busy} onClick=${() => { if (!busy) remove() }}>Delete</button>`}
        <span class="quiet">${base ? `Version ${base.version}` : 'Kept by the service and in force at once. A rule of the settings that has the same name gives way to it.'}</span>
      </p>
    </form>`
}

/** What it means that a rule has this name already; empty where none has. @param {string} name */
function sameName(name) {
  const other = rules.value?.find((rule) => rule.name === name.trim())
  if (!other || other.file === 'rest') return ''
  return other.file === 'Settings.toml' ? 'It takes the place of the rule of this name that is set in Settings.toml or shipped.' : `${other.file} has a rule of this name: both are in force then.`
}

/** Somebody else was faster. @param {{ conflict: NamedRule, base: NamedRule|null, busy: boolean, over: () => void, theirs: () => void }} props */
const Conflict = ({ conflict, base, busy, over, theirs }) => html`
  <div class="face" role="alert">
    <p class="face-title">${base ? 'Somebody else changed this rule meanwhile' : 'There is a rule of this name already'}</p>
    <p>${base ? `It has version ${conflict.version} now; you began with version ${base.version}.` : `It was given with version ${conflict.version}. Take another name, or go on with that one.`}</p>
    <p class="rule-form-buttons"><button type="button" class="button" onClick=${theirs}>${base ? 'Take theirs' : 'Edit that one'}</button><button type="button" class="button" aria-disabled=${busy} onClick=${() => { if (!busy) over() }}>${base ? 'Save mine over it' : 'Replace it'}</button></p>
  </div>`
