/**
 * A row of what the reader has ended or removed here, with the way back.
 */
import { Mark } from '../components/Mark.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { takesFocus } from './focus.js'

/** @param {{ row: string, title: string, word: string, label: string, undo: () => Promise<unknown> }} props `row`: its name, also for the focus; `word`: what the reader did; `label`: what the button takes back */
export function Undone({ row, title, word, label, undo }) {
  const { busy, error, run } = useAction()
  return html`
    <li class="fold" data-row=${row}>
      <div class="fold-head">
        <span class="fold-still"><${Mark} kind="none" word=${word} /><span class="fold-title"><bdi>${title}</bdi></span></span>
        <span class="need-since">${word} by you</span>
        <span class="need-buttons">${error && html`<span class="problem" role="alert">${error}</span>`}<button type="button" class="button" ref=${takesFocus(row)} aria-disabled=${busy} aria-label=${label} onClick=${() => { if (!busy) run(undo) }}>Undo</button></span>
      </div>
    </li>`
}
