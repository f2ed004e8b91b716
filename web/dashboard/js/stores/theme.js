/**
 * Light, dark, or as the system prefers; remembered in this browser.
 */
import { effect, signal } from '../lib.js'

/** @typedef {'auto'|'light'|'dark'} Theme */

/** @returns {Theme} */
function remembered() {
  try {
    const theme = localStorage.getItem('theme')
    return theme === 'light' || theme === 'dark' ? theme : 'auto'
  } catch {
    return 'auto'
  }
}

/** What the reader chose. */
export const theme = signal(remembered())

const system = matchMedia('(prefers-color-scheme: dark)')
/** Rises whenever colours on the page changed, for what is painted on a canvas. */
export const repaint = signal(0)

effect(() => {
  const chosen = theme.value
  if (chosen === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  try {
    if (chosen === 'auto') localStorage.removeItem('theme')
    else localStorage.setItem('theme', chosen)
  } catch {
    // The choice then lasts until the page is left.
  }
  changed()
})
system.addEventListener('change', changed)

/** Tells whoever paints; and the style sheet for paper, where pictures are as they were painted for the screen. */
function changed() {
  document.documentElement.dataset.shade = theme.peek() === 'auto' ? (system.matches ? 'dark' : 'light') : theme.peek()
  repaint.value = repaint.peek() + 1
}

/** auto → light → dark → auto. */
export function nextTheme() {
  theme.value = theme.value === 'auto' ? 'light' : theme.value === 'light' ? 'dark' : 'auto'
}
