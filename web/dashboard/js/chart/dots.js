/**
 * The marks of exemplars over a plot: links, which the pointer and the keyboard open. Tab leads to one of them, arrow keys to the next.
 *
 * @import { Dot } from './exemplars.js'
 */

/** @param {HTMLElement} over what lies over the plot @param {() => void} left gives the focus to the plot */
export function makeDots(over, left) {
  const box = document.createElement('div')
  box.className = 'plot-dots'
  over.append(box)
  /** @type {Map<string, HTMLElement>} */
  const held = new Map()
  const focused = () => /** @type {HTMLElement|null} */ (box.contains(document.activeElement) ? document.activeElement : null)
  // A pull, a zoom and the events of the plot begin elsewhere.
  for (const name of ['pointerdown', 'click', 'dblclick']) box.addEventListener(name, (event) => event.stopPropagation())
  box.addEventListener('keydown', (event) => {
    const all = /** @type {HTMLElement[]} */ ([...box.children])
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key]
    if (to !== undefined) {
      rove(all, all[Math.max(0, Math.min(all.length - 1, to))])
      event.preventDefault()
    } else if (event.key === 'Escape') left()
    event.stopPropagation()
  })
  /** @param {HTMLElement[]} all @param {HTMLElement} to */
  const rove = (all, to) => {
    for (const dot of all) dot.tabIndex = dot === to ? 0 : -1
    to.focus()
  }
  return {
    /** @param {Dot[]} dots by time @param {(dot: Dot) => string} say @param {(dot: Dot) => string} hrefOf empty where there is nothing to open */
    show(dots, say, hrefOf) {
      const had = focused()
      const wanted = new Set(dots.map((dot) => dot.key))
      for (const [key, element] of held) {
        if (wanted.has(key)) continue
        element.remove()
        held.delete(key)
      }
      dots.forEach((dot, i) => {
        const element = held.get(dot.key) ?? made(dot, say(dot), hrefOf(dot))
        held.set(dot.key, element)
        element.dataset.place = dot.place
        element.style.transform = `translate(${Math.round(dot.x)}px, ${Math.round(dot.y)}px)`
        if (box.children[i] !== element) box.insertBefore(element, box.children[i] ?? null)
      })
      const first = /** @type {HTMLElement|null} */ (box.querySelector('[tabindex="0"]') ?? box.firstElementChild)
      if (first) first.tabIndex = 0
      if (had && !had.isConnected) left()
    },
  }
}

/** @param {Dot} dot @param {string} words @param {string} href */
function made(dot, words, href) {
  const element = document.createElement(href ? 'a' : 'span')
  if (href) element.setAttribute('href', href)
  else element.setAttribute('role', 'img')
  element.className = 'plot-dot'
  element.tabIndex = -1
  element.title = words
  element.setAttribute('aria-label', words)
  if (dot.trace) element.dataset.trace = dot.trace
  return element
}
