/**
 * A field for one PromQL query. The service checks it while it is written.
 *
 * @import { Context } from './language.js'
 * @import { Mistake } from './mistakes.js'
 */
import { html } from '../lib.js'
import { useCheck } from './check.js'
import { describe, labelsOf, loadMetrics, metrics, valuesOf } from './knowledge.js'
import { contextAt, tokens } from './language.js'
import { QueryField } from './QueryField.js'

/**
 * @param {{ letter: string, label?: string, text: string, change: (text: string) => void, run: () => void, failed: Mistake|null, asked?: boolean, field?: { current: HTMLTextAreaElement|null } }} props
 *   `failed`: what the service said when the query ran; `asked`: it runs, or has an answer
 */
export function Editor({ letter, label = `Query ${letter}, PromQL`, text, change, run, failed, asked = false, field }) {
  const mistake = useCheck(text, asked) ?? failed
  return html`
    <${QueryField} id=${`query-${letter}`} label=${label} placeholder="PromQL: begin to write, or choose a metric" language=${PROMQL}
      text=${text} change=${change} run=${run} mistake=${mistake} field=${field} onFocus=${() => loadMetrics()} />`
}

/** What is known for a place. What cannot be asked is not offered. @param {Context} context */
async function known(context) {
  const { names, meta } = metrics.peek()
  const labels = context.kind === 'label' ? await labelsOf(context.metric).catch(() => []) : []
  const values = context.kind === 'value' ? await valuesOf(context.metric, context.label).catch(() => []) : []
  return { names, help: (/** @type {string} */ name) => describe(meta, name)?.help ?? '', labels, values }
}

const PROMQL = { tokens, contextAt, known }
