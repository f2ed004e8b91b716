/**
 * Long lists, of which only the rows in view exist.
 */
import { useLayoutEffect, useRef, useState } from '../lib.js'

/** Rows beyond the edges, so that a scroll finds something there. */
const AHEAD = 8

/**
 * @param {number} total rows @param {number} height of each, CSS pixels
 * @returns {{ box: { current: any }, from: number, to: number, onScroll: (event: any) => void, show: (index: number) => void }} `box`: the element that scrolls
 */
export function useRows(total, height) {
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  const [view, set] = useState({ top: 0, room: 600 })
  useLayoutEffect(() => {
    const into = box.current
    if (!into) return undefined
    const resize = new ResizeObserver(() => set({ top: into.scrollTop, room: into.clientHeight }))
    resize.observe(into)
    return () => resize.disconnect()
  }, [])
  const from = Math.max(0, Math.min(total, Math.floor(view.top / height) - AHEAD))
  return {
    box,
    from,
    to: Math.min(total, Math.ceil((view.top + view.room) / height) + AHEAD),
    onScroll: ({ currentTarget }) => {
      // Within what exists already nothing changes.
      if (Math.abs(currentTarget.scrollTop - view.top) >= height) set({ top: currentTarget.scrollTop, room: currentTarget.clientHeight })
    },
    show: (index) => {
      const into = box.current
      if (!into) return
      if (index * height < into.scrollTop) into.scrollTop = index * height
      else if ((index + 1) * height > into.scrollTop + into.clientHeight) into.scrollTop = (index + 1) * height - into.clientHeight
    },
  }
}
