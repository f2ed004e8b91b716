/**
 * Writing into a field as a reader does, so that the browser's undo takes it back; and brackets that come in pairs.
 */

/** @type {Record<string, string>} */
const PAIRS = { '(': ')', '[': ']', '{': '}', '"': '"' }

/** Writes in the place of `from` to `to`. @param {HTMLTextAreaElement} field @param {number} from @param {number} to @param {string} text @param {number} caret where it stands afterwards */
export function write(field, from, to, text, caret) {
  field.focus()
  field.setSelectionRange(from, to)
  // The one way of writing that the browser can undo.
  if (text !== '' || from !== to) document.execCommand(text === '' ? 'delete' : 'insertText', false, text)
  field.setSelectionRange(caret, caret)
}

/**
 * What a key does beside writing itself: an opening bracket brings its closing one, which is not written twice, and both go together.
 * @param {HTMLTextAreaElement} field @param {KeyboardEvent} event @returns {boolean} whether it was done
 */
export function pair(field, { key, ctrlKey, metaKey, altKey, isComposing }) {
  if (ctrlKey || metaKey || altKey || isComposing) return false
  const { value, selectionStart: from, selectionEnd: to } = field
  const [before, next] = [value[from - 1] ?? '', value[to] ?? '']
  if (from === to && next === key && Object.values(PAIRS).includes(key)) {
    field.setSelectionRange(from + 1, from + 1)
    return true
  }
  if (key === 'Backspace' && from === to && PAIRS[before] === next && next !== '') {
    write(field, from - 1, from + 1, '', from - 1)
    return true
  }
  const closing = PAIRS[key]
  // Before a word, and behind one for quotes, a single sign is meant.
  if (closing === undefined || /[\w"]/.test(next) || (key === '"' && /[\w"\\]/.test(before))) return false
  write(field, from, to, key + value.slice(from, to) + closing, from + 1)
  return true
}
