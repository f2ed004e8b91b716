/**
 * Where a rule is written: what does that, and the editor of Explore within it, are loaded when the reader opens it.
 */
import { Panel } from '../components/Panel.js'
import { html, useEffect, useState } from '../lib.js'
import { edited, proposed } from './editing.js'

export function EditorPlace() {
  const what = edited()
  const [loaded, load] = useState(/** @type {{ parts?: { RuleEditor: any, tools: any }, error?: string }} */ ({}))
  const wanted = what !== ''
  const begin = () => {
    load({})
    Promise.all([import('./RuleEditor.js'), import('../pages/Explore.js')]).then(
      ([{ RuleEditor }, tools]) => load({ parts: { RuleEditor, tools } }),
      () => load({ error: 'The editor could not be loaded' }),
    )
  }
  useEffect(() => { if (wanted && !loaded.parts) begin() }, [wanted])
  if (!wanted) return null
  const name = what.slice(what.indexOf(' ') + 1)
  const title = what === 'new' ? 'New rule' : what.startsWith('copy ') ? `New rule, a copy of ${name}` : `Rule ${name}`
  return html`
    <div class="alerts-wide">
      <${Panel} title=${html`<bdi>${title}</bdi>`} name="rule-editor" live=${false} face=${loaded.parts ? 'data' : loaded.error ? 'error' : 'loading'} error=${loaded.error} retry=${begin}>
        ${loaded.parts && html`<${loaded.parts.RuleEditor} key=${`${what} ${proposed()}`} what=${what} change=${proposed()} tools=${loaded.parts.tools} />`}
      <//>
    </div>`
}
