/**
 * The keys that do something now, shown by `?`.
 */
import { bind, bindings, keysOn } from '../keys.js'
import { html, signal, useEffect, useRef } from '../lib.js'

const open = signal(false)
export const openHelp = () => { open.value = true }

export function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement|null} */ (null))
  useEffect(() => bind([{ keys: '?', words: 'Keys', group: 'Help', run: openHelp }]), [])
  useEffect(() => {
    if (open.value) dialog.current?.showModal()
  }, [open.value])
  if (!open.value) return null
  const groups = [...new Set(bindings.value.map((b) => b.group))]
  return html`
    <dialog class="dialog" ref=${dialog} aria-label="Keys" onClose=${() => { open.value = false }} onClick=${(/** @type {any} */ e) => { if (e.target === dialog.current) dialog.current?.close() }}>
      <form method="dialog" class="dialog-head"><h2>Keys</h2><button class="button" autofocus>Close</button></form>
      <div class="keys">
        ${groups.map((group) => html`
          <section key=${group}><h3>${group}</h3>
            <dl>${bindings.value.filter((b) => b.group === group).map((b) => html`<div key=${b.keys}><dt>${b.keys.split(' ').map((k) => html`<kbd key=${k}>${k}</kbd>`)}</dt><dd>${b.words}</dd></div>`)}</dl>
          </section>`)}
      </div>
      <footer class="keys-more">
        <p>Arrow keys walk within a card, a list, a chart or the ribbon; Tab leads to the next of them. <kbd>Ctrl</kbd> <kbd>K</kbd> searches too.</p>
        <label><input type="checkbox" checked=${keysOn.value} onChange=${(/** @type {any} */ e) => { keysOn.value = e.target.checked }} /> Single keys do something</label>
      </footer>
    </dialog>`
}
