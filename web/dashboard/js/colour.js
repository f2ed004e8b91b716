/**
 * Colours for what is painted on a canvas: those of the CSS custom properties, as the theme in force has them.
 */

/** @type {HTMLElement|undefined} */
let probe

/** A custom property's colour as the theme in force has it. @param {string} property */
export function colour(property) {
  if (!probe) {
    probe = document.createElement('i')
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = `var(${property})`
  return getComputedStyle(probe).color
}
