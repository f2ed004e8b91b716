/**
 * Which rule is written: it is in the address, `edit=new`, `edit=rule NAME`, `edit=copy NAME` or `edit=over NAME`, and `change=for 5m` where a
 * change of it is proposed.
 */
import { param, setParams } from '../stores/place.js'
import { follow } from './focus.js'

/** What is written; empty for nothing. */
export const edited = () => param('edit').value
/** What is changed in it to begin with; empty for nothing. */
export const proposed = () => param('change').value

/** Opens the editor. @param {string} what `new`; `rule NAME`; `copy NAME`; `over NAME` for a rule in the place of one of the settings @param {string} [change] what is proposed, as `alerts/halving.js` has it */
export function openEditor(what, change = '') {
  follow('rule editor')
  setParams({ edit: what, change }, { replace: true })
}

/** Closes it; the button that opened it takes the focus back. */
export function closeEditor() {
  setParams({ edit: '', change: '' }, { replace: true })
}

/** How the button is called that proposes a change. @param {string} name @param {string} change */
export const tryButton = (name, change) => `try ${change} ${name}`

/** How the button is called that opened the editor. */
export function openedBy() {
  const [what, change] = [edited(), proposed()]
  const name = what.slice(what.indexOf(' ') + 1)
  return what === 'new' ? 'edit new' : change ? tryButton(name, change) : `edit ${name}`
}
