/**
 * Lines as they come in, for the list: they come at the top while the reader is there, and wait while they read.
 *
 * @import { Found } from './asking.js'
 */
import { useEffect, useRef, useState } from '../lib.js'
import { labels } from './knowledge.js'
import { NO_TAIL, nsOf, pushed } from './lines.js'
import { follow, OPENING } from './tail.js'

/** Lines that a tail keeps. */
const MOST = 1000

/** @param {Found|null} found what was found before; null while nothing is followed */
export function useTail(found) {
  const [tail, setTail] = useState(NO_TAIL)
  const [waiting, setWaiting] = useState(0)
  const [paused, setPaused] = useState(false)
  const [holds, setHolds] = useState(false)
  const [link, setLink] = useState(OPENING)
  const box = useRef(/** @type {HTMLElement|null} */ (null))
  /** The lines that wait, and why they do. */
  const held = useRef({ list: NO_TAIL, hovers: false, paused: false, frame: 0 })

  /** Whether the reader is reading: the pointer or the focus is in the list, or the page is scrolled into it. */
  const reads = () => {
    const { hovers, paused: pauses } = held.current
    const list = box.current
    return pauses || hovers || (list !== null && (list.querySelector('.log-part:focus-within') !== null || list.getBoundingClientRect().top < topOf()))
  }
  const flush = () => {
    const { list } = held.current
    if (list.count === 0) return
    held.current.list = NO_TAIL
    setWaiting(0)
    setTail((before) => {
      const joined = pushed(before, list.parts.flat().reverse(), MOST)
      return { ...joined, left: joined.left + list.left }
    })
  }
  /** Shown or counted, once a frame. */
  const settle = () => {
    held.current.frame = 0
    const waits = reads()
    setHolds(waits)
    if (waits) setWaiting(held.current.list.count + held.current.list.left)
    else flush()
  }
  const soon = () => { held.current.frame ||= requestAnimationFrame(settle) }

  const key = found && `${found.query} ${found.end}`
  useEffect(() => {
    setTail(NO_TAIL)
    setWaiting(0)
    held.current.list = NO_TAIL
    if (!found) {
      held.current.paused = false
      setPaused(false)
      return undefined
    }
    setLink(OPENING)
    /** @type {ReturnType<typeof follow>|null} */
    let followed = null
    let ended = false
    let stop = () => {}
    // The tail does not say which labels belong to the stream.
    labels().catch(() => []).then((names) => {
      if (ended) return
      followed = follow(found.query, nsOf(found.end), new Set(names), (lines) => {
        held.current.list = pushed(held.current.list, lines, MOST)
        soon()
      }, found.parts.slice(0, 4).flat())
      stop = followed.link.subscribe(setLink)
    })
    addEventListener('scroll', soon, { passive: true })
    addEventListener('focusin', soon)
    return () => {
      ended = true
      stop()
      followed?.end()
      removeEventListener('scroll', soon)
      removeEventListener('focusin', soon)
      cancelAnimationFrame(held.current.frame)
      held.current.frame = 0
    }
  }, [key])
  return {
    tail, waiting, paused, holds, link, box, most: MOST,
    pause: () => {
      held.current.paused = !held.current.paused
      setPaused(held.current.paused)
      soon()
    },
    /** @param {boolean} hovers */
    hover: (hovers) => {
      held.current.hovers = hovers
      if (found) soon()
    },
    show: () => {
      held.current.hovers = false
      const list = box.current
      // The button that says how many wait goes away: the focus must not fall onto a line.
      const tools = /** @type {HTMLElement|null|undefined} */ (list?.closest('.panel')?.querySelector('.log-tools button'))
      if (list?.contains(document.activeElement)) tools?.focus({ preventScroll: true })
      flush()
      if (list && list.getBoundingClientRect().top < topOf()) scrollBy({ top: list.getBoundingClientRect().top - topOf() - 8 })
    },
  }
}

/** Where the page begins below the head that stays. */
const topOf = () => document.querySelector('.top')?.getBoundingClientRect().bottom ?? 0
