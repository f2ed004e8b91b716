/**
 * Which rule is written: it is in the address, `edit=new`, `edit=rule NAME` or `edit=copy NAME`.
 */
import { param } from '../stores/place.js'
import { follow } from './focus.js'

/** What is written; empty for nothing. */
export const edited = () => param('edit').value

/** Opens the editor. @param {string} what `new`, `rule NAME` or `copy NAME` */
export function openEditor(what) {
  follow('rule editor')
  param('edit').value = what
}

/** Closes it. */
export const closeEditor = () => { param('edit').value = '' }
