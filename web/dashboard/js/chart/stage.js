/**
 * Whether an element is on screen, and how wide it is: what is not seen is neither loaded nor drawn.
 */
import { useEffect, useLayoutEffect, useRef, useState } from '../lib.js'

/** Charts this far outside of the window are made ready. */
const AHEAD_PX = 160

/** @returns {{ ref: { current: HTMLElement|null }, width: number, shown: boolean }} */
export function useStage() {
  const ref = useRef(/** @type {HTMLElement|null} */ (null))
  const [width, setWidth] = useState(0)
  const [shown, setShown] = useState(false)
  useLayoutEffect(() => { if (ref.current) setWidth(ref.current.clientWidth) }, [])
  useEffect(() => {
    const element = ref.current
    if (!element) return undefined
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

/** Draws at the next frame, once however often it is asked for; not at all while the page is hidden. @param {() => void} draw */
export function drawSoon(draw) {
  due.add(draw)
  if (frame !== 0 || document.visibilityState !== 'visible') return
  frame = requestAnimationFrame(flush)
}

/** @param {() => void} draw */
export const drawNever = (draw) => due.delete(draw)

function flush() {
  frame = 0
  const now = [...due]
  due.clear()
  for (const draw of now) draw()
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') {
    if (frame === 0 && due.size > 0) frame = requestAnimationFrame(flush)
  } else {
    cancelAnimationFrame(frame)
    frame = 0
  }
})
