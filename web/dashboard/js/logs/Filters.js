/**
 * What the query asks for, condition by condition, and more of it without writing: a label of the stream, a text.
 */
import { Cross } from '../components/Cross.js'
import { html, useEffect, useState } from '../lib.js'
import { clip, quoted } from '../format.js'
import { labels, MOST_VALUES, values } from './knowledge.js'
import { ALL, contains, read, SIGNS, stageWords, withMatcher, withoutMatcher, withoutStage, withStage } from './query.js'
import { queryOf, showQuery } from './query_shown.js'

/** @param {{ text: string }} props */
export function Filters({ text }) {
  const query = read(queryOf(text))
  if (!query) return null
  const chips = [
    ...query.matchers.map((m, i) => ({ key: `m ${m.text}`, words: `${m.name} ${SIGNS[m.op]}`, value: m.value, without: () => withoutMatcher(text, i) })),
    ...query.stages.map((stage, i) => ({ key: `s ${i} ${stage}`, ...stageWords(stage), without: () => withoutStage(text, i) })),
  ]
  return html`
    <div class="logs-filters">
      <${ByLabel} text=${text} />
      <${ByText} text=${text} />
      ${chips.length > 0 && html`
        <ul class="chips" aria-label="What is asked for" data-rove>
          ${chips.map(({ key, words, value, without }) => html`
            <li key=${key} class="chip" title=${clip(value, 500)}><span>${words && html`<span class="chip-words">${words}</span> `}<bdi>${value === '' ? '(empty)' : quoted(value, 48)}</bdi></span>
              <button type="button" aria-label=${`Take away: ${words} ${clip(value, 80)}`} onClick=${() => showQuery(without())}><${Cross} /></button></li>`)}
          ${chips.length > 1 && html`<li key="all"><button type="button" class="button button-plain" onClick=${() => showQuery(ALL)}>Clear</button></li>`}
        </ul>`}
    </div>`
}

/** Choosing a label, then its value: two native lists, which phones and screen readers handle well. @param {{ text: string }} props */
function ByLabel({ text }) {
  const [names, setNames] = useState(/** @type {string[]} */ ([]))
  const [name, choose] = useState('')
  const [offered, offer] = useState(/** @type {string[]|null} */ (null))
  const [failed, fail] = useState(false)
  const load = () => labels().then((found) => { setNames(found); fail(false) }, () => fail(true))
  useEffect(() => { load() }, [])
  useEffect(() => {
    let wanted = true
    offer(null)
    if (name !== '') values(name).then((found) => { if (wanted) offer(found) }, () => { if (wanted) offer([]) })
    return () => { wanted = false }
  }, [name])
  /** @param {string} value */
  const add = (value) => {
    choose('')
    showQuery(withMatcher(text, name, '=', value))
  }
  if (failed) return html`<button type="button" class="button" onClick=${load}>Labels could not be read. Try again</button>`
  return html`
    <select class="chooser" aria-label="Filter by a label" value=${name} onFocus=${load} onChange=${(/** @type {any} */ e) => choose(e.target.value)}>
      <option value="">Filter by label</option>
      ${names.map((one) => html`<option key=${one} value=${one}>${clip(one, 60)}</option>`)}
    </select>
    ${name !== '' && html`
      <select key=${name} class="chooser" aria-label=${`Value of ${name}`} value=""
        onChange=${(/** @type {any} */ e) => add(offered?.[Number(e.target.value)] ?? '')}>
        <option value="">${offered === null ? 'Loading' : `${offered.length} ${offered.length === 1 ? 'value' : 'values'} of ${clip(name, 40)}`}</option>
        ${(offered ?? []).slice(0, MOST_VALUES).map((value, i) => html`<option key=${value} value=${i}>${value === '' ? '(empty)' : clip(value, 80)}</option>`)}
      </select>`}`
}

/** @param {{ text: string }} props */
function ByText({ text }) {
  const [words, write] = useState('')
  /** @param {Event} event */
  const add = (event) => {
    event.preventDefault()
    if (words === '') return
    write('')
    showQuery(withStage(text, contains(words)))
  }
  return html`<form class="logs-contains" onSubmit=${add}><input type="search" aria-label="Only lines that contain a text" placeholder="contains…" value=${words} onInput=${(/** @type {any} */ e) => write(e.target.value)} /></form>`
}
