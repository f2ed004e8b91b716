/**
 * Whether an element is on screen, and how wide it is: what is not seen is neither loaded nor drawn. And when it is drawn: all at one time.
 */
import { signal, useLayoutEffect, useRef, useState } from '../lib.js'
import { pixelTime } from '../stores/place.js'

/** Charts this far outside of the window are made ready. */
const AHEAD_PX = 160

/** @returns {{ ref: { current: HTMLElement|null }, width: number, shown: boolean }} */
export function useStage() {
  const ref = useRef(/** @type {HTMLElement|null} */ (null))
  const [width, setWidth] = useState(0)
  const [shown, setShown] = useState(false)
  // What the observers would say a frame later is known at once.
  useLayoutEffect(() => {
    const element = ref.current
    if (!element) return undefined
    const { top, bottom } = element.getBoundingClientRect()
    setWidth(element.clientWidth)
    setShown(top < innerHeight + AHEAD_PX && bottom > -AHEAD_PX)
    const sizes = new ResizeObserver(() => setWidth(element.clientWidth))
    const sight = new IntersectionObserver((entries) => setShown(entries[entries.length - 1].isIntersecting), { rootMargin: `${AHEAD_PX}px` })
    sizes.observe(element)
    sight.observe(element)
    return () => {
      sizes.disconnect()
      sight.disconnect()
    }
  }, [])
  return { ref, width, shown }
}

/** @type {Set<() => void>} */
const due = new Set()
let frame = 0
let striking = false

/** Draws at the next frame, once however often it is asked for; not at all while the page is hidden. @param {() => void} draw */
export function drawSoon(draw) {
  due.add(draw)
  if (frame !== 0 || striking || document.visibilityState !== 'visible') return
  frame = requestAnimationFrame(flush)
}

/** @param {() => void} draw */
export const drawNever = (draw) => due.delete(draw)

function flush() {
  // What a drawing asks for, such as all charts at a beat, belongs to the same frame.
  for (const draw of due) {
    due.delete(draw)
    draw()
  }
  frame = 0
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') {
    if (frame === 0 && due.size > 0) frame = requestAnimationFrame(flush)
  } else {
    cancelAnimationFrame(frame)
    frame = 0
  }
})

/** Beats are no further apart than this, however long the period. */
const LONGEST_BEAT_S = 5

/** Rises when live charts and the figures of their legends are renewed: all at one time. */
export const beat = signal(0)
let beatAt = -Infinity
/** @type {ReturnType<typeof setTimeout>|undefined} */
let coming

/** Something live has changed. The next beat is at once, or when a pixel of time has passed since the one before. */
export function beatSoon() {
  const left = beatAt + 1000 * Math.min(LONGEST_BEAT_S, pixelTime.peek()) - performance.now()
  coming ??= setTimeout(() => {
    if (document.visibilityState !== 'visible') return drawSoon(strike)
    // Not in a frame of the page: it need not have one, since what is renewed is drawn beside it.
    striking = true
    strike()
    striking = false
    return flush()
  }, Math.max(0, left))
}

function strike() {
  coming = undefined
  beatAt = performance.now()
  beat.value += 1
}
