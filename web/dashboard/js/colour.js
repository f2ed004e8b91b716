/**
 * Colours for what is painted on a canvas: those of the CSS custom properties, as the theme in force has them.
 *
 * Looking one up makes the browser work out styles, so each is asked for once a theme.
 */
import { repaint } from './stores/theme.js'

/** @type {HTMLElement|undefined} */
let probe
/** @type {Map<string, string>} */
const known = new Map()
let theme = -1

/** A custom property's colour as the theme in force has it. @param {string} property */
export function colour(property) {
  if (theme !== repaint.peek()) {
    theme = repaint.peek()
    known.clear()
  }
  const held = known.get(property)
  if (held !== undefined) return held
  if (!probe) {
    probe = document.createElement('i')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  const found = getComputedStyle(probe).color
  known.set(property, found)
  return found
}
