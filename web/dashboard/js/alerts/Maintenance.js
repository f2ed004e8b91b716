/**
 * Maintenance windows: times that come again, during which notices are held back. Those of the settings are changed there.
 *
 * @import { Maintenance as Window } from '../types.js'
 */
import { Mark } from '../components/Mark.js'
import { Panel } from '../components/Panel.js'
import { count, quoted } from '../format.js'
import { useAction } from '../hooks.js'
import { html } from '../lib.js'
import { replayed } from '../stores/clock.js'
import { held, heldError, loadSilences, makeMaintenance, removedHere, removeMaintenance } from '../stores/silences.js'
import { Fold } from './Fold.js'
import { follow, takesFocus } from './focus.js'
import { Undone } from './Undone.js'

export function Maintenance() {
  const list = held.value?.maintenance ?? []
  const gone = removedHere.value
  const face = held.value ? (list.length + gone.length > 0 ? 'data' : 'empty') : heldError.value ? 'error' : 'loading'
  return html`
    <${Panel} title="Maintenance windows" name="maintenance" note=${list.length > 0 ? count(list.length, 'window') : ''} live=${false} face=${face} error=${heldError.value} retry=${loadSilences}
      empty=${html`<p>None. Times that come again, during which no notice is sent, are written into Settings.toml:</p><pre class="copy">[notify.maintenance.backup]
times = ["sun 02:00-04:00"]
match = ['source="system"']
comment = "backups"</pre>`}>
      <ul class="alert-rows" data-stand="maintenance">
        ${list.map((window) => html`<${Row} key=${window.name} window=${window} />`)}
        ${gone.map((window) => html`<${Gone} key=${`gone ${window.name}`} window=${window} />`)}
      </ul>
    <//>`
}

/** @param {{ window: Window }} props */
function Row({ window }) {
  const { name, times, timezone, match, comment, active, of_settings: ofSettings } = window
  const { busy, error, run } = useAction()
  const remove = () => {
    if (busy) return
    follow(`gone ${name}`)
    run(() => removeMaintenance(window))
  }
  return html`
    <${Fold} name=${`maintenance ${name}`} title=${html`<${Mark} kind=${active ? 'info' : 'none'} word=${active ? 'in force now' : 'not now'} /><span class="fold-title"><bdi>${quoted(name)}</bdi></span><span class="quiet"><bdi>${quoted(times.join(', '), 120)}</bdi></span>`}
      aside=${html`<span class="need-since">${active ? 'now' : ''}</span>${!ofSettings && replayed.value === null && html`<span class="need-buttons">
        ${error && html`<span class="problem" role="alert">${error}</span>`}<button type="button" class="button" ref=${takesFocus(`maintenance ${name}`)} aria-disabled=${busy} aria-label=${`Remove the maintenance window ${name}`} onClick=${remove}>Remove</button></span>`}`}>
      ${() => html`
        <dl class="pairs instance-details">
          <dt>When</dt><dd><bdi>${times.join(', ') || 'always'}</bdi>, ${timezone === null ? 'in the time zone of the service' : html`<bdi>${timezone}</bdi>`}</dd>
          <dt>Which alerts</dt><dd>${match.length > 0 ? html`<code><bdi>${match.join(', ')}</bdi></code>` : 'all'}</dd>
          <dt>Why</dt><dd>${comment ? html`<bdi>${comment}</bdi>` : html`<span class="quiet">nothing was written</span>`}</dd>
          <dt>Set in</dt><dd>${ofSettings ? html`<code>[notify.maintenance.${name}]</code> of Settings.toml: it is changed there` : 'made over REST, kept by the service'}</dd>
        </dl>`}
    <//>`
}

/** @param {{ window: Window }} props */
function Gone({ window }) {
  const undo = () => {
    follow(`maintenance ${window.name}`)
    return makeMaintenance(window)
  }
  return html`<${Undone} row=${`gone ${window.name}`} title=${quoted(window.name)} word="removed" label=${`Undo: the maintenance window ${window.name} is removed`} undo=${undo} />`
}
