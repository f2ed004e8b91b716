/**
 * What is painted for the width of the window, on paper: it is shown smaller as a whole, so that names stay beside their lanes.
 *
 * Before printing the width that it has now is written where the style sheet for paper finds it.
 */

/** What a sheet of A4 shows between its margins, in the pixels of a style sheet. */
const PAPER_PX = 680

/** Begins; returns what ends it. */
export function followPrinting() {
  const before = () => {
    for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.ribbon'))) {
      box.style.setProperty('--painted-width', `${box.clientWidth}px`)
      box.style.setProperty('--paper-zoom', String(Math.min(1, PAPER_PX / box.clientWidth)))
    }
  }
  addEventListener('beforeprint', before)
  return () => removeEventListener('beforeprint', before)
}
