/**
 * What the queries answer, in the view that the reader chose, and how to take it along.
 *
 * @import { Answer } from './asking.js'
 * @import { View, Wanted } from './wanted.js'
 */
import { Failure } from '../components/Failure.js'
import { faceOf } from '../components/faces.js'
import { Panel } from '../components/Panel.js'
import { count, span } from '../format.js'
import { html, useState } from '../lib.js'
import { loginEnded } from '../stores/login.js'
import { param, setParams } from '../stores/place.js'
import { MOST_SERIES, waited } from './asking.js'
import { Graph } from './Graph.js'
import { Heat } from './HeatView.js'
import { mistakeOf } from './mistakes.js'
import { csvOf } from './rows.js'
import { Table } from './Table.js'

/** @type {Array<[View, string]>} */
const VIEWS = [['graph', 'Graph'], ['table', 'Table'], ['heat', 'Heat map']]
/** A question that takes longer says so. */
const SLOW_S = 1

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }>, handles: Array<{ retry: () => void, stop: () => void }>, view: View, title: { words: string, help: string }|null }} props */
export function Results({ asked, handles, view, title }) {
  const chosen = param('view', 'graph')
  const ready = asked.filter(({ answer }) => answer.state === 'ready' || answer.lines.length + answer.points.length > 0)
  const failed = asked.filter(({ answer }) => answer.state === 'error')
  const rows = (/** @type {Answer} */ a) => (view === 'table' ? a.points.length : a.lines.length)
  const total = ready.reduce((sum, { answer }) => sum + rows(answer), 0)
  const cut = ready.some(({ answer }) => answer.notes.some((note) => note.includes('truncated')))
  const notes = ready.flatMap(({ wanted, answer }) => answer.notes.filter((note) => !note.includes('truncated')).map((note) => (asked.length > 1 ? `${wanted.letter}: ${note}` : note)))
  const slowest = Math.max(0, ...asked.map(({ answer }) => waited(answer)))
  const took = Math.max(0, ...ready.map(({ answer }) => answer.took))
  // A graph says itself how many series there are.
  const note = [title?.help, ready.length > 0 && view !== 'graph' && count(total, 'series', 'series'), ready.length > 0 && `${Math.round(took)} ms`].filter(Boolean).join(' · ')
  const face = ready.length > 0 ? (total > 0 ? 'data' : 'empty') : failed.length > 0 ? 'data' : 'loading'
  const words = VIEWS.find(([name]) => name === view)?.[1] ?? 'Graph'
  return html`
    <${Panel} title=${title?.words ?? words} note=${note} name="answer" face=${face} empty=${html`<${Empty} />`}
      aside=${view === 'graph' ? null : html`<${Tools} asked=${ready} />`}>
      ${tabs(view, (next) => { chosen.value = next })}
      ${failed.map(({ wanted, answer }) => html`<${Failed} key=${wanted.letter} wanted=${wanted} answer=${answer} several=${asked.length > 1} retry=${() => handles.forEach((h) => h.retry())} />`)}
      ${slowest > SLOW_S && html`<p class="note" role="status">Under way for ${span(Math.round(slowest))}. <button type="button" class="button" onClick=${() => handles.forEach((h) => h.stop())}>Stop</button></p>`}
      ${cut && view !== 'graph' && html`<p class="note" role="status">There are more series than are shown: of each query the first ${MOST_SERIES[view]}. Choose fewer by a label, or sum them up.</p>`}
      ${notes.map((text) => html`<p class="note" key=${text}>${text}</p>`)}
      ${ready.length > 0 && view === 'graph' && html`<${Graph} key=${asked.map(({ wanted }) => wanted.text).join('\n')} asked=${ready} />`}
      ${ready.length > 0 && view === 'table' && html`<${Table} asked=${ready} />`}
      ${ready.length > 0 && view === 'heat' && html`<${Heat} asked=${ready} />`}
    <//>
    ${face === 'loading' && slowest > SLOW_S && html`<p class="note" role="status">Under way for ${span(Math.round(slowest))}. <button type="button" class="button" onClick=${() => handles.forEach((h) => h.stop())}>Stop</button></p>`}`
}

/** @param {View} view @param {(next: View) => void} choose */
const tabs = (view, choose) => html`
  <div class="tabs" role="group" aria-label="Shown as">
    ${VIEWS.map(([name, words]) => html`<button type="button" key=${name} aria-pressed=${view === name} onClick=${() => choose(name)}>${words}</button>`)}
  </div>`

function Empty() {
  const view = param('view', 'graph')
  return html`
    ${tabs(/** @type {View} */ (view.value), (next) => { view.value = next })}
    <p>The query is right, and nothing answers it in this time. A longer period may hold something; or a label has another value.</p>
    <p><button type="button" class="button" onClick=${() => setParams({ range: '7d', from: '', to: '' })}>Look at the last 7 days</button></p>`
}

/** @param {{ wanted: Wanted, answer: Answer, several: boolean, retry: () => void }} props */
function Failed({ wanted, answer, several, retry }) {
  const stopped = answer.error === 'stopped'
  const shown = faceOf({ face: 'error', error: answer.error, loginEnded: loginEnded.value })
  if (shown.kind === 'denied') return html`<${Failure} shown=${shown} retry=${retry} />`
  const { words, advice, to } = mistakeOf(answer.error, wanted.text)
  return html`
    <div class="face face-error" role="alert" data-failed=${wanted.letter}>
      <p class="face-title">${several ? `${wanted.letter}: ` : ''}${stopped ? 'Stopped' : 'Could not be answered'}</p>
      ${!stopped && html`<p>${to > 0 ? 'The query has a mistake: it is marked above.' : `${words}. ${advice}`}</p>`}
      ${to === 0 && html`<button type="button" class="button" onClick=${retry}>${stopped ? 'Ask again' : 'Try again'}</button>`}
    </div>`
}

/** @param {{ asked: Array<{ wanted: Wanted, answer: Answer }> }} props */
function Tools({ asked }) {
  const [said, say] = useState('')
  const copy = () => navigator.clipboard.writeText(location.href).then(() => say('Link copied'), () => say('The address bar holds the link'))
  const save = () => {
    const csv = csvOf(asked.map(({ wanted, answer }) => ({ letter: wanted.letter, lines: answer.lines.length > 0 ? answer.lines : answer.points.map((p) => ({ key: p.key, metric: p.metric, t: [p.time], v: [Number(p.value)] })) })))
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([csv], { type: 'text/csv' }))
    link.download = 'taskpulse.csv'
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  }
  return html`
    <span class="quiet" role="status">${said}</span>
    <button type="button" class="button" onClick=${copy}>Copy link</button>
    <button type="button" class="button" disabled=${asked.length === 0} onClick=${save}>CSV</button>`
}
